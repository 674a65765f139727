"""One registry and one warm BuildKit for all tests here; each test has a project of its own in them."""

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devtools import images
from devtools.services import Services
from tests.support import mirror_scene
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.mirror_scene import MirrorScene
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


@pytest.fixture(scope="session")
def new_project(services: Services, contents: RegistryContents, plugin_images: dict[str, str]) -> Callable[[str], Project]:
    """Return what makes projects that no other test uses, named after what they are for."""

    def make(purpose: str) -> Project:
        words = re.sub(r"[^a-z0-9]+", "-", purpose.lower())[:24].strip("-")
        return Project(name=f"{words}-{secrets.token_hex(3)}", services=services, contents=contents, plugin_images=plugin_images)

    return make


@pytest.fixture
def project(request: pytest.FixtureRequest, new_project: Callable[[str], Project]) -> Project:
    """Give the test a project of its own."""
    return new_project(request.node.name.removeprefix("test_"))


@pytest.fixture
def repo(tmp_path: Path) -> Monorepo:
    """Make a repository of three images and an unpushed base."""
    return monorepo(tmp_path / "shop", images=3)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MirrorScene]:
    """Start a forge and what stands for GitHub; each test mirrors to a repository of its own."""
    with mirror_scene.running(tmp_path_factory.mktemp("forge") / "shop") as started:
        yield started
