"""The release record as a document: what is written can be read, by older and newer versions too."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from plugin_kit.errors import PluginError
from plugin_kit.release import Pipeline, Release, ReleasedImage, candidate_tag, read_workspace, write_workspace
from tests.support.releases import API, RELEASE, SHA, WEB


def test_a_record_survives_the_round_trip() -> None:
    """What was written is what is read."""
    assert Release.from_json(RELEASE.to_json(), origin="x") == RELEASE


def test_the_document_has_the_agreed_shape() -> None:
    """The keys are a contract with kargo-notify, with scripts and with people."""
    document = json.loads(RELEASE.to_json())
    assert set(document) == {
        "schema_version",
        "repository",
        "revision",
        "created",
        "pipeline",
        "held",
        "forward_tags",
        "force_latest",
        "forced",
        "images",
    }
    assert document["schema_version"] == 1
    assert document["created"] == "2026-05-04T10:00:00Z"
    assert document["pipeline"] == {"number": 7, "url": "https://ci.example.lan/7"}
    assert document["images"][0] == {
        "name": "api",
        "repository": "registry.lan:5000/shop/api",
        "tag": SHA,
        "wanted_tags": [SHA, "latest"],
        "digest": API.digest,
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "platforms": ["linux/amd64"],
        "config_digest": API.config_digest,
        "size": 1234,
        "state": "built",
        "seconds": 1.5,
    }


def test_the_document_is_for_people_too() -> None:
    """It is indented, and ends with a line end."""
    text = RELEASE.to_json().decode()
    assert text.endswith("}\n")
    assert '\n  "revision"' in text


def test_fields_of_a_newer_version_are_ignored() -> None:
    """A newer writer may add fields everywhere."""
    document = json.loads(RELEASE.to_json())
    document["signed_by"] = "ada"
    document["pipeline"]["event"] = "push"
    document["images"][0]["sbom"] = "sha256:1"
    assert Release.from_json(json.dumps(document).encode(), origin="x") == RELEASE


def test_optional_fields_may_be_left_out() -> None:
    """A record made on a laptop knows neither repository nor pipeline, an older one not which tags only move forward."""
    document = json.loads(RELEASE.to_json())
    for key in ("repository", "pipeline", "held", "forward_tags", "force_latest", "forced", "schema_version"):
        del document[key]
    for key in ("config_digest", "seconds"):
        del document["images"][0][key]
    release = Release.from_json(json.dumps(document).encode(), origin="x")
    assert (release.repository, release.pipeline, release.held) == (None, Pipeline(), False)
    assert (release.forward_tags, release.force_latest, release.forced) == (("latest",), False, False)
    assert release.images[0].config_digest is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 2}, "schema_version: Input should be 1"),
        ({"created": "2026-05-04T10:00:00"}, "created: Input should have timezone info"),
        ({"images": None}, "images: "),
        ({"revision": None}, "revision: "),
        ({"images": [{"name": "api"}]}, "images.0.repository: Field required"),
    ],
)
def test_a_record_that_cannot_be_read_says_where_and_what(change: dict[str, Any], words: str) -> None:
    """The error names the document and the field, and hints at a newer version."""
    content = json.dumps({**json.loads(RELEASE.to_json()), **change}).encode()
    with pytest.raises(PluginError) as caught:
        Release.from_json(content, origin="registry.lan/shop/releases:latest")
    assert caught.value.message.startswith("registry.lan/shop/releases:latest is not a release record that this version reads: ")
    assert words in caught.value.message
    assert "update the plugin image" in (caught.value.hint or "")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"\xff"])
def test_what_is_no_json_object_is_a_plugin_error(content: bytes) -> None:
    """Never a traceback."""
    with pytest.raises(PluginError, match="is not a release record"):
        Release.from_json(content, origin="x")


def test_an_image_is_found_by_its_repository() -> None:
    """The full name with host is the key: names may repeat between projects."""
    assert RELEASE.image("registry.lan:5000/shop/web") == WEB
    assert RELEASE.image("other.lan/shop/web") is None


def image(*tags: str) -> ReleasedImage:
    """Make an image that shall get these tags."""
    return API.model_copy(update={"wanted_tags": tags})


@pytest.mark.parametrize(
    ("images", "tags"),
    [
        ((), ()),
        ((image(SHA, "latest"),), (SHA, "latest")),
        ((image(SHA, "latest"), image("latest", SHA)), (SHA, "latest")),
        ((image(SHA, "latest", "1.0"), image(SHA, "1.0")), (SHA, "1.0")),
        ((image(SHA), image("latest")), ()),
    ],
)
def test_the_record_gets_the_tags_that_all_images_share(images: tuple[ReleasedImage, ...], tags: tuple[str, ...]) -> None:
    """In the order of the first image."""
    assert RELEASE.model_copy(update={"images": images}).wanted_tags == tags


def test_a_record_cannot_be_changed() -> None:
    """What was pushed stays what it was."""
    with pytest.raises(ValidationError):
        RELEASE.held = True  # type: ignore[misc]  # that it is refused is the point


def test_a_time_without_zone_is_refused() -> None:
    """The order of releases depends on the time: it must mean the same everywhere."""
    with pytest.raises(ValidationError, match="timezone"):
        Release(revision=SHA, created=datetime(2026, 5, 4), images=())  # noqa: DTZ001  that it is refused is the point
    assert Release(revision=SHA, created=datetime(2026, 5, 4, tzinfo=UTC), images=()).images == ()


def test_a_candidate_is_named_after_its_commit() -> None:
    """The tag cannot be taken for a released one by the regex of 40 hexadecimal digits."""
    assert candidate_tag(SHA) == f"candidate-{SHA}"


def test_the_workspace_file_can_be_read_by_every_step(tmp_path: Path) -> None:
    """Steps run as different users; git does not see the folder; a rerun overwrites."""
    for _ in range(2):
        path = write_workspace(RELEASE, tmp_path)
    assert path == tmp_path / ".local-cicd" / "release.json"
    assert path.read_bytes() == RELEASE.to_json()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert (tmp_path / ".local-cicd" / ".gitignore").read_text() == "*\n"


def test_the_workspace_file_is_read_back(tmp_path: Path) -> None:
    """What one step wrote the next one reads."""
    write_workspace(RELEASE, tmp_path)
    assert read_workspace(tmp_path) == RELEASE


def test_a_workspace_without_record_has_none(tmp_path: Path) -> None:
    """Such as that of another workflow."""
    assert read_workspace(tmp_path) is None


def test_a_workspace_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """Half a document names the file; a folder in its place, the reason."""
    path = write_workspace(RELEASE, tmp_path)
    path.write_bytes(RELEASE.to_json()[:40])
    with pytest.raises(PluginError, match=r"\.local-cicd/release\.json in the workspace is not a release record"):
        read_workspace(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(PluginError, match=r"\.local-cicd/release\.json in the workspace can't be read: Is a directory"):
        read_workspace(tmp_path)
