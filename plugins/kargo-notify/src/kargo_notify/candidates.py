"""Removing the candidates of a released commit, where the registry can remove a tag and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from kargo_notify.expected import Plan
from kargo_notify.verify import Found
from plugin_kit.access import Access
from plugin_kit.console import Console
from plugin_kit.errors import RegistryError
from plugin_kit.manifest import Manifest
from plugin_kit.parallel import each
from plugin_kit.registry import Registry
from plugin_kit.release import candidate_tag
from plugin_kit.tagging import Move, set_tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A repository whose candidate may go: `released` are tags that may name the same manifest, the commit's own first."""

    registry: Registry
    path: str
    manifest: Manifest
    released: tuple[str, ...]

    def __str__(self) -> str:
        """Return the full name of the repository."""
        return f"{self.registry.host}/{self.path}"

    def standing(self) -> tuple[str, ...]:
        """Ask which of the released tags name the manifest."""
        return tuple(tag for tag in self.released if self._named(tag) == self.manifest.digest)

    def _named(self, tag: str) -> str | None:
        found = self.registry.manifest(self.path, tag)
        return found.digest if found else None


def remove(plan: Plan, found: Sequence[Found], access: Access, console: Console) -> int:
    """Remove the tags `candidate-<sha>` and return how many are gone; one that stays is harmless and no error.

    Never by digest: the released tags have the same one. Raises RegistryError only where a released tag was lost and can't be put back.
    """
    if not plan.held:
        return 0
    tag = candidate_tag(plan.revision)
    every = _candidates(plan, found, access)
    gone = 0
    for host in dict.fromkeys(candidate.registry.host for candidate in every):
        first, *others = (candidate for candidate in every if candidate.registry.host == host)
        if _removed_alone(first, tag, console):
            gone += 1 + _remove_all(others, tag, access, console)
    if gone:
        console.detail(f"{tag} removed from {gone} {'repository' if gone == 1 else 'repositories'}")
    return gone


def _candidates(plan: Plan, found: Sequence[Found], access: Access) -> list[Candidate]:
    """Return what may go, the safest first: the record, which nobody runs, then images, the watched ones last."""
    tag = candidate_tag(plan.revision)
    every = [
        Candidate(
            registry=access.registry(image.expected.repository.host),
            path=image.expected.repository.path,
            manifest=image.manifest,
            released=_released(plan, image.expected.wanted_tags),
        )
        for image in sorted(found, key=lambda image: plan.is_watched(image.expected))
        if image.tag == tag
    ]
    record = _record(plan, access)
    if record is not None:
        every.insert(len(every) if plan.watches_record else 0, record)
    # Where no other tag names the commit (a version's tags don't), its candidate is all that finds it.
    return [candidate for candidate in every if candidate.released]


def _record(plan: Plan, access: Access) -> Candidate | None:
    """Return the record's candidate, where it is there; how the images were found tells it of theirs."""
    if plan.releases is None or plan.record_manifest is None:
        return None
    registry, path = access.registry(plan.releases.host), plan.releases.path
    try:
        there = registry.manifest(path, candidate_tag(plan.revision)) is not None
    except RegistryError:
        return None
    released = _released(plan, plan.record_tags)
    return Candidate(registry=registry, path=path, manifest=plan.record_manifest, released=released) if there else None


def _released(plan: Plan, tags: Sequence[str]) -> tuple[str, ...]:
    own = tuple(tag for tag in tags if plan.names_commit(tag))
    return (*own, *(tag for tag in tags if tag not in own)) if own else ()


def _removed_alone(first: Candidate, tag: str, console: Console) -> bool:
    """Remove one candidate and look what has become of the released tags: some registries delete the manifest, with all of them."""
    try:
        before = first.standing()
        if not before:
            return False
        if not first.registry.delete(first.path, tag):
            console.detail(f"the candidate tags stay, which does no harm: {first.registry.host} can't remove a tag by itself")
            return False
    except RegistryError as error:
        console.detail(f"the candidate tags stay, which does no harm: {error.message}")
        return False
    try:
        after = first.standing()
    except RegistryError:
        after = ()
    lost = [name for name in before if name not in after]
    if not lost:
        return True
    set_tags([Move(registry=first.registry, path=first.path, tag=name, manifest=first.manifest) for name in lost])
    console.warn(
        f"{first.registry.host} removed the manifest of {first} with the tag {tag}: {', '.join(lost)} was put back at once, "
        "and the other candidates stay",
        hint="the registry does not follow OCI distribution 1.1 here; look for a newer version of it",
    )
    return False


def _remove_all(candidates: Sequence[Candidate], tag: str, access: Access, console: Console) -> int:
    def remove_one(candidate: Candidate) -> str | None:
        try:
            return None if candidate.registry.delete(candidate.path, tag) else f"{candidate} can't remove a tag"
        except RegistryError as error:
            return error.message

    reasons = [reason for reason in each(remove_one, candidates, at_once=access.connections) if reason is not None]
    if reasons:
        console.detail(f"the candidate tag stays in {len(reasons)} of {len(candidates) + 1} repositories, which does no harm: {reasons[0]}")
    return len(candidates) - len(reasons)
