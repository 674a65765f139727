"""What an image consists of in the registry, and whether all of it is there: manifests, configs, layers."""

import json
from dataclasses import dataclass, field
from typing import Any

from plugin_kit.manifest import REVISION, Descriptor, Manifest
from plugin_kit.registry import Registry

# Windows base layers that may not be pushed: registries hold their descriptor only (image specification, non-distributable layers).
_ELSEWHERE = ("foreign", "nondistributable")
# What containerd takes for the same platform (platforms.Normalize).
_USUAL_VARIANTS = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
_NAMED = 2


@dataclass(slots=True)
class Content:
    """What a look at an image found; `missing` names what is not there."""

    platforms: list[str] = field(default_factory=list)
    revisions: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    blobs: int = 0


class Shelf:
    """One repository; remembers the blobs that it holds, so that each is asked for once."""

    def __init__(self, registry: Registry, path: str) -> None:
        self.registry = registry
        self.path = path
        self._there: set[str] = set()

    def look(self, manifest: Manifest) -> Content:
        """Look for everything that the manifest, or index, names."""
        content = Content()
        self._collect(manifest, content, platform=None)
        return content

    def _collect(self, manifest: Manifest, content: Content, platform: str | None) -> None:
        if revision := manifest.annotations.get(REVISION):
            content.revisions.append(revision)
        if not manifest.is_index:
            self._image(manifest, content, platform)
            return
        for child in manifest.children:
            found = self.registry.manifest(self.path, child.digest)
            if found is None:
                content.missing.append(f"manifest of {child.platform} {child.digest}")
                content.platforms.append(child.platform or "")
            else:
                self._collect(found, content, child.platform)

    def _image(self, manifest: Manifest, content: Content, platform: str | None) -> None:
        config = manifest.config
        document = self._config(config, content) if config else {}
        stated = platform or _platform(document)
        if stated:
            content.platforms.append(stated)
        if revision := _label(document, REVISION):
            content.revisions.append(revision)
        layers = {layer.digest: layer for layer in manifest.layers}
        for layer in layers.values():
            if not any(word in layer.media_type for word in _ELSEWHERE):
                self._layer(layer, content)

    def _config(self, config: Descriptor, content: Content) -> dict[str, Any]:
        blob = self.registry.blob(self.path, config.digest)
        content.blobs += 1
        if blob is None:
            content.missing.append(f"config {config.digest}")
            return {}
        try:
            document = json.loads(blob)
        except ValueError:
            # An artifact's config may be anything.
            return {}
        return document if isinstance(document, dict) else {}

    def _layer(self, layer: Descriptor, content: Content) -> None:
        content.blobs += 1
        if layer.digest in self._there:
            return
        if self.registry.has_blob(self.path, layer.digest):
            self._there.add(layer.digest)
        else:
            content.missing.append(f"layer {layer.digest}")


def fits(wanted: str, found: str) -> bool:
    """Whether a platform is the wanted one; where no variant is wanted any will do."""
    return _normal(wanted) == _normal(found) or found.startswith(f"{wanted}/")


def in_words(missing: list[str]) -> str:
    """Name what is missing, the first few of it."""
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return f"{', '.join(short(each) for each in missing[:_NAMED])}{more}"


def short(text: str) -> str:
    """Cut digests in a text to the twelve digits that people compare."""
    head, colon, digest = text.partition("sha256:")
    return f"{head}{colon}{digest[:12]}"


def _label(document: dict[str, Any], name: str) -> str:
    config = document.get("config")
    labels = config.get("Labels") if isinstance(config, dict) else None
    return str(labels.get(name) or "") if isinstance(labels, dict) else ""


def _platform(document: dict[str, Any]) -> str:
    parts = [document.get("os"), document.get("architecture"), document.get("variant")]
    return "/".join(str(part) for part in parts if part)


def _normal(platform: str) -> str:
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    return f"{system}/{architecture}" if variant in {"", _USUAL_VARIANTS.get(architecture)} else platform
