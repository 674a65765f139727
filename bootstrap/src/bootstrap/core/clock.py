"""Time as it is waited for; tests bring their own."""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Seconds that never go back."""

    def now(self) -> float:
        """Give the time, in seconds from anywhere."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class SystemClock:
    """The machine's own."""

    def now(self) -> float:
        """Give the seconds since the machine was started, those that it slept included: a lock does not wait for a laptop to wake up."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A point in time, and how long it was away when it was set."""

    clock: Clock
    seconds: float
    end: float

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        """Set one that many seconds from now."""
        return cls(clock=clock, seconds=seconds, end=clock.now() + seconds)

    @property
    def left(self) -> float:
        """The seconds that are left, 0 at the least."""
        return max(0.0, self.end - self.clock.now())

    @property
    def expired(self) -> bool:
        """Whether it has passed."""
        return self.left == 0
