"""What a person reads of a mirror: a line per ref that is worth one, the totals, and what is left to do."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from github_mirror.errors import MirrorError
from github_mirror.plan import Action, Concern, RefPlan
from github_mirror.push import Outcome
from github_mirror.refs import short
from plugin_kit.console import Console, counted
from plugin_kit.errors import PluginError

# More lines of one kind say nothing that their number doesn't.
MOST_LINES = 40
# So few refs are listed even where nothing is to be done with them.
FEW = 10

_SHORT_ID = 10
_NAMES_SHOWN = 5
_DONE = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.FORCE: "forced",
    Action.DELETE: "deleted",
    Action.UNCHANGED: "unchanged",
    Action.KEEP: "kept",
    Action.REFUSE: "refused",
}
_FAILED = "failed"


def table(label: str, outcomes: Sequence[Outcome], console: Console, *, planned: bool = False) -> None:
    """Print the refs of one mirror, and how many there are of each kind; `planned` says what would be done."""
    words = [_word(outcome, planned=planned) for outcome in outcomes]
    totals = Counter(words)
    left = Counter(dict.fromkeys(totals, MOST_LINES))
    rows = []
    for outcome, word in zip(outcomes, words, strict=True):
        row = outcome.row
        quiet = row.concern is Concern.NONE and row.action in {Action.UNCHANGED, Action.KEEP} and not outcome.problem
        if (quiet and len(outcomes) > FEW) or not left[word]:
            continue
        left[word] -= 1
        rows.append((short(row.ref), word, _movement(row), outcome.problem or row.why))
    console.table(("ref", "what", "old -> new", "why"), rows, title=label)
    console.info(f"{label}: {', '.join(f'{totals[word]} {word}' for word in dict.fromkeys(_order(totals))) or 'nothing to mirror'}")


def plan(label: str, rows: Iterable[RefPlan], console: Console) -> None:
    """Print the refs as a run would leave them."""
    table(label, [Outcome(row=row) for row in rows], console, planned=True)


def problems(label: str, outcomes: Iterable[Outcome]) -> Iterator[PluginError]:
    """Give an error for each reason why refs were not mirrored, with the refs that share it."""
    shared: dict[tuple[str, str | None, tuple[str, ...]], list[str]] = {}
    for outcome in outcomes:
        if outcome.failed:
            hint = outcome.hint if outcome.problem else _hint(outcome.row)
            shared.setdefault((outcome.problem or outcome.row.why, hint, outcome.details), []).append(short(outcome.row.ref))
    for (problem, hint, details), names in shared.items():
        yield MirrorError(f"{label}: {_listed(names)}: {problem}", hint=hint, details=details)


def notices(label: str, outcomes: Iterable[Outcome], console: Console) -> None:
    """Warn of what is no failure and yet should be known."""
    shared: dict[tuple[str, str | None], list[str]] = {}
    for outcome in outcomes:
        if not outcome.failed and outcome.row.concern is Concern.NOTICE:
            shared.setdefault((outcome.row.why, _hint(outcome.row)), []).append(short(outcome.row.ref))
    for (why, hint), names in shared.items():
        console.warn(f"{label}: {_listed(names)} {'was' if len(names) == 1 else 'were'} left alone: {why}", hint)


def verdict(found: Sequence[PluginError], console: Console, *, strict: bool) -> None:
    """End the run: with `strict` by an error, else by warnings at the end of the log, where nobody can overlook them."""
    if not found:
        return
    if not strict:
        for error in found:
            console.forgive(MirrorError(f"NOT MIRRORED: {error.message}", details=error.details, hint=error.hint))
        return
    if len(found) == 1:
        raise found[0]
    details = [line for error in found for line in _block(error)]
    raise MirrorError(f"not everything was mirrored: {counted(len(found), 'problem')}", details=details)


def _block(error: PluginError) -> Iterator[str]:
    yield f"- {error.message}"
    yield from (f"    {line}" for line in error.details)
    if error.hint:
        yield f"    hint: {error.hint}"


def _word(outcome: Outcome, *, planned: bool) -> str:
    action = outcome.row.action
    if outcome.problem:
        return _FAILED
    return str(action) if planned else _DONE[action]


def _order(totals: Counter[str]) -> Iterator[str]:
    known = [word for action in Action for word in (_DONE[action], str(action))]
    yield from (word for word in [*known, _FAILED] if totals[word])


def _movement(row: RefPlan) -> str:
    old, new = (oid[:_SHORT_ID] if oid else "" for oid in (row.theirs, row.ours))
    match row.action:
        case Action.CREATE:
            return f"-> {new}"
        case Action.DELETE:
            return f"{old} ->"
        case Action.UNCHANGED if old == new:
            return old
        case Action.UPDATE | Action.FORCE:
            return f"{old} -> {new}"
    return f"{old} (ours {new})" if old and new else old or new


def _hint(row: RefPlan) -> str | None:
    if row.action is not Action.KEEP or row.theirs is None or row.ours is None:
        return None
    return "bring the commits of the far side into the source, or, if they can go, set `on_divergence: overwrite` for one run"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
