"""What may be removed from a registry: whole commits, the oldest first, and nothing that Kargo or a kept tag still needs.

A commit goes as a whole or stays as a whole. A Warehouse usually watches one image, and its Freight stands for all images of the commit.
Commits that were never released, since their test failed, count for nothing: they go with the released ones of their time.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from kargo_notify.freight import Artifact, Freight
from kargo_notify.kargo import Stage
from plugin_kit.reference import Repository
from plugin_kit.release import RELEASES, candidate_tag

# A SHA-256 repository's tags are left alone: `sha256-<64 hex>` is how signatures are filed (OCI distribution 1.1, referrers tag schema).
_COMMIT_TAG = re.compile(r"(?:.+-)?([0-9a-f]{40})")
LONG_AGO = datetime.min.replace(tzinfo=UTC)

SAME_DIGEST = "the same digest as"
PART_OF_INDEX = "part of the index"
PART_OF_FREIGHT = "part of an index that Kargo holds of"

State = Literal["released", "branch", "held", "incomplete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """What a tag names: `digest` is None where its manifest is gone, `children` are the manifests that an index lists.

    `created` and `revision` are what the manifest says of itself.
    """

    digest: str | None
    children: frozenset[str] = frozenset()
    created: datetime | None = None
    revision: str | None = None

    @property
    def reach(self) -> frozenset[str]:
        """Every manifest that is needed for a pull."""
        return self.children | ({self.digest} if self.digest else frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A repository: its tags, and what is in it without a tag and yet known to be in use."""

    repository: Repository
    tags: Mapping[str, Tagged]
    untagged: tuple[Tagged, ...] = ()

    def without(self, tags: Collection[str]) -> "Shelf":
        """Return the repository as it is when the tags are gone."""
        return replace(self, tags={tag: tagged for tag, tagged in self.tags.items() if tag not in tags})


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit that has tags.

    `digests` are all that it is made of; `recorded`: its release record is there; `fault`: and can't be read. `state`: `branch` is released
    with a branch's tags only; `held` and `incomplete` have no tag that a deployment follows, on purpose or since their pipeline failed.
    """

    revision: str
    created: datetime
    pipeline: int = 0
    digests: frozenset[str] = frozenset()
    recorded: bool = True
    state: State = "released"
    fault: str = ""

    @property
    def released(self) -> bool:
        """Whether it counts as one of the newest commits."""
        return self.state in {"released", "branch"}

    @property
    def age(self) -> tuple[datetime, int, str]:
        """What sorts commits, the oldest first: time, then pipeline, as the rule for `latest` has it."""
        return self.created, self.pipeline, self.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a commit stays: a kind of reason, and the one thing of that kind, if there can be several."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.kind} {self.name}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What somebody in Kargo needs, and who: commits by SHA and manifests by digest, unique whatever Kargo calls the registry."""

    who: Reason
    revisions: frozenset[str]
    digests: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Commits that can only go together, since they share a digest; nearly always one."""

    commits: tuple[Commit, ...]

    @property
    def revisions(self) -> frozenset[str]:
        """Their SHAs."""
        return frozenset(commit.revision for commit in self.commits)

    @property
    def digests(self) -> frozenset[str]:
        """All that they are made of."""
        return frozenset().union(*(commit.digests for commit in self.commits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """A unit that is old enough to go and stays, and why."""

    unit: Unit
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is kept, what goes (in this order), what is old and stays, and the SHAs of tags that nothing is known about.

    `kept` are released, `waiting` are not, and not old either.
    """

    kept: tuple[Commit, ...]
    waiting: tuple[Commit, ...]
    going: tuple[Unit, ...]
    protected: tuple[Protected, ...]
    unknown: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What goes from one repository: `tags`, which in a registry that can't delete tags go with `digests`; `dead` tags have no manifest.

    `children` are manifests of removed indexes that nothing lists any more; they go after the digests.
    """

    repository: Repository
    tags: tuple[str, ...]
    dead: tuple[str, ...]
    digests: tuple[str, ...] = ()
    children: tuple[str, ...] = ()

    @property
    def gone(self) -> frozenset[str]:
        """All tags that are no longer there afterwards."""
        return frozenset({*self.tags, *self.dead})


def revision_of(tag: str) -> str | None:
    """Return the commit that a tag names (`<sha>`, `candidate-<sha>`, `<branch>-<sha>`), or None for every other tag."""
    found = _COMMIT_TAG.fullmatch(tag)
    return found[1] if found else None


def state_of(revision: str, tags: Collection[str], *, held: bool) -> State:
    """Tell by the tags of a commit, or of its record, how far it came; `held` is what its record says of it."""
    others = set(tags) - {candidate_tag(revision)}
    if not others:
        return "held" if held else "incomplete"
    # A version, or `latest`, names what is released as well.
    return "branch" if all(tag != revision and revision_of(tag) == revision for tag in others) else "released"


def claims(freights: Iterable[Freight], stages: Iterable[Stage]) -> tuple[Claim, ...]:
    """List what Kargo holds: all Freight there is, and what each Stage runs or is being promoted to."""
    return (
        *(_claim(Reason(kind="Freight", name=str(freight)), freight.images, freight.commits) for freight in freights),
        *(_claim(Reason(kind="Stage", name=stage.name), stage.artifacts, stage.commits) for stage in stages),
    )


def plan(shelves: Sequence[Shelf], recorded: Iterable[Commit], held: Sequence[Claim], *, keep: int, by_tag: bool) -> Plan:
    """Decide what goes; `by_tag`: the registry can delete a tag by itself, and not only a digest with all its tags."""
    commits = {commit.revision: commit for commit in recorded}
    by_age = sorted(commits.values(), key=lambda commit: commit.age)
    newest = [commit for commit in by_age if commit.released][-keep:]
    # With fewer of them nothing is old, whatever it looks like.
    oldest = newest[0] if len(newest) == keep else None
    old = [commit for commit in by_age if oldest is not None and commit.age < oldest.age]
    waiting = [commit for commit in by_age if not commit.released and commit not in old]
    strangers = _strangers(shelves, commits)
    old += [commit for commit in strangers.values() if commit is not None and oldest is not None and commit.created < oldest.created]
    complete = [replace(commit, digests=commit.digests | _digests(commit.revision, shelves)) for commit in old]
    going, protected = [], []
    for unit in _units(complete, shelves, by_tag=by_tag):
        reasons = [*_faults(unit), *claimants(unit, held), *sharers(unit, shelves, by_tag=by_tag)]
        if reasons:
            protected.append(Protected(unit=unit, reasons=tuple(dict.fromkeys(reasons))))
        else:
            going.append(unit)
    return Plan(
        kept=tuple(reversed(newest)),
        waiting=tuple(reversed(waiting)),
        going=tuple(going),
        protected=tuple(protected),
        unknown=frozenset(revision for revision, commit in strangers.items() if commit is None),
    )


def claimants(unit: Unit, held: Iterable[Claim]) -> list[Reason]:
    """Say who in Kargo needs one of the unit's commits."""
    return [claim.who for claim in held if claim.revisions & unit.revisions or claim.digests & unit.digests]


def sharers(unit: Unit, shelves: Iterable[Shelf], *, by_tag: bool) -> list[Reason]:
    """Say which tags that stay would be lost with the unit's digests, where the registry deletes digests only."""
    if by_tag:
        return []
    reasons = []
    for shelf in shelves:
        ours = {tagged.digest for tag, tagged in shelf.tags.items() if revision_of(tag) in unit.revisions} - {None}
        for tag, tagged in sorted(shelf.tags.items()):
            if revision_of(tag) in unit.revisions:
                continue
            if tagged.digest in ours:
                reasons.append(Reason(kind=SAME_DIGEST, name=f"{shelf.repository.name}:{tag}"))
            elif ours & tagged.children:
                reasons.append(Reason(kind=PART_OF_INDEX, name=f"{shelf.repository.name}:{tag}"))
        if any(ours & tagged.children for tagged in shelf.untagged):
            reasons.append(Reason(kind=PART_OF_FREIGHT, name=shelf.repository.name))
    return reasons


def cut(unit: Unit, shelf: Shelf, *, by_tag: bool) -> Cut:
    """Say what goes from a repository as it is now; ask `sharers` first."""
    ours = {tag: tagged for tag, tagged in shelf.tags.items() if revision_of(tag) in unit.revisions}
    gone = tuple(sorted(tag for tag, tagged in ours.items() if tagged.digest is None))
    tags = tuple(sorted(ours.keys() - set(gone)))
    if by_tag:
        return Cut(repository=shelf.repository, tags=tags, dead=gone)
    listed = frozenset().union(*(tagged.children for tagged in ours.values()))
    # An index goes before what it lists, so that no tag ever names an index with a part missing.
    digests = sorted({tagged.digest for tagged in ours.values() if tagged.digest}, key=lambda digest: (digest in listed, digest))
    rest = shelf.without(ours)
    needed = frozenset().union(*(tagged.reach for tagged in (*rest.tags.values(), *rest.untagged)))
    children = tuple(sorted(listed - needed - set(digests)))
    return Cut(repository=shelf.repository, tags=tags, dead=gone, digests=tuple(digests), children=children)


def tags(unit: Unit, shelves: Iterable[Shelf]) -> dict[tuple[Repository, str], str | None]:
    """Return what the unit's tags name."""
    return {
        (shelf.repository, tag): tagged.digest
        for shelf in shelves
        for tag, tagged in shelf.tags.items()
        if revision_of(tag) in unit.revisions
    }


def dead(shelves: Iterable[Shelf]) -> list[tuple[Repository, str]]:
    """List the tags whose manifest is gone: with one of them in a repository, Kargo discovers nothing there."""
    return [(shelf.repository, tag) for shelf in shelves for tag, tagged in sorted(shelf.tags.items()) if tagged.digest is None]


def in_order(shelves: Iterable[Shelf], watched: Collection[Repository]) -> list[Shelf]:
    """Sort repositories as they are to lose a commit.

    First what Kargo watches, so that it never offers a commit whose other images are gone; the record last, so that a run that was
    interrupted can be repeated.
    """
    return sorted(
        shelves,
        key=lambda shelf: (shelf.repository not in watched, shelf.repository.name == RELEASES, shelf.repository.path),
    )


def _claim(who: Reason, images: Iterable[Artifact], commits: Iterable[str]) -> Claim:
    every = list(images)
    revisions = {revision_of(image.tag) for image in every} - {None}
    return Claim(
        who=who,
        revisions=frozenset({*(revision for revision in revisions if revision), *commits}),
        digests=frozenset(image.digest for image in every if image.digest),
    )


def _strangers(shelves: Sequence[Shelf], known: Collection[str]) -> dict[str, Commit | None]:
    """List the commits that have tags and no record; None where nothing says how old they are."""
    found: dict[str, datetime | None] = {}
    names: dict[str, set[str]] = {}
    for shelf in shelves:
        for tag, tagged in shelf.tags.items():
            revision = revision_of(tag)
            if revision is None or revision in known:
                continue
            names.setdefault(revision, set()).add(tag)
            # Only what the image says of this very commit is its age.
            created = tagged.created if tagged.revision == revision else None
            before = found.setdefault(revision, None)
            if created and (before is None or before < created):
                found[revision] = created
    return {
        revision: Commit(revision=revision, created=created, recorded=False, state=state_of(revision, names[revision], held=True))
        if created
        else None
        for revision, created in found.items()
    }


def _digests(revision: str, shelves: Iterable[Shelf]) -> frozenset[str]:
    reach = (tagged.reach for shelf in shelves for tag, tagged in shelf.tags.items() if revision_of(tag) == revision)
    return frozenset().union(*reach)


def _faults(unit: Unit) -> list[Reason]:
    return [Reason(kind=commit.fault) for commit in unit.commits if commit.fault]


def _units(commits: Sequence[Commit], shelves: Iterable[Shelf], *, by_tag: bool) -> list[Unit]:
    """Group the commits that can only go together, the oldest group first."""
    group = {commit.revision: commit.revision for commit in commits}

    def head(revision: str) -> str:
        while group[revision] != revision:
            revision = group[revision]
        return revision

    for one, other in () if by_tag else _bonds(shelves, group):
        group[head(one)] = head(other)
    together: dict[str, list[Commit]] = {}
    for commit in sorted(commits, key=lambda commit: commit.age):
        together.setdefault(head(commit.revision), []).append(commit)
    # A unit is as old as its newest commit.
    return sorted((Unit(commits=tuple(each)) for each in together.values()), key=lambda unit: unit.commits[-1].age)


def _bonds(shelves: Iterable[Shelf], commits: Collection[str]) -> Iterator[tuple[str, str]]:
    """Give the pairs of commits of which one has a tag on a digest that the other needs."""
    for shelf in shelves:
        owner: dict[str, str] = {}
        ours = [(revision, tagged) for tag, tagged in shelf.tags.items() if (revision := revision_of(tag)) in commits and revision]
        for revision, tagged in ours:
            if tagged.digest:
                first = owner.setdefault(tagged.digest, revision)
                if first != revision:
                    yield first, revision
        for revision, tagged in ours:
            for child in tagged.children & owner.keys():
                if owner[child] != revision:
                    yield owner[child], revision
