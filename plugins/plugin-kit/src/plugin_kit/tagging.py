"""Setting tags by PUT of the same manifest bytes: the digest stays, nothing is pulled or pushed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plugin_kit.errors import PluginError, RegistryError
from plugin_kit.manifest import Manifest
from plugin_kit.parallel import AT_ONCE, each
from plugin_kit.registry import Registry

# A thousand lines of an error hide its first one.
_MOST_NAMES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A tag of a repository that shall point to the manifest."""

    registry: Registry
    path: str
    tag: str
    manifest: Manifest

    def __str__(self) -> str:
        """Return the full name of the tag."""
        return f"{self.registry.host}/{self.path}:{self.tag}"


def set_tags(moves: Sequence[Move], *, at_once: int = AT_ONCE) -> None:
    """Set the tags, those of different repositories at once, and read each one back.

    Raises RegistryError that says which tags have moved and which have not. Setting them again is harmless, so a rerun finishes the work.
    """
    failures: dict[str, PluginError] = {}

    def move(item: Move) -> None:
        try:
            item.registry.put_manifest(item.path, item.tag, item.manifest)
            _read_back(item)
        except PluginError as error:
            failures[str(item)] = error

    def move_all(items: Sequence[Move]) -> None:
        for item in items:
            move(item)

    # docker-registry 2.8 writes a manifest's link anew with each tag, and answers 500 to who reads it at that moment: one after the other.
    by_repository: dict[tuple[str, str], list[Move]] = {}
    for item in moves:
        by_repository.setdefault((item.registry.host, item.path), []).append(item)
    each(move_all, by_repository.values(), at_once=at_once)
    if not failures:
        return
    first = failures[next(str(item) for item in moves if str(item) in failures)]
    raise RegistryError(
        f"{len(failures)} of {len(moves)} tags could not be set: {first.message}",
        details=(
            *first.details,
            *_listed("not moved", [str(item) for item in moves if str(item) in failures]),
            *_listed("moved", [str(item) for item in moves if str(item) not in failures]),
        ),
        hint=first.hint,
    ) from first


def _listed(what: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"{what}: {name}" for name in names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        yield f"{what}: {len(names) - _MOST_NAMES} more"


def _read_back(item: Move) -> None:
    stored = item.registry.manifest(item.path, item.tag)
    if stored is None or stored.digest != item.manifest.digest:
        found = stored.digest if stored else "nothing"
        raise RegistryError(
            f"{item.registry.host} took {item} and then answered with {found}",
            hint="somebody else set the tag at the same moment, or the registry loses writes; run the pipeline again",
        )
