"""Windows that are added to the market's hours: once, or each week."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


class Kind(StrEnum):
    """What a window does."""

    BLOCKED = "blocked"
    """Nothing is promoted."""
    OPEN = "open"
    """Promotions run although the market trades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window as it lies in time: from `start` on, and no longer at `end`."""

    start: datetime
    end: datetime
    kind: Kind
    name: str
    reason: str = ""

    def covers(self, moment: datetime) -> bool:
        """Tell whether a moment lies in it."""
        return self.start <= moment < self.end


class Window(Protocol):
    """A window of the configuration."""

    def spans(self, start: datetime, end: datetime) -> Iterator[Span]:
        """Return where it lies between two moments, uncut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One stretch of time."""

    span: Span

    def spans(self, start: datetime, end: datetime) -> Iterator[Span]:
        """Return where it lies between two moments, uncut."""
        if self.span.start < end and self.span.end > start:
            yield self.span


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """The same hours on some days of each week; where `until` is not after `since`, into the next day."""

    days: Sequence[int]
    """Weekdays, Monday is 0."""
    since: time
    until: time
    zone: ZoneInfo
    kind: Kind
    name: str
    reason: str = ""

    def spans(self, start: datetime, end: datetime) -> Iterator[Span]:
        """Return where it lies between two moments, uncut."""
        day = start.astimezone(self.zone).date() - _DAY
        last = end.astimezone(self.zone).date()
        while day <= last:
            if day.weekday() in self.days:
                ends_on = day if self.until > self.since else day + _DAY
                begins = readings(datetime.combine(day, self.since), self.zone)
                ends = readings(datetime.combine(ends_on, self.until), self.zone)
                span = careful(begins, ends, kind=self.kind, name=self.name, reason=self.reason)
                if span.start < end and span.end > start and span.start < span.end:
                    yield span
            day += _DAY


def careful(begins: Sequence[datetime], ends: Sequence[datetime], *, kind: Kind, name: str, reason: str) -> Span:
    """Return the window that blocks most: on the night of a change of the clocks a time may be read in two ways."""
    blocks = kind is Kind.BLOCKED
    start, end = (min(begins), max(ends)) if blocks else (max(begins), min(ends))
    return Span(start=start, end=end, kind=kind, name=name, reason=reason)


def readings(wall: datetime, zone: ZoneInfo) -> Sequence[datetime]:
    """Return the moments, in UTC, that a time on the wall may mean; one with an offset means one."""
    if wall.tzinfo is not None:
        return (wall.astimezone(UTC),)
    # In UTC, for within one zone Python compares the times on the wall.
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC), wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
