"""Waiting until Kargo has made the Freight: watching, and asking each second where the watch says nothing."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kargo_notify.commit import Commit, Match
from kargo_notify.freight import Freight
from kargo_notify.kargo import Kargo, KargoError
from kargo_notify.verdict import Before, State, Verdict, judge
from kargo_notify.warehouse import Warehouse
from plugin_kit.console import Console

_POLL = 1.0
# What a reader gets to see that it is let go.
_GOODBYE = 0.1
# Kargo notes whole seconds: a refresh in the same one would be lost.
_FIRST_PAUSE = 1.2
_LONGEST_PAUSE = 20.0
# Kargo may have looked at the registry just before the tag was there.
_LOOKS = 2
_FINAL = frozenset({State.SUPERSEDED, State.BEATEN, State.UNMET, State.BROKEN})

Event = Freight | Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known before the refresh: the Warehouse unless it may not be read, the subscriptions to our images, the Freight's name."""

    warehouse: Warehouse | None
    matches: tuple[Match, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How the wait ended: with the Freight, with a verdict that won't change, or at its deadline with what was known last."""

    freight: Freight | None = None
    verdict: Verdict | None = None
    trouble: KargoError | None = None

    @property
    def final(self) -> bool:
        """Whether waiting longer would have changed nothing."""
        return self.freight is not None or (self.verdict is not None and self.verdict.state in {*_FINAL, State.ABSENT})


def find(kargo: Kargo, sight: Sight, commit: Commit) -> Freight | None:
    """Look the commit's Freight up by the names that it can have, then among all of the Warehouse."""
    for name in sight.names:
        freight = kargo.freight(name)
        if freight is not None:
            return freight
    # The name is computed by a rule that Kargo has not promised to keep.
    return next((freight for freight in kargo.freights() if commit.is_in(freight)), None)


def wait(kargo: Kargo, refresh: Callable[[], None], commit: Commit, sight: Sight, timeout: float, console: Console) -> Waited:
    """Ask for a refresh and wait for at most `timeout` seconds. Asks again where Kargo's discovery failed.

    Raises KargoError for what won't pass.
    """
    with _watching(kargo, timeout) as events:
        begun = time.monotonic()
        # After the watches have begun: why a discovery failed is told for a moment only.
        refresh()
        return _Wait(kargo, commit, sight, begun + timeout - time.monotonic(), console).run(events)


class _Wait:
    def __init__(
        self, kargo: Kargo, commit: Commit, sight: Sight, timeout: float, console: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kargo = kargo
        self._commit = commit
        self._sight = sight
        self._before = Before.of(sight.warehouse) if sight.warehouse else None
        self._console = console
        self._clock = clock
        self._asked_at = clock()
        self._deadline = self._asked_at + timeout
        self._pause = _FIRST_PAUSE
        self._looks = 1
        self._verdict: Verdict | None = None
        self._trouble: KargoError | None = None
        self._told: set[tuple[str, tuple[str, ...]]] = set()

    def run(self, events: "queue.SimpleQueue[Event]") -> Waited:
        event: Event | None = None
        while True:
            waited = self._forgiving_step(event)
            if waited is not None:
                return waited
            left = self._deadline - self._clock()
            if left <= 0:
                return Waited(verdict=self._verdict, trouble=self._trouble)
            try:
                event = events.get(timeout=min(left, _POLL))
            except queue.Empty:
                event = None

    def _forgiving_step(self, event: Event | None) -> Waited | None:
        try:
            waited = self._step(event)
        except KargoError as error:
            if not error.passing:
                raise
            self._note(error)
        else:
            self._trouble = None
            return waited
        return None

    def _step(self, event: Event | None) -> Waited | None:
        if isinstance(event, Freight):
            return Waited(freight=event) if self._commit.is_in(event) else None
        if event is None:
            freight = find(self._kargo, self._sight, self._commit)
            if freight is not None:
                return Waited(freight=freight)
        return self._consider(self._before, event or self._kargo.warehouse()) if self._before else None

    def _consider(self, before: Before, now: Warehouse) -> Waited | None:
        verdict = judge(before, now, self._commit, self._sight.matches)
        if verdict.state is State.PENDING:
            # What was wrong the last time is still the best that is known.
            self._verdict = self._verdict or verdict
            return None
        # Why a discovery failed is known better while it fails.
        if not (verdict.state is State.FAILED and not verdict.details and self._failed_with_reason()):
            self._verdict = verdict
        if verdict.state in _FINAL or verdict.state is State.READY:
            # Kargo makes the Freight before it says what it has discovered.
            freight = find(self._kargo, self._sight, self._commit)
            return Waited(freight=freight, verdict=verdict) if freight is not None or verdict.state in _FINAL else None
        if verdict.state is State.ABSENT and self._looks >= _LOOKS:
            return Waited(verdict=verdict)
        self._ask_again(before, now, self._verdict or verdict)
        return None

    def _failed_with_reason(self) -> bool:
        return self._verdict is not None and self._verdict.state is State.FAILED and bool(self._verdict.details)

    def _ask_again(self, before: Before, now: Warehouse, verdict: Verdict) -> None:
        """Refresh once more, later each time: all Warehouses share what Kargo may ask of a registry in a second."""
        moment = self._clock()
        if moment - self._asked_at < self._pause:
            return
        if (verdict.message, verdict.details) not in self._told:
            self._told.add((verdict.message, verdict.details))
            self._console.detail(f"{verdict.message}; asking again")
            for line in verdict.details:
                self._console.detail(f"  {line}")
        self._before = Before(handled=now.handled, discovered_at=before.discovered_at)
        if verdict.state is State.ABSENT:
            self._before = Before.of(now)
            self._looks += 1
        self._kargo.refresh()
        self._asked_at = self._clock()
        self._pause = min(self._pause * 1.7, _LONGEST_PAUSE)

    def _note(self, error: KargoError) -> None:
        if self._trouble is None or self._trouble.message != error.message:
            self._console.detail(f"{error.message}; asking again")
        self._trouble = error


@contextlib.contextmanager
def _watching(kargo: Kargo, timeout: float) -> Iterator["queue.SimpleQueue[Event]"]:
    """Collect what Kargo's watches say; one that is refused, hangs or ends leaves the others, and the asking each second."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def collect(watch: Callable[[float], Iterator[Event]]) -> None:
        with contextlib.suppress(KargoError):
            for event in watch(timeout):
                events.put(event)

    watches: Sequence[Callable[[float], Iterator[Event]]] = (kargo.watch, kargo.watch_warehouse)
    # A reader that can't be let go must not keep the step from ending.
    threads = [threading.Thread(target=collect, args=(watch,), daemon=True) for watch in watches]
    for thread in threads:
        thread.start()
    try:
        yield events
    finally:
        kargo.stop_watching()
        for thread in threads:
            thread.join(_GOODBYE)
