"""Waiting with a deadline, with a sign of life, and with an explanation at the end of it."""

from collections.abc import Callable, Sequence

from bootstrap.core.change import Readiness, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import WaitError
from bootstrap.core.explain import Reader, explain
from bootstrap.core.objects import Ref
from plugin_kit.console import Console, elapsed

PROGRESS_SECONDS = 15.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class Waiter:
    """Waits for things of one cluster and says so on one console."""

    def __init__(self, cluster: Reader, console: Console, *, afresh: Callable[[], bool] = lambda: False) -> None:
        """`afresh` is called before each look but the first; it tells whether that one may have been at what was read a moment ago."""
        self._cluster = cluster
        self._console = console
        self._afresh = afresh

    def wait(
        self, what: str, look: Callable[[], Readiness], *, deadline: Deadline, refs: Sequence[Ref] = (), hint: str | None = None
    ) -> None:
        """Look again and again until it is ready; WaitError when it has failed or the deadline has passed, with what the `refs` say."""
        clock = deadline.clock
        begin, pause = clock.now(), _FIRST_PAUSE
        next_sign = begin + PROGRESS_SECONDS
        seen = look()
        if seen.state is not State.READY and self._afresh():
            seen = look()
        while seen.state is not State.READY:
            if seen.state is State.FAILED or deadline.expired:
                raise self._failure(what, seen, deadline, refs, hint)
            if clock.now() >= next_sign:
                next_sign += PROGRESS_SECONDS
                self._console.detail(
                    f"{what}: {seen.message or seen.state.value}, {elapsed(clock.now() - begin)} of at most {elapsed(deadline.seconds)}"
                )
            clock.sleep(min(pause, deadline.left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            self._afresh()
            seen = look()

    def _failure(self, what: str, seen: Readiness, deadline: Deadline, refs: Sequence[Ref], hint: str | None) -> WaitError:
        why = f": {seen.message}" if seen.message else ""
        if seen.state is State.FAILED:
            message = f"{what} has failed{why}"
        else:
            message = f"{what} was not in order after {elapsed(deadline.seconds)}{why}"
        # Of the object that is waited for, the one who waits knows what is missing; its kind alone may look fine.
        details = [line for ref in refs for line in explain(self._cluster, ref, seen if ref.label == what else None)]
        return WaitError(message, details=details, hint=hint or "put right what is named above and run it again: what is done stays done")
