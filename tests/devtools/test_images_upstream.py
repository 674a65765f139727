"""BuildKit's image comes with our own: copied as moby has published it, or the one that was made on this machine."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.components.images.copying import copy as copy_to_platform
from bootstrap.components.images.source import Layouts
from devtools import base_images, engine, images, images_command, images_upstream
from devtools.errors import DevError
from devtools.images import Workshop
from devtools.layout import Destination, Layout
from devtools.paths import ROOT
from devtools.platform.layouts import LayoutFiles
from devtools.services import network, registry
from plugin_kit.reference import RegistryHost, parse_registry
from plugin_kit.registry import Registry


@pytest.fixture(scope="module")
def hub() -> Iterator[RegistryHost]:
    """Start a registry that stands for Docker Hub."""
    with network("upstream") as net, registry(net) as server:
        yield parse_registry(server.host)


@pytest.fixture
def there(hub: RegistryHost) -> Iterator[Registry]:
    """Reach it."""
    with Destination(host=hub, folder="").open(insecure=False) as opened:
        yield opened


@pytest.fixture
def published(there: Registry, tmp_path: Path) -> str:
    """Publish an image for two platforms, with an attestation, and return its digest."""
    layout = LayoutFiles.make(tmp_path, "published")
    children = [layout.image(b"amd", architecture="amd64"), layout.image(b"arm", architecture="arm64"), layout.image(b"attestation")]
    layout.write((layout.index(*children), "anything"))
    return Layout(folder=layout.folder).push(there, "moby/buildkit", ["v1"])


def arguments(**more: Any) -> argparse.Namespace:  # noqa: ANN401  options of any kind
    """Return a command line for the image buildkit."""
    return argparse.Namespace(**{"names": ["buildkit"], "platforms": None, "again": False, "insecure": False, "push": None, **more})


def contents(folder: Path) -> dict[str, bytes]:
    """Return the blobs of a layout."""
    return {path.name: path.read_bytes() for path in (folder / "blobs/sha256").iterdir()}


@pytest.mark.engine
def test_what_was_published_is_copied_for_every_platform(
    hub: RegistryHost, there: Registry, published: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, attestations too, into a layout that can be pushed; a mirror that has it not is passed over."""
    with network("upstream-mirror") as net, registry(net) as empty:
        monkeypatch.setattr(images_upstream, "origins", lambda: [parse_registry(empty.host), hub])
        monkeypatch.setattr(base_images, "pulled_digest", lambda _: published)
        layout = Layout(folder=tmp_path / "buildkit")
        images_upstream.copy("moby/buildkit:v1", layout, "docker.io/local-cicd/buildkit:1.0")
    assert contents(layout.folder) == contents(tmp_path / "published")
    assert layout.root.digest == published
    assert layout.platforms() == ["linux/arch0", "linux/arch1"]
    assert layout.push(there, "elsewhere/buildkit", ["1.0"]) == published
    found = Layouts(folder=tmp_path, tag="1.0").root("buildkit")
    assert found
    assert found.digest == published


@pytest.mark.engine
def test_a_copy_that_fails_leaves_what_was_there(
    hub: RegistryHost, published: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says who was asked, and what each answered."""
    layout = Layout(folder=tmp_path / "published")
    before = contents(layout.folder)
    nobody = parse_registry("127.0.0.1:1")
    monkeypatch.setattr(images_upstream, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(images_upstream, "origins", lambda: [nobody, hub])
    monkeypatch.setattr(base_images, "pulled_digest", lambda _: published.replace(published[-8:], "00000000"))
    with pytest.raises(DevError, match=rf"(?s)can't copy moby/buildkit@sha256:\w+:\n.*127.0.0.1:1.*\n  {hub.host} does not have it"):
        images_upstream.copy("moby/buildkit:v1", layout, "docker.io/local-cicd/buildkit:1.0")
    assert contents(layout.folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["published"]


@pytest.mark.engine
def test_docker_hub_is_asked_last() -> None:
    """The engine's own mirrors come first."""
    assert images_upstream.origins()[-1] == RegistryHost(host="docker.io")


@pytest.mark.engine
def test_the_engine_has_it_under_a_name_like_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is built for that."""
    monkeypatch.setattr(Workshop, "open", None)
    (built,) = images.built(["buildkit"])
    client = engine.connect()
    assert built.reference == "local-cicd/buildkit:dev"
    assert client.images.get(built.reference).id == client.images.get(base_images.BUILDKIT).id


@pytest.mark.engine
def test_bootstrap_finds_it_beside_the_plugins(
    there: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it was made on this machine, too: a layout like the others, and a row of the table with its size and platform."""
    if base_images.pulled(base_images.BUILDKIT):
        # Whatever this machine can pull is not what is tried here.
        monkeypatch.setattr(base_images, "pulled", lambda _: False)
    native = f"linux/{engine.connect().version()['Arch']}"
    images_command.main(arguments(output=str(tmp_path), platforms=native))
    layout = Layout(folder=tmp_path / "buildkit")
    copy_to_platform(Layouts(folder=tmp_path, tag="1.0"), "buildkit", there, "platform/buildkit", "1.0", beside=None, known={})
    stored = there.manifest("platform/buildkit", "1.0")
    assert stored
    assert stored.digest == layout.root.digest
    assert {each["mediaType"] for each in layout.root.document["layers"]} == {"application/vnd.oci.image.layer.v1.tar+gzip"}
    *_, row = capsys.readouterr().out.splitlines()
    assert row.split()[0] == "buildkit"
    assert int(row.split()[2]) > 10
    assert row.endswith(native)


def test_the_dockerfile_names_the_version_that_is_pinned() -> None:
    """Who builds without ./dev gets the same."""
    text = (ROOT / images.UPSTREAM[0].dockerfile).read_text(encoding="utf-8")
    assert f"ARG BUILDKIT_IMAGE={base_images.BUILDKIT}\n" in text
