"""One control plane for all tests here that need no more than an API server, and one with controllers and nodes; both for a whole run."""

from collections.abc import Iterator
from pathlib import Path

import lightkube
import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace

from devtools.controlplane import ControlPlane, programs
from devtools.errors import DevError
from devtools.platform import kargo_crds
from devtools.platform.description import Document
from devtools.platform.world import PlatformWorld
from tests.support.platform_journey import Journey

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark of every test here."""
    config.addinivalue_line("markers", "cluster: needs the tests' Kubernetes, built from Go modules (./dev test --fast leaves these out)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.cluster)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the programs when a test of this folder is to run: before the first test, because none may take that long."""
    if session.config.option.collectonly or not any(item.path.is_relative_to(HERE) for item in session.items):
        return
    capture = session.config.pluginmanager.get_plugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        try:
            programs.build()
        except DevError as error:
            pytest.exit(f"the tests' Kubernetes can't be built: {error}", returncode=pytest.ExitCode.TESTS_FAILED)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Start etcd and an API server that knows Kargo's kinds; the user `nobody` may do nothing there."""
    with ControlPlane.start(tmp_path_factory.mktemp("control-plane")) as plane:
        plane.apply(kargo_crds.manifests())
        yield plane


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Start a control plane with controllers, scheduler and two made-up nodes."""
    with ControlPlane.start(tmp_path_factory.mktemp("cluster"), controllers=True, nodes=2) as plane:
        yield plane


def impatient(document: Document) -> None:
    """Let no wait be longer than a test may take."""
    document["timeouts"] = {"ready": "60s", "deleted": "60s"}


@pytest.fixture(scope="session")
def travelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """Bring the platform of the example up on a cluster of its own, twice, take it down, and bring it up again with the other Helm."""
    with PlatformWorld.start(tmp_path_factory.mktemp("platform") / "world", edit=impatient) as world:
        found = Journey(world=world)
        found.run_applications()
        found.go("before", "--version")
        found.go("plan", "plan")
        found.go("up", "up", "--yes")
        found.go("plan again", "plan", "--json")
        found.go("up again", "up", "--yes")
        found.go("status", "status", "--json")
        found.go("down", "down", "--yes")
        world.use_helm("helm4")
        found.go("back", "up", "--yes")
        yield found


@pytest.fixture
def journey(travelled: Journey) -> Iterator[Journey]:
    """Go on with it; between its tests nobody plays there, so that others have the machine for themselves."""
    travelled.world.rest.end()
    yield travelled
    travelled.world.rest.begin()


@pytest.fixture(scope="session")
def admin(control_plane: ControlPlane) -> Iterator[lightkube.Client]:
    """Connect as who may do everything."""
    with control_plane.client() as client:
        yield client


@pytest.fixture
def namespace(admin: lightkube.Client) -> str:
    """Make a namespace that no other test uses; it stays, since without controllers none ever goes."""
    made = admin.create(Namespace(metadata=ObjectMeta(generateName="test-")))
    assert made.metadata
    assert made.metadata.name
    return made.metadata.name
