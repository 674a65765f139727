"""Where break-glass records come from, and how sure it is that these are all."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from market_gate.record import RecordSet

# Clocks of machines that ask for the time differ by less.
_BIG_SKEW = 30.0


class Source(StrEnum):
    """How the gate stands with the cluster."""

    CURRENT = "current"
    """It hears of each record at once."""
    UNREACHABLE = "unreachable"
    """The API server does not answer; what was known before still counts."""
    STARTING = "starting"
    """It has not heard of the cluster yet."""
    OFF = "off"
    """It was told that there are no records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The records that are known at a moment."""

    records: RecordSet
    source: Source
    age: float | None = None
    """Seconds since the cluster was last heard of, None where it never was."""
    since: datetime | None = None
    """Since when it can't be reached."""
    problem: str = ""
    """Why it can't be reached."""
    skew: float | None = None
    """Seconds by which this machine's clock is ahead of the API server's, as far as known."""

    @property
    def clocks_differ(self) -> bool:
        """Whether one of the two clocks must be wrong."""
        return self.skew is not None and abs(self.skew) >= _BIG_SKEW


class Records(Protocol):
    """Break-glass records."""

    def known(self) -> Known:
        """Return what is known now; never waits."""


class NoRecords:
    """No cluster, no records."""

    def known(self) -> Known:
        """Return what is known now; never waits."""
        return Known(records=RecordSet(), source=Source.OFF)
