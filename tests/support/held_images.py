"""Fourteen held images and their record in a real registry, stored without a builder: what registry-push leaves, in a tenth of a second."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from plugin_kit.http import Http
from plugin_kit.manifest import OCI_MANIFEST, REVISION, Manifest
from plugin_kit.reference import RegistryHost, digest_of
from plugin_kit.registry import Registry
from plugin_kit.release import Pipeline, Release, ReleasedImage, candidate_tag
from plugin_kit.releases import push_release

NAMES = (*(f"image-{number:02}" for number in range(1, 14)), "query-api")
WATCHED = "query-api"
_CREATED = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldImages:
    """The images of a commit below `project`; `inside` is the registry as the record, and so the step, names it."""

    registry: Registry
    inside: str
    project: str
    sha: str
    images: Mapping[str, Manifest]

    @property
    def candidate(self) -> str:
        """The tag that they have."""
        return candidate_tag(self.sha)

    def path(self, name: str) -> str:
        """Return an image's repository path."""
        return f"{self.project}/{name}"

    def tag(self, name: str, host: str | None = None) -> None:
        """Give an image its candidate's tag; `host` is where the registry is meanwhile."""
        if host is None:
            self.registry.put_manifest(self.path(name), self.candidate, self.images[name])
            return
        with Http(verify=False, retry_for=20) as http:
            Registry(RegistryHost(host=host), http).put_manifest(self.path(name), self.candidate, self.images[name])

    def record(self, **changes: Mapping[str, Any]) -> None:
        """Store the record; `changes` are fields of images, by name with `_` for `-`."""
        images = tuple(self._recorded(name).model_copy(update=dict(changes.get(name.replace("-", "_"), {}))) for name in self.images)
        release = Release(revision=self.sha, created=_CREATED, pipeline=Pipeline(number=7), held=True, images=images)
        push_release(self.registry, f"{self.project}/releases", release, self.candidate)

    def _recorded(self, name: str) -> ReleasedImage:
        manifest = self.images[name]
        return ReleasedImage(
            name=name,
            repository=f"{self.inside}/{self.path(name)}",
            tag=self.candidate,
            wanted_tags=(self.sha, "latest"),
            digest=manifest.digest,
            media_type=manifest.media_type,
            platforms=("linux/amd64",),
            size=manifest.size,
            state="built",
        )


@contextmanager
def held_images(
    host: str, *, inside: str, project: str, sha: str, revisions: Mapping[str, str] | None = None, untagged: Sequence[str] = ()
) -> Iterator[HeldImages]:
    """Store images of two layers in the registry at `host`; `revisions` are labels that are not the commit's, by image."""
    with Http(verify=False, retry_for=5) as http:
        registry = Registry(RegistryHost(host=host), http)
        images = {name: _push(registry, f"{project}/{name}", (revisions or {}).get(name, sha)) for name in NAMES}
        held = HeldImages(registry=registry, inside=inside, project=project, sha=sha, images=images)
        for name in NAMES:
            if name not in untagged:
                held.tag(name)
        yield held


def _push(registry: Registry, path: str, revision: str) -> Manifest:
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Labels": {REVISION: revision}}}).encode()
    layers = [f"layer {number} of {path}".encode() for number in range(2)]
    for blob in (config, *layers):
        registry.put_blob(path, blob)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config), "size": len(config)},
        "layers": [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest_of(layer), "size": len(layer)} for layer in layers
        ],
    }
    manifest = Manifest.parse(json.dumps(document).encode(), OCI_MANIFEST)
    registry.put_manifest(path, manifest.digest, manifest)
    return manifest
