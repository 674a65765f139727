"""OCI image layouts of a few bytes, as `./dev images --output` would write them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutFiles:
    """A layout in a folder of its own, named after the image."""

    folder: Path

    @classmethod
    def make(cls, parent: Path, name: str) -> "LayoutFiles":
        """Make an empty one."""
        (parent / name / "blobs/sha256").mkdir(parents=True)
        (parent / name / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return cls(folder=parent / name)

    def image(self, *layers: bytes, architecture: str = "amd64") -> dict[str, Any]:
        """Add an image and return its descriptor."""
        config = json.dumps({"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [self.blob(layer, "application/vnd.oci.image.layer.v1.tar+gzip") for layer in layers],
        }
        # Written unlike any writer of JSON would, so that bytes that were parsed and written again would show.
        return self.blob(json.dumps(document, indent=3).encode(), MANIFEST)

    def index(self, *children: dict[str, Any]) -> dict[str, Any]:
        """Add an index of several platforms, the last of them an attestation, and return its descriptor."""
        platforms = [{"os": "linux", "architecture": f"arch{number}"} for number, _ in enumerate(children[:-1])]
        entries = [{**child, "platform": platform} for child, platform in zip(children, [*platforms, _UNKNOWN], strict=True)]
        return self.blob(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, indent=3).encode(), INDEX)

    def write(self, *roots: tuple[dict[str, Any], str]) -> str:
        """Write the list of images with their names, and return the digest of the first."""
        entries = [{**root, "annotations": {"org.opencontainers.image.ref.name": tag}} for root, tag in roots]
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
        return str(roots[0][0]["digest"])

    def blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        """Add a blob and return its descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        self.file(f"sha256:{digest}").write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def file(self, digest: str) -> Path:
        """Return the file of a blob."""
        return self.folder / "blobs/sha256" / digest.removeprefix("sha256:")


def simple(parent: Path, name: str, *layers: bytes, tag: str = "f20609f") -> str:
    """Write a layout with one image and return its digest."""
    layout = LayoutFiles.make(parent, name)
    return layout.write((layout.image(*(layers or (name.encode(),))), tag))


def all_of(parent: Path, names: Sequence[str], shared: bytes = b"base") -> dict[str, str]:
    """Write a layout for each name, all with a layer in common; return their digests."""
    return {name: simple(parent, name, shared, f"only {name}".encode()) for name in names}


_UNKNOWN = {"os": "unknown", "architecture": "unknown"}
