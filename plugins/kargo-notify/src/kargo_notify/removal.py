"""Taking tags and manifests out of a registry, by whatever it offers, without taking along what is needed."""

import json
import secrets

from kargo_notify.housekeeping import Cut, Shelf
from plugin_kit.errors import RegistryError
from plugin_kit.manifest import CREATED, OCI_MANIFEST, Manifest
from plugin_kit.reference import digest_of
from plugin_kit.registry import Registry

_NOTHING = b"{}"


class NoDeletion(RegistryError):  # noqa: N818  what it is, in the words of the field
    """The registry removes nothing on demand."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} does not allow anything to be removed",
            hint="docker-registry: set `storage.delete.enabled: true` in its configuration, or REGISTRY_STORAGE_DELETE_ENABLED=true in its "
            "environment, and restart it",
        )


class OnlyDigests(Exception):  # noqa: N818  see NoDeletion
    """The registry seemed to be able to remove single tags, and is not. What it took along is back."""


def removes_tags(registry: Registry, path: str) -> bool:
    """Ask for the removal of a tag and a digest that nobody has: whether it can remove single tags; raises NoDeletion."""
    if registry.delete(path, f"local-cicd-{secrets.token_hex(16)}"):
        return True
    # docker-registry 2.8 answers a tag with 400, or 405 where deletes are off; Harbor always with 405. Only the digest tells.
    _delete(registry, path, f"sha256:{secrets.token_hex(32)}")
    return False


def prove(registry: Registry, cut: Cut, shelf: Shelf) -> str | None:
    """Remove the first tag whose manifest other tags need, if there is one, and return it; raises OnlyDigests."""
    tag = next((tag for tag in cut.tags if _needed(tag, cut, shelf)), None)
    if tag is not None:
        _untag(registry, tag, cut, shelf)
    return tag


def untag(registry: Registry, cut: Cut, shelf: Shelf) -> None:
    """Remove tags one by one; raises OnlyDigests where the registry can't, or takes the manifest along that others need."""
    for tag in (*cut.dead, *cut.tags):
        _untag(registry, tag, cut, shelf)


def _untag(registry: Registry, tag: str, cut: Cut, shelf: Shelf) -> None:
    path, needed = cut.repository.path, _needed(tag, cut, shelf)
    saved = registry.manifest(path, needed[0]) if needed else None
    if not registry.delete(path, tag):
        raise OnlyDigests
    if saved is None or registry.manifest(path, needed[0]) is not None:
        return
    for lost in (saved.digest, tag, *needed):
        registry.put_manifest(path, lost, saved)
    raise OnlyDigests


def _needed(tag: str, cut: Cut, shelf: Shelf) -> list[str]:
    """List by what else the tag's manifest is known: the tags that stay, or its digest where an index that stays lists it."""
    digest, rest = shelf.tags[tag].digest, shelf.without(cut.gone)
    if digest is None:
        return []
    others = [other for other, tagged in rest.tags.items() if tagged.digest == digest]
    listed = any(digest in tagged.reach for tagged in (*rest.tags.values(), *rest.untagged))
    return others or ([digest] if listed else [])


def delete(registry: Registry, cut: Cut) -> None:
    """Remove digests with all their tags; `housekeeping.sharers` has found these to be ours."""
    path = cut.repository.path
    for tag in cut.dead:
        # Such a tag has nothing that could be deleted: it goes with a manifest that it is given for that.
        registry.put_blob(path, _NOTHING)
        nothing = _nothing()
        registry.put_manifest(path, tag, nothing)
        _delete(registry, path, nothing.digest)
    for digest in (*cut.digests, *cut.children):
        _delete(registry, path, digest)


def _delete(registry: Registry, path: str, digest: str) -> None:
    # The request is the same for a digest, and means the manifest with all its tags.
    if not registry.delete(path, digest):
        raise NoDeletion(registry.host)


def _nothing() -> Manifest:
    """Make a manifest that no image has. Kargo, should it look in between, finds it older than every image."""
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(_NOTHING), "size": len(_NOTHING)}
    notes = {CREATED: "1970-01-01T00:00:00Z", "io.local-cicd.removal": secrets.token_hex(16)}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [], "annotations": notes}
    return Manifest.parse(json.dumps(document).encode(), OCI_MANIFEST)
