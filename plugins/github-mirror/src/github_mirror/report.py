"""What a person reads of a mirror: a line per ref that is worth one, the totals, and what is left to do."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from github_mirror import by_hand
from github_mirror.errors import MirrorError
from github_mirror.plan import Action, Concern, RefPlan
from github_mirror.push import Outcome
from github_mirror.refs import short
from plugin_kit.console import WIDTH, Console, counted, wrapped
from plugin_kit.errors import PluginError

# More lines of one kind say nothing that their number doesn't.
MOST_LINES = 40
# So few refs are listed even where nothing is to be done with them.
FEW = 10

_SHORT_ID = 10
# The console indents the details of an error.
_DETAIL_WIDTH = WIDTH - 2
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


def note(outcomes: Sequence[Outcome]) -> str:
    """Say in a few words how a mirror's run ended, and never that it went well where it did not."""
    pushed = sum(outcome.row.action.is_push and not outcome.problem for outcome in outcomes)
    left = sum(outcome.failed or (outcome.row.concern is Concern.NOTICE and outcome.row.ours is not None) for outcome in outcomes)
    done = f"{counted(pushed, 'ref')} changed there" if pushed or not left else "nothing changed there"
    return f"{done}, {left} NOT MIRRORED" if left else done


def table(url: str, outcomes: Sequence[Outcome], console: Console, *, planned: bool = False) -> None:
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
    console.table(("ref", "what", "old -> new", "why"), rows, title=url)
    console.info(f"{url}: {', '.join(f'{totals[word]} {word}' for word in dict.fromkeys(_order(totals))) or 'nothing to mirror'}")


def losses(url: str, outcomes: Iterable[Outcome], console: Console, *, planned: bool = False) -> None:
    """Print what was overwritten and deleted, every one of them, and how to get it back: a log may be the only place that knows."""
    rows = [outcome.row for outcome in outcomes if outcome.row.is_loss and not outcome.problem]
    if not rows:
        return
    console.info(
        f"What {url} {'would lose' if planned else 'has lost'}, and what brings it back, in any clone, as long as it is kept there:"
    )
    for line in by_hand.brings_back(rows, url):
        console.info(f"  {line}")


def plan(url: str, rows: Iterable[RefPlan], console: Console) -> tuple[Outcome, ...]:
    """Print the refs as a run would leave them; gives what that run would have to say of them."""
    outcomes = tuple(Outcome(row=row) for row in rows)
    table(url, outcomes, console, planned=True)
    losses(url, outcomes, console, planned=True)
    return outcomes


def problems(url: str, outcomes: Iterable[Outcome]) -> Iterator[PluginError]:
    """Give an error for each reason why refs were not mirrored, with the refs that share it."""
    shared: dict[tuple[str, str | None, tuple[str, ...]], list[RefPlan]] = {}
    for outcome in outcomes:
        if outcome.failed:
            hint = outcome.hint if outcome.problem else outcome.row.hint
            shared.setdefault((outcome.problem or outcome.row.why, hint, outcome.details), []).append(outcome.row)
    for (problem, hint, details), rows in shared.items():
        yield MirrorError(f"{url}: {_listed(rows)}: {problem}", hint=hint, details=[*details, *_commands(rows, url)])


def notices(url: str, outcomes: Iterable[Outcome], console: Console) -> None:
    """Warn of what is no failure and yet should be known."""
    shared: dict[tuple[str, str | None, str], list[RefPlan]] = {}
    for outcome in outcomes:
        row = outcome.row
        if not outcome.failed and row.concern is Concern.NOTICE:
            what = "not mirrored" if row.ours else "left alone"
            shared.setdefault((row.why, row.hint, what), []).append(row)
    for (why, hint, what), rows in shared.items():
        verb = "is" if len(rows) == 1 else "are"
        console.warn(f"{url}: {_listed(rows)} {verb} {what}: {why}", hint, _commands(rows, url))


def unmatched(patterns: Sequence[str], console: Console, *, strict: bool) -> Iterator[PluginError]:
    """Tell of patterns that stand for nothing (`exclude: heads/secert`): a warning, and for a plain name with `strict` an error.

    A pattern with a wildcard may well match nothing today (`exclude: heads/renovate/*`).
    """
    fatal = [pattern for pattern in patterns if strict and "*" not in pattern]
    told = [pattern for pattern in patterns if pattern not in fatal]
    hint = "look for a misspelling: what `exclude` does not match is published, and what `refs` does not match is not mirrored"
    if told:
        console.warn(_unmatched(told), hint)
    if fatal:
        yield MirrorError(_unmatched(fatal), hint=hint)


def _unmatched(patterns: Sequence[str]) -> str:
    verb = "matches" if len(patterns) == 1 else "match"
    return f"{', '.join(patterns)} {verb} no branch or tag, neither at the source nor at the far side"


def verdict(found: Sequence[PluginError], console: Console, *, strict: bool, planned: bool = False) -> None:
    """End the run: with `strict` by an error, else by warnings at the end of the log, where nobody can overlook them.

    With `planned` nothing was sent; it ends as the run would that sends something.
    """
    if planned:
        code = MirrorError.exit_code if found and strict else 0
        unless = ", unless the other side refuses something" if strict and not found else ""
        console.info(f"DRY RUN: nothing was sent; a real run would exit {code}{unless}")
    if not found:
        return
    if not strict:
        what = "WOULD NOT BE MIRRORED" if planned else "NOT MIRRORED"
        for error in found:
            console.forgive(MirrorError(f"{what}: {error.message}", details=error.details, hint=error.hint))
        return
    if len(found) == 1:
        raise found[0]
    details = [line for error in found for line in _block(error, console)]
    raise MirrorError(f"not everything {'would be' if planned else 'was'} mirrored: {counted(len(found), 'problem')}", details=details)


def _block(error: PluginError, console: Console) -> Iterator[str]:
    """Lay out one of several errors, as the console does with a single one: a secret is taken out before a line break could hide it."""
    clean = console.redactor.text
    yield from wrapped(f"- {clean(error.message)}", indent="  ", width=_DETAIL_WIDTH)
    yield from (f"    {line}" for line in error.details)
    if error.hint:
        yield from wrapped(f"    hint: {clean(error.hint)}", indent="          ", width=_DETAIL_WIDTH)


def _commands(rows: Iterable[RefPlan], url: str) -> list[str]:
    return [by_hand.moves_back(row, url) for row in rows if row.backwards]


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


def _listed(rows: Sequence[RefPlan]) -> str:
    names = [short(row.ref) for row in rows]
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
