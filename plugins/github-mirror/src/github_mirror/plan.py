"""What becomes of each ref of the far side: settings, both listings and how their commits relate -> a row per ref. Pure.

A ref is only ever moved forward, unless the settings ask for more; what they ask for is done under a lease on what was seen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from github_mirror.refs import BRANCHES, TAGS, Listing, Pattern, is_mirrored, short
from plugin_kit.console import counted

if TYPE_CHECKING:
    from github_mirror.settings import Settings
    from plugin_kit.ci import CI


class Action(StrEnum):
    """What a run does with a ref."""

    CREATE = "create"
    UPDATE = "update"
    FORCE = "force"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    KEEP = "keep"
    REFUSE = "refuse"

    @property
    def is_push(self) -> bool:
        """True for what changes the far side."""
        return self in {Action.CREATE, Action.UPDATE, Action.FORCE, Action.DELETE}


class Relation(StrEnum):
    """How our commit and the far side's relate."""

    AHEAD = "ours contains theirs"
    BEHIND = "theirs contains ours"
    DIVERGED = "each has commits that the other lacks"
    UNKNOWN = "theirs could not be read"


class Concern(StrEnum):
    """What a row is to the person who reads it."""

    NONE = "none"
    NOTICE = "notice"
    FAILURE = "failure"


# Our commit and the far side's.
Pair = tuple[str, str]

_NEWER = "the far side is newer"
_BRING_HOME = (
    "if somebody has pushed there, bring those commits into the source; if they can go, as after a rewrite of the source, set "
    "`on_divergence: overwrite` for one run"
)
_STEP_BACK = (
    "if somebody has pushed there, bring those commits into the source; if they can go, run the command above in a clone of the source: "
    "a run never moves a branch backwards, not even with `on_divergence: overwrite`"
)
_MOVE_TAG = "see which of the two is right: put the far side's tag into the source, or set `on_divergence: overwrite` for one run"
_KNOW_ALL = (
    "only the forge knows that a ref is gone: `prune` needs `source: forge` (or `auto`), and for a private repository a `source_token`, "
    "or that Woodpecker trusts the image with its login"
)
_AGAIN = "run the pipeline again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How the commits of pairs relate, and how many commits the far side has in each pair that ours lacks, where they were counted."""

    relations: Mapping[Pair, Relation] = field(default_factory=dict)
    extra: Mapping[Pair, int] = field(default_factory=dict)

    def relation(self, ours: str, theirs: str) -> Relation:
        """Give what is known of a pair."""
        return Relation.AHEAD if ours == theirs else self.relations.get((ours, theirs), Relation.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefPlan:
    """One ref of the far side, by its full name: what is done with it and why; `theirs` is what was seen there.

    With `backwards` it is kept because only a step back would make it what the source has, which a run never takes.
    """

    ref: str
    action: Action
    ours: str | None = None
    theirs: str | None = None
    why: str = ""
    hint: str | None = None
    concern: Concern = Concern.NONE
    backwards: bool = False

    @property
    def is_loss(self) -> bool:
        """True where the far side loses what it has."""
        return self.action in {Action.FORCE, Action.DELETE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A ref that the far side should have; `tip` is what the source has under that name by now, None where that is not known.

    With `refusal` it can't be sent, and that is why.
    """

    ref: str
    ours: str | None
    tip: str | None = None
    refusal: str = ""
    concern: Concern = Concern.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """All that a run is to mirror, or the reason why there is nothing."""

    refs: tuple[Wish, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """The source's side: its refs, whether those are all that it has, and the commit of this pipeline.

    `tip` is what the ref of this pipeline is at the source by now, None where that is not known; `gone` means that it was deleted.
    """

    listing: Listing
    complete: bool
    head: str
    tip: str | None = None
    gone: bool = False


def wishes(settings: "Settings", ci: "CI", ours: Ours, followed: Iterable[str] = ()) -> Wishes:
    """Decide what is to be mirrored; `followed` are the tags that `followtags` adds."""
    if ci.event.is_pull_request:
        return Wishes(reason="this is a pull request, and only what has been merged is mirrored")
    if settings.refs:
        selection = settings.selection
        chosen = {name: oid for name, oid in ours.listing.refs.items() if selection.has(name)}
        reason = "" if chosen or settings.prune != "false" else f"the source has no refs that match {', '.join(settings.refs)}"
        # A workspace tells what the refs were when it was cloned.
        return Wishes(
            refs=tuple(Wish(ref=name, ours=oid, tip=oid if ours.complete else None) for name, oid in chosen.items()), reason=reason
        )
    wish = _pipelines_wish(settings, ci, ours)
    if wish is None:
        return Wishes(reason="this pipeline has neither a branch nor a tag; name refs in `refs`, or a `branch`")
    exclude = tuple(map(Pattern.parse, settings.exclude))
    if any(pattern.matches(name) for pattern in exclude for name in {wish.ref, f"{BRANCHES}{ci.branch}"}):
        return Wishes(reason=f"`exclude` leaves out {short(wish.ref)}")
    tags = (name for name in followed if name != wish.ref and not any(pattern.matches(name) for pattern in exclude))
    return Wishes(refs=(wish, *(Wish(ref=name, ours=ours.listing.refs[name], tip=ours.listing.refs[name]) for name in tags)))


def unmatched(settings: "Settings", seen: Sequence[Listing]) -> tuple[str, ...]:
    """List the patterns of `refs` and `exclude` that match nothing on either side, as the settings have them.

    Without `refs`, `exclude` is about the one ref of this pipeline, which it mostly does not match.
    """
    if not settings.refs:
        return ()
    names = {name for listing in seen for name in listing.refs}
    given = [
        (setting, Pattern.parse(text)) for setting, texts in (("refs", settings.refs), ("exclude", settings.exclude)) for text in texts
    ]
    return tuple(
        f"`{setting}`: {pattern.text}" for setting, pattern in given if not pattern.is_whole_kind and not any(map(pattern.matches, names))
    )


def questions(wanted: Wishes, far: Listing) -> frozenset[Pair]:
    """List the pairs of commits whose relation `decide` asks for; a ref that is new or as it should be asks for none."""
    pairs: set[Pair] = set()
    for wish in wanted.refs:
        if wish.ours is None or not wish.ref.startswith(BRANCHES):
            continue
        theirs = far.refs.get(wish.ref)
        if theirs not in {None, wish.ours, wish.tip}:
            pairs.update((mine, str(theirs)) for mine in (wish.ours, wish.tip) if mine)
        if wish.tip not in {None, wish.ours}:
            pairs.add((str(wish.tip), wish.ours))
    return frozenset(pairs)


def decide(
    wanted: Wishes, ours: Ours, far: Listing, facts: Facts, settings: "Settings", *, seen_first: Listing | None = None
) -> tuple[RefPlan, ...]:
    """Decide for each ref; `seen_first` is what the run saw first, when it decides again.

    A ref that has moved while the run was under way is moved forward or kept: what others do at the same time may be newer.
    """
    first, again = seen_first or far, seen_first is not None
    rows = [_decide_one(wish, far.refs.get(wish.ref), facts, settings, again=again) for wish in wanted.refs]
    rows += _leftover(ours, far, settings)
    rows = [_unless_moved(row, first.refs.get(row.ref), again=again) for row in rows]
    rows = list(_without_conflicts(rows, far))
    # Of an empty repository, the first branch that comes is made the default one.
    default = far.head or ours.listing.head
    return tuple(sorted(rows, key=lambda row: (not row.ref.startswith(BRANCHES), row.ref != default, row.ref)))


def _pipelines_wish(settings: "Settings", ci: "CI", ours: Ours) -> Wish | None:
    if settings.branch:
        tip = None if ci.tag else ours.tip
        return Wish(ref=f"{BRANCHES}{settings.branch}", ours=ours.head, tip=tip)
    name = f"{TAGS}{ci.tag}" if ci.tag else f"{BRANCHES}{ci.branch}" if ci.branch else ci.ref or ""
    if not is_mirrored(name):
        return None
    if ours.gone:
        return Wish(ref=name, ours=None, refusal="deleted at the source since this pipeline began")
    return _tag_wish(name, ours) if name.startswith(TAGS) else Wish(ref=name, ours=ours.head, tip=ours.tip)


def _tag_wish(name: str, ours: Ours) -> Wish:
    tag = ours.listing.refs.get(name)
    if tag is None:
        # A tag on the bare commit would not be the tag that an annotated one is.
        why = "the clone does not have this tag; use `source: forge`, or clone with `tags: true`"
        return Wish(ref=name, ours=None, refusal=why, concern=Concern.FAILURE)
    if ours.listing.peeled.get(name, tag) != ours.head or ours.tip not in {None, tag}:
        return Wish(ref=name, ours=None, refusal="moved at the source since this pipeline began; its next pipeline mirrors it")
    return Wish(ref=name, ours=tag)


def _decide_one(wish: Wish, theirs: str | None, facts: Facts, settings: "Settings", *, again: bool) -> RefPlan:
    row = RefPlan(ref=wish.ref, action=Action.KEEP, ours=wish.ours, theirs=theirs)
    ours = wish.ours
    if ours is None:
        action = Action.REFUSE if wish.concern is Concern.FAILURE else Action.KEEP
        return replace(row, action=action, why=wish.refusal, concern=wish.concern)
    if theirs is not None and theirs in {ours, wish.tip}:
        return replace(row, action=Action.UNCHANGED, why="" if theirs == ours else _NEWER)
    if wish.ref.startswith(BRANCHES) and wish.tip and facts.relation(wish.tip, ours) is not Relation.AHEAD:
        # History is rewritten to take something out: what an older pipeline has must not put it back.
        return replace(row, why="rewritten at the source since this pipeline began; its next pipeline mirrors it")
    if theirs is None:
        return replace(row, action=Action.CREATE)
    if not wish.ref.startswith(BRANCHES):
        return _diverged(row, "the tag is on something else there", _MOVE_TAG, settings)
    return _moved(row, wish.tip, facts, settings, again=again)


def _moved(row: RefPlan, tip: str | None, facts: Facts, settings: "Settings", *, again: bool) -> RefPlan:
    """Decide for a branch that both sides have, by how their commits relate; `tip` is what the source has by now, if that is known."""
    ours, theirs = str(row.ours), str(row.theirs)
    match facts.relation(ours, theirs):
        case Relation.AHEAD:
            return replace(row, action=Action.UPDATE)
        case Relation.DIVERGED:
            count = facts.extra.get((ours, theirs))
            dropped = f", drops {counted(count, 'commit')}" if count else ""
            return _diverged(row, "diverged: pushed to there, or rewritten at the source", _BRING_HOME, settings, dropped)
        case Relation.BEHIND if again or tip is None or facts.relation(tip, theirs) is Relation.AHEAD:
            # What came during the run may be newer than the clone without being anybody's push to the mirror.
            return replace(row, action=Action.UNCHANGED, why=_NEWER)
        case Relation.BEHIND:
            why = "has all that the source has, and more: pushed to there, or taken back at the source"
            return replace(row, why=why, hint=_STEP_BACK, concern=_blame(settings), backwards=True)
    why = "what the far side has could not be read, so nothing is known of it"
    return replace(row, action=Action.REFUSE, why=why, hint=_AGAIN, concern=Concern.FAILURE)


def _diverged(row: RefPlan, why: str, hint: str, settings: "Settings", dropped: str = "") -> RefPlan:
    if settings.divergence == "overwrite":
        return replace(row, action=Action.FORCE, why=f"`on_divergence: overwrite`{dropped}")
    return replace(row, why=why, hint=hint, concern=_blame(settings))


def _blame(settings: "Settings") -> Concern:
    return Concern.FAILURE if settings.divergence == "fail" else Concern.NOTICE


def _leftover(ours: Ours, far: Listing, settings: "Settings") -> Iterator[RefPlan]:
    """Decide for what only the far side has."""
    if not settings.refs:
        return
    selection = settings.selection
    extra = [name for name in far.refs if name not in ours.listing.refs and selection.has(name)]
    branches = sum(name.startswith(BRANCHES) for name in extra)
    too_many = branches * 2 > len(far.branches)
    for name in extra:
        action, why, hint, concern = Action.DELETE, "the source does not have it", None, Concern.NONE
        if settings.prune == "false":
            action, why = Action.KEEP, "only at the far side"
        elif not ours.complete:
            action, why = Action.KEEP, "only at the far side, and the source's refs are not all known"
            hint, concern = _KNOW_ALL, Concern.NOTICE
        elif settings.prune != "force" and name == far.head:
            action, why, concern = Action.REFUSE, "the default branch of the far side is only deleted with `prune: force`", Concern.FAILURE
        elif settings.prune != "force" and too_many:
            why = f"{branches} of {len(far.branches)} branches of the far side are only deleted with `prune: force`"
            action, concern = Action.REFUSE, Concern.FAILURE
        yield RefPlan(ref=name, action=action, theirs=far.refs[name], why=why, hint=hint, concern=concern)


def _unless_moved(row: RefPlan, first: str | None, *, again: bool) -> RefPlan:
    """Leave a ref to whoever moved it during the run, unless that only takes a step forward."""
    moved = again and row.theirs != first
    if not moved or row.action not in {Action.FORCE, Action.DELETE, Action.CREATE}:
        return row
    what = "deleted" if row.theirs is None else "moved"
    why = f"{what} at the far side during this run"
    return RefPlan(ref=row.ref, action=Action.KEEP, ours=row.ours, theirs=row.theirs, why=why, hint=_AGAIN, concern=Concern.NOTICE)


def _without_conflicts(rows: Iterable[RefPlan], far: Listing) -> Iterator[RefPlan]:
    """Refuse what can't be created because `a` and `a/b` can't both be refs."""
    rows = list(rows)
    going = {row.ref for row in rows if row.action is Action.DELETE}
    staying = [name for name in far.refs if name not in going]
    folders = {folder: name for name in staying for folder in _folders(name)}
    names = frozenset(staying)
    for row in rows:
        in_the_way = None
        if row.action is Action.CREATE:
            in_the_way = folders.get(row.ref) or next((folder for folder in _folders(row.ref) if folder in names), None)
        if in_the_way is None:
            yield row
        else:
            why = f"{short(in_the_way)} is in its way at the far side"
            yield RefPlan(ref=row.ref, action=Action.REFUSE, ours=row.ours, why=why, concern=Concern.FAILURE)


def _folders(name: str) -> Iterator[str]:
    """Give the names that can't be refs beside this one: for refs/heads/a/b, refs/heads/a."""
    end = name.rfind("/")
    while end > len(TAGS):
        yield name[:end]
        end = name.rfind("/", 0, end)
