"""Push what the plan says, and decide again where the far side has moved meanwhile."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from github_mirror import pieces, refusals
from github_mirror.errors import GitFailed, MirrorError
from github_mirror.far import Far, explained
from github_mirror.pieces import Refspec
from github_mirror.plan import Action, Concern, RefPlan
from github_mirror.refs import Listing
from github_mirror.remote import Remote
from plugin_kit.errors import Cancelled, PluginError
from plugin_kit.process import Result, Stream

ATTEMPTS = 3

# A command line has room for 2 MiB, but a container may be given less (a quarter of its stack limit).
_LONGEST_COMMAND = 400_000
# What git and receive-pack say when a ref is not what it was a moment before.
_RACE = re.compile(
    r"fetch first|non-fast-forward|stale info|already exists|needs force"
    r"|cannot lock ref|failed to lock|failed to update ref|incorrect old value"
)
_LOST = re.compile(
    r"hung up|[Cc]onnection (?:reset|closed|timed out|to .* closed)|[Bb]roken pipe|early EOF|unexpected disconnect|not responding"
)
# So much of what the far side said is quoted where it is not known.
_LINES = 6
_FOR_ALL = "pre-receive hook declined"

# The listing, and the one that the run saw first where it decides again.
Choose = Callable[[Listing, Listing | None], Sequence[RefPlan]]
# Takes the refspecs that are about to be sent.
Before = Callable[[Sequence[Refspec]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a ref; one that should have been pushed and was not has a problem, and a hint where there is one."""

    row: RefPlan
    problem: str = ""
    hint: str | None = None
    details: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """True where a person has to do something."""
        return bool(self.problem) or self.row.concern is Concern.FAILURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the far side said of a ref; `lost` where the connection broke before it said anything."""

    ref: str
    problem: str = ""
    hint: str | None = None
    details: tuple[str, ...] = ()
    raced: bool = False
    lost: bool = False

    @property
    def ok(self) -> bool:
        """True where the ref is as it should be."""
        return not (self.problem or self.raced or self.lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A row that is not settled, and what was said of it last."""

    row: RefPlan
    answer: Answer | None = None


class Delivery:
    """One mirror's push, from the first listing to the last answer."""

    def __init__(self, far: Far, choose: Choose, *, limit: int, before: Before | None = None) -> None:
        self._far = far
        self._choose = choose
        self._limit = limit
        self._before = before
        self._settled: dict[str, Outcome] = {}
        self._waiting: dict[str, _Waiting] = {}

    def run(self, first: Listing) -> tuple[Outcome, ...]:
        """Push, read again and decide again, at most three times; raises PluginError only when nothing could be decided."""
        rows = self._sort_out(self._choose(first, None), again=False)
        listing = first
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._attempt(rows, listing)
                if not self._waiting or attempt == ATTEMPTS:
                    break
                listing = self._far.read()
                rows = self._sort_out(self._choose(listing, first), again=True)
            except Cancelled:
                raise
            except PluginError as error:
                self._give_up(error)
                break
        self._give_up(MirrorError(f"it moved at the far side {ATTEMPTS} times while this run tried", hint="run the pipeline again"))
        return tuple(self._settled.values())

    def _attempt(self, rows: Sequence[RefPlan], listing: Listing) -> None:
        self._waiting = {row.ref: _Waiting(row=row) for row in rows}
        for answer in self._send(rows, listing):
            row = self._waiting[answer.ref].row
            if answer.raced or answer.lost:
                self._waiting[answer.ref] = _Waiting(row=row, answer=answer)
            else:
                self._settle(row, answer)

    def _give_up(self, error: PluginError) -> None:
        """Settle what is left: with what the far side said of it last, else with the error."""
        for waiting in list(self._waiting.values()):
            told = waiting.answer if waiting.answer and waiting.answer.problem else None
            self._settle(waiting.row, told or Answer(ref=waiting.row.ref, problem=error.message, hint=error.hint, details=error.details))

    def _sort_out(self, rows: Iterable[RefPlan], *, again: bool) -> list[RefPlan]:
        """Give the rows that are to be pushed, and settle the others."""
        before = dict(self._waiting)
        todo, decided = [], set()
        for row in rows:
            decided.add(row.ref)
            if again and row.ref not in before:
                continue
            if row.action.is_push:
                todo.append(row)
            elif again and row.action is Action.UNCHANGED and row.theirs == before[row.ref].row.ours:
                last = before[row.ref].answer
                self._settle(before[row.ref].row if last and last.lost else replace(row, why="another run was faster"))
            else:
                self._settle(row)
        for ref in before.keys() - decided:
            # Only a deletion leaves nothing to decide.
            self._settle(before[ref].row)
        return todo

    def _settle(self, row: RefPlan, answer: Answer | None = None) -> None:
        self._waiting.pop(row.ref, None)
        said = answer or Answer(ref=row.ref)
        self._settled[row.ref] = Outcome(row=row, problem=said.problem, hint=said.hint, details=said.details)

    def _send(self, rows: Sequence[RefPlan], listing: Listing) -> Iterator[Answer]:
        """Push the rows, in as many pieces as their size asks for, and give an answer for each."""
        last = {row.ref: None if row.action is Action.DELETE else row.ours for row in rows}
        for piece in pieces.cut(self._far.git, rows, listing, self._limit):
            refspecs = [refspec for refspec in piece if refspec.ref in last]
            if self._before and refspecs:
                self._before(refspecs)
            for batch in _batches(refspecs):
                oids = {refspec.ref: refspec.oid for refspec in batch}
                for answer in self._push(batch):
                    if answer.lost:
                        # What is still to come would break at the same place.
                        yield from (replace(answer, ref=ref) for ref in last)
                        return
                    if not answer.ok or oids[answer.ref] == last[answer.ref]:
                        del last[answer.ref]
                        yield answer

    def _push(self, refspecs: Sequence[Refspec]) -> list[Answer]:
        argv = [argument for refspec in refspecs if (argument := refspec.lease_argument)]
        argv += [self._far.remote.url, *(refspec.argument for refspec in refspecs)]
        lines: list[str] = []

        def take(stream: Stream, line: str) -> None:
            if stream == "stdout":
                lines.append(line)

        # Without --verbose nothing is said of a ref that is as it should be already.
        result = self._far.git.run("push", "--porcelain", "--verbose", *argv, check=False, on_line=take)
        said = dict(_parse(lines))
        unsaid = _unsaid(result, self._far.remote) if result.returncode and len(said) < len(refspecs) else Answer(ref="")
        if len(refspecs) > 1 and all(_FOR_ALL in said.get(refspec.ref, "") for refspec in refspecs):
            # Such a hook refuses all for the sake of one: the others shall not wait until that one is put right.
            middle = len(refspecs) // 2
            return [*self._push(refspecs[:middle]), *self._push(refspecs[middle:])]
        words = _words(result.stderr, [ref for ref, reason in said.items() if reason])
        return [
            self._answer(ref, said[ref], words.get(ref, "")) if ref in said else replace(unsaid, ref=ref)
            for ref in (refspec.ref for refspec in refspecs)
        ]

    def _answer(self, ref: str, reason: str, words: str) -> Answer:
        if not reason:
            return Answer(ref=ref)
        if _RACE.search(reason):
            return Answer(ref=ref, raced=True)
        found = refusals.explain(f"{words}\n{reason}", self._far.remote.label)
        if found is None:
            return Answer(ref=ref, problem=f"refused: {reason}", details=tuple(words.splitlines()[-_LINES:]))
        sentence, hint = found
        return Answer(ref=ref, problem=sentence, hint=hint)


def _unsaid(result: Result, remote: Remote) -> Answer:
    """Say why a push ended without a word on its refs: the far side refused the login, say, or the connection broke."""
    error = explained(GitFailed("push", result), remote)
    lost = bool(_LOST.search(result.stderr)) and "ERROR:" not in result.stderr
    return Answer(ref="", problem=error.message, hint=error.hint, details=error.details, lost=lost)


def _words(stderr: str, refs: Sequence[str]) -> Mapping[str, str]:
    """Share out what the far side said: a line that names a ref, and those after it, are about that ref; those before it about all."""
    if not refs:
        return {}
    lines = [line for line in stderr.splitlines() if line.startswith("remote:")]
    names = re.compile("|".join(rf"{re.escape(ref)}(?![\w/-]|\.\w)" for ref in sorted(refs, reverse=True)))
    general: list[str] = []
    own: dict[str, list[str]] = {ref: [] for ref in refs}
    current = general
    for line in lines:
        named = names.search(line)
        current = own[named[0]] if named else current
        current.append(line)
    return {ref: "\n".join([*general, *own[ref]]) for ref in refs}


def _batches(refspecs: Sequence[Refspec]) -> Iterator[list[Refspec]]:
    """Split what does not fit on one command line: `git push` reads refspecs from nowhere else."""
    batch: list[Refspec] = []
    size = 0
    for refspec in refspecs:
        length = len(refspec.argument) + len(refspec.lease_argument)
        if batch and size + length > _LONGEST_COMMAND:
            yield batch
            batch, size = [], 0
        batch.append(refspec)
        size += length
    if batch:
        yield batch


def _parse(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    r"""Read `flag TAB from:to TAB summary (reason)`: the reason for which a ref was refused, empty where it was not."""
    for line in lines:
        flag, _, rest = line.partition("\t")
        names, tab, summary = rest.partition("\t")
        if len(flag) == 1 and tab:
            yield names.rpartition(":")[2], summary if flag == "!" else ""
