"""Commits whose images are held for kargo-notify: small ones, as registry-push leaves them in a registry."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from plugin_kit.http import Http
from plugin_kit.manifest import CREATED, OCI_MANIFEST, PIPELINE, REVISION, Manifest
from plugin_kit.parallel import each
from plugin_kit.reference import digest_of, parse_registry
from plugin_kit.registry import Registry
from plugin_kit.release import LATEST, RELEASES, Pipeline, Release, ReleasedImage, candidate_tag
from plugin_kit.releases import push_release

LAYERS = 5
# Manifest and config are read, each layer is asked for.
REQUESTS_PER_IMAGE = 2 + LAYERS
WATCHED = "image-0001"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_FIRST = datetime(2026, 5, 4, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCommit:
    """A commit in a project of a registry (host:port); `number` makes it another one, and a later one."""

    host: str
    project: str
    number: int
    images: int

    @property
    def sha(self) -> str:
        """The commit's id."""
        return hashlib.sha1(f"{self.project} {self.number}".encode(), usedforsecurity=False).hexdigest()

    @property
    def tag(self) -> str:
        """What the images can be found by until they are released."""
        return candidate_tag(self.sha)

    @property
    def created(self) -> datetime:
        """The time of the commit."""
        return _FIRST + timedelta(minutes=self.number)

    @property
    def paths(self) -> list[str]:
        """The repositories of the images."""
        return [f"{self.project}/image-{number:04}" for number in range(1, self.images + 1)]

    def push(self) -> None:
        """Push images and record."""
        with Http(timeout=60) as http:
            registry = Registry(parse_registry(self.host), http)
            base = f"{self.project}/base"
            layers = [registry.put_blob(base, self._layer(number)) for number in range(LAYERS)]

            def push_image(path: str) -> ReleasedImage:
                if not registry.has_blob(path, layers[-1]):
                    for layer in layers:
                        registry.mount_blob(path, layer, source=base)
                config = self._config(path, layers)
                registry.put_blob(path, config)
                manifest = self._manifest(config, layers)
                registry.put_manifest(path, self.tag, manifest)
                return self._released(path, manifest)

            push_release(registry, f"{self.project}/{RELEASES}", self._release(each(push_image, self.paths)), self.tag)

    def next(self) -> "HeldCommit":
        """Return the commit after this one."""
        return replace(self, number=self.number + 1)

    def _layer(self, number: int) -> bytes:
        return f"layer {number} of {self.project}\n".encode() * 50

    def _config(self, path: str, layers: list[str]) -> bytes:
        document = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": [path], "Labels": {REVISION: self.sha}},
            "rootfs": {"type": "layers", "diff_ids": layers},
        }
        return json.dumps(document).encode()

    def _manifest(self, config: bytes, layers: list[str]) -> Manifest:
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": _CONFIG_TYPE, "digest": digest_of(config), "size": len(config)},
            "layers": [
                {"mediaType": _LAYER_TYPE, "digest": layer, "size": len(self._layer(number))} for number, layer in enumerate(layers)
            ],
            "annotations": {CREATED: self.created.isoformat(), REVISION: self.sha, PIPELINE: str(self.number)},
        }
        return Manifest.parse(json.dumps(document).encode(), OCI_MANIFEST)

    def _released(self, path: str, manifest: Manifest) -> ReleasedImage:
        return ReleasedImage(
            name=path.rpartition("/")[2],
            repository=f"{self.host}/{path}",
            tag=self.tag,
            wanted_tags=(self.sha, LATEST),
            digest=manifest.digest,
            media_type=manifest.media_type,
            platforms=("linux/amd64",),
            config_digest=manifest.config.digest if manifest.config else None,
            size=manifest.size,
            state="built",
        )

    def _release(self, images: list[ReleasedImage]) -> Release:
        return Release(revision=self.sha, created=self.created, pipeline=Pipeline(number=self.number), held=True, images=tuple(images))
