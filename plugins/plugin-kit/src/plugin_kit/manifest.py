"""Manifests of the OCI image specification, kept as the bytes that the registry holds.

A digest is the hash of those bytes: a manifest that is parsed and written again has another digest, so nothing here does that.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from plugin_kit.reference import digest_of

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
# A registry converts or picks a child when a type is missing here (distribution/distribution#2395, opencontainers/distribution-spec#207).
ACCEPTED = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)

CREATED = "org.opencontainers.image.created"
REVISION = "org.opencontainers.image.revision"
SOURCE = "org.opencontainers.image.source"
VERSION = "org.opencontainers.image.version"
# The pipeline's number: breaks the tie of two commits of one second.
PIPELINE = "io.local-cicd.pipeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What an index or manifest says of a part of it: media type, digest, size in bytes, and the platform of an index's child."""

    media_type: str
    digest: str
    size: int
    platform: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest or index: its bytes, their digest, and what they say."""

    media_type: str
    content: bytes = field(repr=False)
    digest: str
    document: dict[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, content: bytes, media_type: str | None) -> "Manifest":
        """Read a manifest; raises ValueError when the bytes are none."""
        try:
            document = json.loads(content)
        except ValueError:
            raise ValueError("not JSON") from None
        if not isinstance(document, dict) or document.get("schemaVersion") != 2:  # noqa: PLR2004  the specification's constant
            raise ValueError("not a manifest of schema version 2")
        stated = document.get("mediaType") or (media_type or "").split(";", 1)[0].strip()
        if stated not in ACCEPTED:
            stated = OCI_INDEX if "manifests" in document else OCI_MANIFEST
        return cls(media_type=stated, content=content, digest=digest_of(content), document=document)

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests for several platforms."""
        return self.media_type in {OCI_INDEX, DOCKER_LIST}

    @property
    def annotations(self) -> dict[str, str]:
        """Its own annotations."""
        return dict(self.document.get("annotations") or {})

    @property
    def config(self) -> Descriptor | None:
        """The config of a single manifest."""
        entry = self.document.get("config")
        return _descriptor(entry) if isinstance(entry, dict) else None

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers of a single manifest, lowest first."""
        return tuple(_descriptor(entry) for entry in self.document.get("layers") or ())

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """The images of an index; attestations, which BuildKit files under `unknown/unknown`, are left out."""
        every = (_descriptor(entry) for entry in self.document.get("manifests") or ())
        return tuple(child for child in every if child.platform and not child.platform.startswith("unknown/"))

    @property
    def size(self) -> int:
        """Bytes that a pull of a single manifest moves: config and layers."""
        config = self.config
        return (config.size if config else 0) + sum(layer.size for layer in self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When, of which commit and by which pipeline an image was made, as far as its annotations say."""

    created: datetime | None
    revision: str | None
    pipeline: int | None

    @classmethod
    def of(cls, manifest: Manifest) -> "Stamp":
        """Read the stamp of a manifest; what is missing or unreadable is None."""
        notes = manifest.annotations
        number = notes.get(PIPELINE, "")
        return cls(created=_moment(notes.get(CREATED)), revision=notes.get(REVISION), pipeline=int(number) if number.isdigit() else None)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _descriptor(entry: dict[str, Any]) -> Descriptor:
    platform = entry.get("platform") or {}
    parts = [platform.get("os"), platform.get("architecture"), platform.get("variant")]
    return Descriptor(
        media_type=str(entry.get("mediaType", "")),
        digest=str(entry.get("digest", "")),
        size=int(entry.get("size", 0)),
        platform="/".join(part for part in parts if part) or None,
    )
