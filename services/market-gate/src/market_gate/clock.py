"""What time it is."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

# A clock that is put right by NTP moves less than this from one request to the next.
JUMP = timedelta(seconds=5)


class Clock(Protocol):
    """The time of day, which decides, and the time that passes, which only measures."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that pass evenly whatever happens to the time of day."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that pass evenly whatever happens to the time of day."""
        return time.monotonic()


class JumpWatch:
    """Notices that the time of day was set: then it moved by another amount than the time that passed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._day = clock.now()
        self._passed = clock.monotonic()

    def look(self) -> timedelta | None:
        """Return by how much the time of day was set since the last look, None where it was not."""
        day, passed = self._clock.now(), self._clock.monotonic()
        jump = (day - self._day) - timedelta(seconds=passed - self._passed)
        self._day, self._passed = day, passed
        return jump if abs(jump) >= JUMP else None
