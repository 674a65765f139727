"""Reading back what was pushed, before any tag points to it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plugin_kit.access import Access
from plugin_kit.errors import RegistryError
from plugin_kit.manifest import Manifest, Stamp
from plugin_kit.parallel import each
from registry_push.plan import Plan, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """An image as the registry holds it; `size` in bytes as pulled, of the first platform."""

    target: Target
    manifest: Manifest
    platforms: tuple[str, ...]
    size: int

    @property
    def config_digest(self) -> str | None:
        """The digest of the config; None for an index."""
        config = self.manifest.config
        return None if self.manifest.is_index or config is None else config.digest


def read_back(plan: Plan, access: Access, digests: Mapping[str, str]) -> list[Pushed]:
    """Fetch each image by the digest that BuildKit reported.

    Raises RegistryError when bytes, revision or platforms are not what was pushed.
    """

    def fetch(target: Target) -> Pushed:
        if target.repository is None:
            raise AssertionError(target.id)
        registry = access.registry(target.repository.host)
        manifest = registry.manifest(target.repository.path, digests[target.id])
        if manifest is None:
            raise RegistryError(
                f"{target.repository} was pushed, and {registry.host} does not know its digest {digests[target.id]}",
                hint="the registry loses writes, or a mirror in front of it answers; nothing was tagged",
            )
        revision = Stamp.of(manifest).revision
        if revision is not None and revision != plan.revision:
            raise RegistryError(
                f"{target.repository} was pushed with the revision {revision} instead of {plan.revision}; nothing was tagged"
            )
        return inspect(target, manifest, access)

    return each(fetch, [target for target in plan.pushed if target.id in digests])


def inspect(target: Target, manifest: Manifest, access: Access) -> Pushed:
    """Find out platforms and size of an image in the registry."""
    if target.repository is None:
        raise AssertionError(target.id)
    registry, path = access.registry(target.repository.host), target.repository.path
    if not manifest.is_index:
        return Pushed(target=target, manifest=manifest, platforms=_platform(target.platforms, manifest, access, target), size=manifest.size)
    children = manifest.children
    missing = [platform for platform in target.platforms if platform not in {child.platform for child in children}]
    if missing:
        raise RegistryError(f"{target.repository} was pushed without the platform {', '.join(missing)}; nothing was tagged")
    first = registry.manifest(path, children[0].digest) if children else None
    return Pushed(
        target=target,
        manifest=manifest,
        platforms=tuple(child.platform or "" for child in children),
        size=first.size if first else 0,
    )


def _platform(wanted: Sequence[str], manifest: Manifest, access: Access, target: Target) -> tuple[str, ...]:
    """Return the platform of a single image: as asked for, else from its config."""
    if wanted:
        return tuple(wanted)
    if target.repository is None or manifest.config is None:
        return ()
    content = access.registry(target.repository.host).blob(target.repository.path, manifest.config.digest)
    document = json.loads(content) if content else {}
    parts = [document.get("os"), document.get("architecture"), document.get("variant")]
    return ("/".join(part for part in parts if part),) if parts[0] else ()
