"""Manifests as bytes, for tests that need one and don't care for its layers."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from plugin_kit.manifest import CREATED, OCI_MANIFEST, PIPELINE, REVISION, Manifest
from plugin_kit.reference import digest_of

CONFIG = b"{}"


def image_manifest(
    *,
    revision: str | None = None,
    created: datetime | None = None,
    pipeline: int | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Make the manifest of an image without layers, stamped as asked for."""
    stamps = {
        **({REVISION: revision} if revision else {}),
        **({CREATED: created.isoformat()} if created else {}),
        **({PIPELINE: str(pipeline)} if pipeline is not None else {}),
        **(annotations or {}),
    }
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(CONFIG), "size": len(CONFIG)},
        "layers": [],
        **({"annotations": stamps} if stamps else {}),
    }
    # Not as json.dumps writes it by itself: who parses and writes it again has another digest.
    return Manifest.parse(json.dumps(document, indent=3).encode(), OCI_MANIFEST)
