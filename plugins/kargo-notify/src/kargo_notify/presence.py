"""What the registry still has of a commit's images: each by its digest, with all its parts, and the tags that should name it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kargo_notify import content, stock
from plugin_kit.access import Access
from plugin_kit.errors import RegistryError, WrongBytes
from plugin_kit.parallel import each
from plugin_kit.reference import Repository, parse_repository
from plugin_kit.registry import Registry
from plugin_kit.release import Release, ReleasedImage, candidate_tag

Word = Literal["there", "gone", "in part", "wrong tag", "not known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """An image of the record as the registry has it now: `tag` names it, None where none does; `problems` are lines for people."""

    image: ReleasedImage
    word: Word
    tag: str | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Which tags of a commit should be there: `own` are those of its record, `held` is a commit that only has candidates."""

    release: Release
    own: frozenset[str]
    held: bool

    @property
    def candidate(self) -> str:
        """The tag that is there before a release."""
        return candidate_tag(self.release.revision)

    def asked(self, image: ReleasedImage) -> tuple[str, ...]:
        """Return the tags to look at, the best first."""
        return (self.candidate,) if self.held else tuple(dict.fromkeys((*image.wanted_tags, self.candidate)))

    def wrong(self, tag: str, named: str | None, digest: str) -> bool:
        """Tell whether it matters what the tag names: one that is not the commit's name moves on to others, and may never have come."""
        fixed = tag.endswith(self.release.revision) and tag not in self.release.forward_tags
        if tag == self.candidate:
            return self.held and named != digest
        return named != digest if fixed else named is None and tag in self.own


def look(demand: Demand, releases: Repository, access: Access) -> tuple[Presence, ...]:
    """Look at all images at once. What can't be looked at is a problem of its image, so that the others are shown."""

    def look_at(image: ReleasedImage) -> Presence:
        try:
            place = stock.here(image.repository, releases) or parse_repository(image.repository, default_host=releases.host)
            return _image(image, demand, access.registry(place.host), place.path)
        except WrongBytes as error:
            return Presence(image=image, word="in part", problems=(f"{image.name}: {error.message}",))
        except RegistryError as error:
            return Presence(image=image, word="not known", problems=(f"{image.name}: {error.message}",))
        except ValueError as error:
            return Presence(image=image, word="not known", problems=(f"{image.name}: {error}",))

    return tuple(each(look_at, demand.release.images, at_once=access.connections))


def _image(image: ReleasedImage, demand: Demand, registry: Registry, path: str) -> Presence:
    manifest = registry.manifest(path, image.digest)
    missing = content.Shelf(registry, path).look(manifest).missing if manifest else []
    named = {tag: found.digest if (found := registry.manifest(path, tag)) else None for tag in demand.asked(image)}
    tags = tuple(_tags(image, demand, named, gone=manifest is None))
    word: Word = "there"
    problems = tags
    if manifest is None:
        word, problems = "gone", (f"{image.name}: gone ({image.digest})", *tags)
    elif missing:
        gone = f"{content.in_words(missing)} {'is' if len(missing) == 1 else 'are'} gone"
        word, problems = "in part", (f"{image.name}: {gone}", *tags)
    elif tags:
        word = "wrong tag"
    tag = next((tag for tag, digest in named.items() if digest == image.digest), None)
    return Presence(image=image, word=word, tag=tag, problems=problems)


def _tags(image: ReleasedImage, demand: Demand, named: Mapping[str, str | None], *, gone: bool) -> Iterator[str]:
    for tag, digest in named.items():
        if not demand.wrong(tag, digest, image.digest):
            continue
        if digest is not None:
            yield f"{image.name}:{tag} names {digest}"
        elif not gone:
            # A manifest that is gone has taken its tags along: that is no further news.
            yield f"{image.name}:{tag} is missing"
