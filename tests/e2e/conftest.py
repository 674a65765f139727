"""One registry and one warm BuildKit for all tests here; each test has a project of its own in them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import engine, images
from devtools.services import Services
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.monorepo import Monorepo, monorepo
from tests.support.project import Project
from tests.support.registry_contents import RegistryContents


def pytest_configure(config: pytest.Config) -> None:
    """Let docker-py leave the sockets of its streams to the garbage collector; here or in whatever test runs then."""
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket.socket fd=.*, family=1,:ResourceWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: each one runs containers."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.engine)


@pytest.fixture(scope="session")
def plugin_images() -> dict[str, str]:
    """Build the plugin's images where their sources have changed."""
    return images.build()


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """Start a registry, a mirror of docker.io and a BuildKit that stays."""
    with Services.start(name="e2e") as running:
        yield running


@pytest.fixture(scope="session")
def contents(services: Services) -> Iterator[RegistryContents]:
    """Look into the registry."""
    looking = RegistryContents(services.registry.host)
    yield looking
    looking.close()


@pytest.fixture(scope="session")
def proxy(services: Services, plugin_images: dict[str, str]) -> Iterator[FaultProxy]:
    """Stand between the plugin, or BuildKit, and the registry."""
    with fault_proxy(services.network, plugin_images["registry-push"], upstream=services.registry.inside) as running:
        yield running


@pytest.fixture
def project(request: pytest.FixtureRequest, services: Services, contents: RegistryContents, plugin_images: dict[str, str]) -> Project:
    """Give the test a project that no other test uses."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")[:40].strip("-")
    name = f"{words}-{engine.unique('x')[-6:]}"
    return Project(name=name, services=services, contents=contents, plugin_images=plugin_images)


@pytest.fixture
def repo(tmp_path: Path) -> Monorepo:
    """Make a repository of three images and an unpushed base."""
    return monorepo(tmp_path / "shop", images=3)
