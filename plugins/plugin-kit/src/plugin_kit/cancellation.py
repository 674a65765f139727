"""What SIGTERM does to a plugin: the children that it must reach, and when the clean-up has to be over."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

from plugin_kit.errors import Cancelled

if TYPE_CHECKING:
    from plugin_kit.child import Child

GRACE_SECONDS = 8.0
CLEANUP_SECONDS = 15.0
# How long to listen to descendants that hold the output of a child which has ended.
DRAIN_SECONDS = 1.0
# The kernel ends a killed process at once, unless it waits for a device.
KILL_SECONDS = 2.0


class Cancellation:
    """The children that SIGTERM must reach, and what has come of the signal."""

    def __init__(self) -> None:
        self.children: set[Child] = set()
        self.reset()

    def reset(self) -> None:
        """Forget the signal."""
        self.name = ""
        self._number: int = signal.SIGTERM
        self._kill_at = float("inf")
        self._end_at = float("inf")
        self._held = 0
        self._owed = False

    def cancel(self, number: int, _frame: FrameType | None) -> None:
        """Handle SIGTERM and SIGINT: the first one counts, a second one must not break the clean-up."""
        if self.name:
            return
        self.name = signal.Signals(number).name
        self._number = number
        self._kill_at = time.monotonic() + GRACE_SECONDS
        self._end_at = time.monotonic() + CLEANUP_SECONDS
        signal.signal(signal.SIGALRM, self.give_up)
        signal.setitimer(signal.ITIMER_REAL, CLEANUP_SECONDS)
        for child in list(self.children):
            if not child.cleanup:
                child.ask()
        self._owed = True
        self._settle()

    def give_up(self, _number: int, _frame: FrameType | None) -> None:
        """Handle SIGALRM: the clean-up hangs."""
        for child in list(self.children):
            child.kill()
        os.write(2, f"error: cancelled by {self.name}; the clean-up was given up after {CLEANUP_SECONDS:.0f}s\n".encode())
        os._exit(128 + self._number)

    def check(self, cause: BaseException | None = None) -> None:
        """Raise `Cancelled` when the signal has come."""
        if self.name:
            raise Cancelled(f"cancelled by {self.name}", number=self._number) from cause

    def shortened(self, grace: float) -> float:
        """Give what is left of a grace: all children are asked at once, so their graces run at the same time."""
        return max(0.0, min(grace, self._kill_at - time.monotonic()))

    def remaining(self, timeout: float | None) -> float | None:
        """Give what is left for a clean-up."""
        if not self.name:
            return timeout
        left = max(0.0, self._end_at - DRAIN_SECONDS - KILL_SECONDS - time.monotonic())
        return left if timeout is None else min(timeout, left)

    def hold(self) -> None:
        """Put off `Cancelled` until `reset`."""
        self._held += 1

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Put off `Cancelled` until the block has ended; other threads than the main one are never interrupted."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._settle()

    def _settle(self) -> None:
        if self._owed and not self._held:
            self._owed = False
            self.check()


cancellation = Cancellation()
