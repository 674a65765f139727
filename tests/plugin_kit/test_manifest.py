"""Manifests are kept as bytes; what they say is read leniently, what they are is not."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from plugin_kit.manifest import (
    ACCEPTED,
    CREATED,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    PIPELINE,
    REVISION,
    Descriptor,
    Manifest,
    Stamp,
)
from plugin_kit.reference import digest_of
from tests.support.manifests import image_manifest

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = {"mediaType": CONFIG_TYPE, "digest": "sha256:c", "size": 100}
LAYERS = [{"mediaType": LAYER_TYPE, "digest": f"sha256:{number}", "size": number} for number in (10, 20)]


def parsed(document: dict[str, Any], media_type: str | None = None) -> Manifest:
    """Parse a document of schema version 2."""
    return Manifest.parse(json.dumps({"schemaVersion": 2, **document}).encode(), media_type)


def child(digest: str, **platform: str) -> dict[str, Any]:
    """Make an entry of an index."""
    return {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, **({"platform": platform} if platform else {})}


def test_the_digest_is_that_of_the_bytes() -> None:
    """Blanks and the order of keys are part of the identity."""
    content = b'{ "schemaVersion" : 2,\n "layers": [] }\n'
    manifest = Manifest.parse(content, OCI_MANIFEST)
    assert manifest.content == content
    assert manifest.digest == digest_of(content)


@pytest.mark.parametrize("media_type", ACCEPTED)
def test_the_type_in_the_document_wins(media_type: str) -> None:
    """A registry may state another Content-Type; what was signed is what counts."""
    assert parsed({"mediaType": media_type}, "text/plain").media_type == media_type


@pytest.mark.parametrize(
    ("document", "header", "expected"),
    [
        ({}, OCI_INDEX, OCI_INDEX),
        ({}, f"{DOCKER_MANIFEST}; charset=utf-8", DOCKER_MANIFEST),
        ({}, None, OCI_MANIFEST),
        ({"manifests": []}, None, OCI_INDEX),
        ({"manifests": []}, "application/json", OCI_INDEX),
        ({"mediaType": "application/vnd.example"}, OCI_MANIFEST, OCI_MANIFEST),
    ],
)
def test_a_missing_type_comes_from_the_header_or_the_shape(document: dict[str, Any], header: str | None, expected: str) -> None:
    """OCI manifests need not state their type (image specification 1.0)."""
    assert parsed(document, header).media_type == expected


@pytest.mark.parametrize(("media_type", "index"), [(OCI_MANIFEST, False), (DOCKER_MANIFEST, False), (OCI_INDEX, True), (DOCKER_LIST, True)])
def test_an_index_is_told_from_a_manifest(media_type: str, index: bool) -> None:
    """Both makers' indexes count."""
    assert parsed({"mediaType": media_type}).is_index is index


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"null", "not a manifest of schema version 2"),
        (b'{"schemaVersion": 1, "history": []}', "not a manifest of schema version 2"),
        (b'{"errors": []}', "not a manifest of schema version 2"),
    ],
)
def test_what_is_no_manifest_is_a_value_error(content: bytes, reason: str) -> None:
    """Anything else that a server may answer is refused with its reason."""
    with pytest.raises(ValueError, match=reason):
        Manifest.parse(content, OCI_MANIFEST)


def test_a_manifest_gives_config_layers_and_size() -> None:
    """The size is what a pull moves: config and layers."""
    manifest = parsed({"config": CONFIG, "layers": LAYERS})
    assert manifest.config == Descriptor(media_type=CONFIG_TYPE, digest="sha256:c", size=100)
    assert [layer.digest for layer in manifest.layers] == ["sha256:10", "sha256:20"]
    assert manifest.size == 130


def test_an_index_gives_its_images_without_attestations() -> None:
    """BuildKit's provenance is filed under `unknown/unknown`, and is no image."""
    index = parsed(
        {
            "mediaType": OCI_INDEX,
            "manifests": [
                child("sha256:1", os="linux", architecture="amd64"),
                child("sha256:2", os="linux", architecture="arm", variant="v7"),
                child("sha256:3", os="unknown", architecture="unknown"),
                child("sha256:4"),
            ],
        }
    )
    assert [(each.digest, each.platform) for each in index.children] == [("sha256:1", "linux/amd64"), ("sha256:2", "linux/arm/v7")]
    assert index.config is None
    assert index.size == 0


def test_an_empty_manifest_is_no_trouble() -> None:
    """Nulls, as some tools write them, are read as nothing."""
    manifest = parsed({"layers": None, "annotations": None, "manifests": None, "config": None})
    assert (manifest.layers, manifest.annotations, manifest.children, manifest.config, manifest.size) == ((), {}, (), None, 0)


WHEN = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("annotations", "stamp"),
    [
        ({}, Stamp(created=None, revision=None, pipeline=None)),
        ({CREATED: "2026-05-04T10:00:00Z"}, Stamp(created=WHEN, revision=None, pipeline=None)),
        (
            {CREATED: "2026-05-04T12:00:00+02:00"},
            Stamp(created=WHEN.astimezone(timezone(timedelta(hours=2))), revision=None, pipeline=None),
        ),
        ({CREATED: "2026-05-04T10:00:00"}, Stamp(created=None, revision=None, pipeline=None)),
        ({CREATED: "yesterday"}, Stamp(created=None, revision=None, pipeline=None)),
        ({CREATED: ""}, Stamp(created=None, revision=None, pipeline=None)),
        ({REVISION: "abc", PIPELINE: "17"}, Stamp(created=None, revision="abc", pipeline=17)),
        ({PIPELINE: "-1"}, Stamp(created=None, revision=None, pipeline=None)),
        ({PIPELINE: "seven"}, Stamp(created=None, revision=None, pipeline=None)),
    ],
)
def test_a_stamp_is_read_from_annotations(annotations: dict[str, str], stamp: Stamp) -> None:
    """What is missing, unreadable or without a time zone is "not known"."""
    assert Stamp.of(image_manifest(annotations=annotations)) == stamp


def test_a_manifest_does_not_print_its_bytes() -> None:
    """In a log or a traceback a manifest is its type and digest."""
    manifest = image_manifest(annotations={"note": "long and boring"})
    assert manifest.digest in repr(manifest)
    assert "boring" not in repr(manifest)
