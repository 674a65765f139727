"""Waiting that ends at once when the run is cancelled: only the main thread hears of Ctrl-C, and rows wait in threads of their own."""

import threading

from bootstrap.core.clock import Clock
from plugin_kit.errors import Cancelled


class Interruptible:
    """A clock whose sleepers can be woken, with `Cancelled`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cancelled = threading.Event()

    def now(self) -> float:
        """Give the time of the clock behind it."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Let time pass; raises `Cancelled` as soon as `cancel` is called."""
        if self._cancelled.wait(seconds):
            raise Cancelled("the run was cancelled")

    def cancel(self) -> None:
        """Wake all who sleep, and let nobody sleep again."""
        self._cancelled.set()
