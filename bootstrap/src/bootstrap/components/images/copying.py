"""Bringing one image from a source into a registry: only what is missing, and every byte as it was."""

from collections.abc import MutableMapping
from dataclasses import dataclass

from bootstrap.components.images.source import Source, SourceError, blobs, references
from plugin_kit import parallel
from plugin_kit.manifest import Descriptor, Manifest
from plugin_kit.registry import Registry

# Each is in memory as a whole while it is sent.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What had to be sent."""

    blobs: int
    size: int
    of: int
    """How many blobs the image has."""


def copy(source: Source, name: str, target: Registry, path: str, tag: str, *, beside: str | None, known: MutableMapping[str, str]) -> Sent:
    """Copy an image; its tag is set last of all.

    `beside` is the repository that it comes from, where that is one of the same registry. `known` are repositories of the target by the
    blobs that they hold, and grows.
    """
    root = _root(source, name)
    manifests = _tree(source, name, root)
    wanted = {blob.digest: blob for manifest in manifests for blob in blobs(manifest)}

    def bring(blob: Descriptor) -> int:
        if target.has_blob(path, blob.digest):
            return 0
        other = known.get(blob.digest, beside)
        if other and other != path and target.mount_blob(path, blob.digest, source=other):
            return 0
        content = source.blob(name, blob.digest)
        target.put_blob(path, content)
        return len(content)

    sizes = parallel.each(bring, wanted.values(), at_once=_AT_ONCE)
    # A registry takes no index before what it lists.
    for manifest in manifests[:-1]:
        target.put_manifest(path, manifest.digest, manifest)
    target.put_manifest(path, tag, root)
    known.update(dict.fromkeys(wanted, path))
    stored = target.manifest(path, tag)
    if stored is None or stored.digest != root.digest:
        found = stored.digest if stored else "nothing"
        raise SourceError(
            f"{target.host}/{path}:{tag} is not what was pushed",
            details=[f"pushed {root.digest}", f"found  {found}"],
            hint="somebody else pushes it",
        )
    return Sent(blobs=sum(1 for size in sizes if size), size=sum(sizes), of=len(wanted))


def _root(source: Source, name: str) -> Manifest:
    root = source.root(name)
    if root is None:
        raise SourceError(f"there is no image {name} in {source.where} any more", hint="put it there again, and run this again")
    return root


def _tree(source: Source, name: str, manifest: Manifest) -> list[Manifest]:
    """Return the manifests below one, each behind what it lists, and itself as the last."""
    found = [each for digest in references(manifest) for each in _tree(source, name, source.manifest(name, digest))]
    return [*found, manifest]
