"""How long a Kargo that does not answer, or can't just now, is asked again."""

import time
from collections.abc import Callable
from typing import TypeVar

from kargo_notify.kargo import KargoError
from plugin_kit.console import Console, lasting

_FIRST_PAUSE = 0.3
_LONGEST_PAUSE = 3.0
T = TypeVar("T")


class Patience:
    """So many seconds from now on, for everything that is asked; each trouble is said once."""

    def __init__(self, seconds: float, console: Console) -> None:
        self._until = time.monotonic() + seconds
        self._console = console
        self._told: set[str] = set()

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return max(self._until - time.monotonic(), 0.0)

    def ask(self, question: Callable[[], T]) -> T:
        """Ask until there is an answer; raises the last KargoError when the time is over, and at once where it won't pass."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return question()
            except KargoError as error:
                left = self.left
                if not error.passing or left <= 0:
                    raise
                if error.message not in self._told:
                    self._told.add(error.message)
                    self._console.detail(f"{error.message}; asking again for up to {lasting(left)}")
            # The last try is at the deadline.
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
