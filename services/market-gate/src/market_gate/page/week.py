"""This week day by day, as strip and table show it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from market_gate.page.snapshot import Snapshot, Weekday
from market_gate.record import BreakGlass
from market_gate.schedule import Cause, Segment

# Whoever may make records must not make the page endless.
MOST_ACTIVE = 20
_STEP = timedelta(minutes=15)
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of one day, and what decides in it."""

    start: datetime
    end: datetime
    segment: Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The part of one day in which a break-glass record is in force."""

    start: datetime
    end: datetime
    record: BreakGlass


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day from midnight to midnight of the exchange's zone."""

    weekday: Weekday
    start: datetime
    end: datetime
    today: bool
    pieces: Sequence[Piece]
    passages: Sequence[Passage]

    @property
    def date(self) -> date:
        """The day itself."""
        return self.weekday.day


def days(shown: Snapshot) -> list[Day]:
    """Cut the week at its midnights."""
    zone, now = shown.zones[0], shown.now
    found: list[Day] = []
    for weekday in shown.week:
        start, end = (midnight(weekday.day + timedelta(days=number), zone) for number in (0, 1))
        pieces = [
            Piece(start=max(each.start, start), end=min(each.end, end), segment=each)
            for each in shown.segments
            if each.start < end and each.end > start
        ]
        passages = [
            Passage(start=max(each.created, start), end=min(each.expires, end), record=each)
            for each in sorted((*shown.active[:MOST_ACTIVE], *shown.past), key=lambda record: record.created)
            if each.created < end and each.expires > start
        ]
        found.append(Day(weekday=weekday, start=start, end=end, today=start <= now < end, pieces=pieces, passages=passages))
    return found


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which a day begins."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def on_the_wall(start: datetime, end: datetime, day: date, zone: ZoneInfo) -> Iterator[tuple[float, float]]:
    """Yield where a stretch of one day lies by the hours of the wall clock, 0 to 24; two parts where the clock is set in between."""
    begins = start
    while begins < end:
        ends = end if begins.astimezone(zone).utcoffset() == _before(end, zone) else _change(begins, end, zone)
        first = _hours(begins, day, zone)
        yield first, first + (ends - begins).total_seconds() / _HOUR
        begins = ends


def _hours(moment: datetime, day: date, zone: ZoneInfo) -> float:
    there = moment.astimezone(zone).replace(tzinfo=None)
    return (there - datetime.combine(day, time())).total_seconds() / _HOUR


def _before(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return (moment - timedelta(microseconds=1)).astimezone(zone).utcoffset()


def _change(start: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """Return when the clock is set; that is at a full quarter of an hour everywhere."""
    offset = start.astimezone(zone).utcoffset()
    seconds = _STEP.total_seconds()
    moment = datetime.fromtimestamp((start.timestamp() // seconds + 1) * seconds, UTC)
    while moment < end and moment.astimezone(zone).utcoffset() == offset:
        moment += _STEP
    return min(moment, end)


# What decides, in the fewest words.
CAUSES = {
    Cause.MARKET_CLOSED: "market closed",
    Cause.MARKET_OPEN: "market open",
    Cause.MARGIN: "margin before the open",
    Cause.NOT_KNOWN: "not known",
    Cause.BLOCKED_WINDOW: "blocked window",
    Cause.OPEN_WINDOW: "open window",
}
