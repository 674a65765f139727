"""Images are copied into a real registry, and into the one in memory that stands for it: byte for byte, and only what is missing."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.components.images.component import Images, names
from bootstrap.components.images.image import Image
from bootstrap.core.change import Change
from bootstrap.core.context import Context
from devtools import registry
from devtools.containers import network
from devtools.platform import layouts
from devtools.platform.image_registry import ImageRegistry
from devtools.platform.layouts import LayoutFiles
from devtools.registry import Registry
from tests.support.bootstrap_run import a_platform
from tests.support.registry_contents import RegistryContents
from tests.support.still_cluster import StillCluster

# docker-py leaves the sockets of its streams to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket.socket fd=.*, family=1,:ResourceWarning")

Store = Registry | ImageRegistry


@pytest.fixture(scope="module", params=[pytest.param("docker-registry", marks=pytest.mark.engine), "in memory"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Start a registry."""
    if request.param == "in memory":
        with ImageRegistry.serving() as serving:
            yield serving
        return
    with network("bootstrap-images") as net, registry.registry(net) as running:
        yield running


@pytest.fixture
def contents(store: Store) -> Iterator[RegistryContents]:
    """Look into it."""
    looking = RegistryContents(store.host)
    yield looking
    looking.close()


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """Return a path that no other test uses."""
    return re.sub(r"[^a-z0-9]+", "-", str(request.node.name)).strip("-")


def run(store: Store, folder: Path, project: str, source: str = "./images", tag: str = "1.0") -> Context:
    """Return a run on this registry."""
    wanted = {"mode": "external", "host": store.host}
    return StillCluster().context(
        a_platform(registry=wanted, images={"source": source, "project": project, "tag": tag}), folder, locked=True
    )


def copy(context: Context) -> list[Change]:
    """Do what the plan says and return it; afterwards there is nothing left to do."""
    images = [each for each in Images().resources(context) if isinstance(each, Image)]
    changes = [(each, change) for each in images if (change := each.observe(context).change)]
    for each, change in changes:
        each.apply(context, change)
    assert not any(each.observe(context).change for each in images)
    return [change for _, change in changes]


def printed(context: Context) -> str:
    """Return what a person has read."""
    out = context.console._out
    assert isinstance(out, io.StringIO)
    return out.getvalue()


def test_all_images_are_copied_once(store: Store, contents: RegistryContents, project: str, tmp_path: Path) -> None:
    """The second time nothing is sent, and nothing is shown as a change."""
    wanted = layouts.all_of(tmp_path / "images", names(a_platform()))
    assert len(copy(run(store, tmp_path, project))) == len(wanted)
    assert {name: contents.manifest(f"{project}/{name}", "1.0").digest for name in wanted} == wanted
    assert copy(run(store, tmp_path, project)) == []


def test_layers_that_the_images_share_are_sent_once(store: Store, project: str, tmp_path: Path) -> None:
    """The plugins stand on one base: it is mounted from the first image into the others."""
    layouts.all_of(tmp_path / "images", names(a_platform()), shared=b"a base of this test alone")
    context = run(store, tmp_path, project)
    copy(context)
    sent = re.findall(r"(\d) of 3 blobs sent", printed(context))
    # Config, base and own layer the first time; then only the own layer, for the config is the same in this test.
    assert sent == ["3", "1", "1", "1"]


def test_an_index_keeps_its_bytes_and_its_attestation(store: Store, contents: RegistryContents, project: str, tmp_path: Path) -> None:
    """A registry refuses an index without all that it lists, and other bytes would be another digest."""
    for name in names(a_platform())[1:]:
        layouts.simple(tmp_path / "images", name)
    layout = LayoutFiles.make(tmp_path / "images", "registry-push")
    children = [layout.image(b"amd", architecture="amd64"), layout.image(b"arm", architecture="arm64"), layout.image(b"attestation")]
    digest = layout.write((layout.index(*children), "anything"))
    copy(run(store, tmp_path, project))
    stored = contents.manifest(f"{project}/registry-push", "1.0")
    assert (stored.digest, stored.media_type) == (digest, layouts.INDEX)
    for child in children:
        assert contents.manifest(f"{project}/registry-push", child["digest"]).digest == child["digest"]


def test_images_come_from_another_path_of_the_same_registry(store: Store, contents: RegistryContents, project: str, tmp_path: Path) -> None:
    """As from a registry that the whole company has; the digests are the same there and here."""
    wanted = layouts.all_of(tmp_path / "images", names(a_platform()))
    copy(run(store, tmp_path, f"{project}/upstream"))
    context = run(store, tmp_path / "empty", f"{project}/ours", source=f"{store.host}/{project}/upstream")
    copy(context)
    assert {name: contents.manifest(f"{project}/ours/{name}", "1.0").digest for name in wanted} == wanted
    # Nothing goes through this machine: one repository of a registry takes over the blobs of another.
    assert set(re.findall(r"(\d) of 3 blobs sent", printed(context))) == {"0"}


def test_the_tag_is_set_last(store: Store, contents: RegistryContents, project: str, tmp_path: Path) -> None:
    """A copy that was broken off leaves no tag that points to half an image."""
    for name in names(a_platform()):
        layouts.simple(tmp_path / "images", name)
    layout = LayoutFiles(folder=tmp_path / "images" / "registry-push")
    layer = next(file for file in (layout.folder / "blobs/sha256").iterdir() if file.read_bytes() == b"registry-push")
    content = layer.read_bytes()
    layer.unlink()
    context = run(store, tmp_path, project)
    broken = next(each for each in Images().resources(context) if isinstance(each, Image) and each.name == "registry-push")
    change = broken.observe(context).change
    assert change
    with pytest.raises(Exception, match="not complete"):
        broken.apply(context, change)
    assert contents.tags(f"{project}/registry-push") == set()
    layer.write_bytes(content)
    copy(context)
    assert contents.tags(f"{project}/registry-push") == {"1.0"}
