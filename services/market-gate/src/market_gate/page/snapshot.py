"""Everything that the page shows, at one moment. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from market_gate.decision import Gate
from market_gate.record import BreakGlass
from market_gate.records import Known
from market_gate.schedule import Market, Segment, Verdict
from market_gate.sessions import NotKnownError, Session
from market_gate.waiting import WaitingPromotion
from market_gate.window import Span

PAST_RECORDS = 50
_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekday:
    """One day of the week in the exchange's zone."""

    day: date
    known: bool
    """Whether the calendar knows the day."""
    session: Session | None
    occasion: str
    """The holiday or half day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A stage that asks before a promotion."""

    project: str
    stage: str
    rollback: str
    """`same` or `allow`."""
    break_glass: BreakGlass | None
    """The record in force for it."""

    def may(self, verdict: Verdict) -> bool:
        """Tell whether a promotion to it may run now."""
        return verdict.allow or self.break_glass is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The gate at one moment; `zones` are those in which times are told, the exchange's own in front."""

    now: datetime
    calendar: str
    zones: Sequence[ZoneInfo]
    state: str
    """The market in words: `closed, opens Monday 09:30 New York`."""
    reason: str
    """What decides now, in a sentence; break-glass aside."""
    verdict: Verdict
    """Whether a promotion may run now and when that changes, break-glass aside."""
    market: Market
    week: Sequence[Weekday]
    segments: Sequence[Segment]
    """The whole week from Monday 00:00 of the exchange's zone, cut where something else decides."""
    windows: Sequence[Span]
    """Extra windows of this week and of the one after it."""
    margin: timedelta
    guarded: Sequence[Guarded]
    waiting: Sequence[WaitingPromotion]
    active: Sequence[BreakGlass]
    past: Sequence[BreakGlass]
    """The latest expired records."""
    known: Known
    source: str
    """Who knows the sessions, with version."""


def snapshot(gate: Gate, known: Known, waiting: Sequence[WaitingPromotion], now: datetime) -> Snapshot:
    """Collect what the page shows."""
    schedule = gate.schedule
    calendar = schedule.calendar
    verdict = schedule.verdict(now)
    today = now.astimezone(calendar.zone).date()
    monday = today - timedelta(days=today.weekday())
    start, end, further = (
        datetime.combine(monday + timedelta(days=days), time(), tzinfo=calendar.zone).astimezone(UTC) for days in (0, _WEEK, 2 * _WEEK)
    )
    return Snapshot(
        now=now,
        calendar=calendar.name,
        zones=gate.zones,
        state=gate.state_in_words(now),
        reason=gate.reason(verdict, now),
        verdict=verdict,
        market=verdict.market,
        week=[_weekday(gate, monday + timedelta(days=number)) for number in range(_WEEK)],
        segments=schedule.segments(start, end),
        windows=schedule.spans(start, further),
        margin=schedule.margin,
        guarded=[
            Guarded(project=project, stage=name, rollback=stage.rollback, break_glass=known.records.valid(project, name, now))
            for project, guarded in sorted(gate.config.projects.items())
            for name, stage in guarded.stages.items()
        ],
        waiting=waiting,
        active=known.records.active(now),
        past=known.records.past(now, most=PAST_RECORDS),
        known=known,
        source=calendar.source,
    )


def _weekday(gate: Gate, day: date) -> Weekday:
    calendar = gate.schedule.calendar
    try:
        session = calendar.session(day)
    except NotKnownError:
        return Weekday(day=day, known=False, session=None, occasion="")
    return Weekday(day=day, known=True, session=session, occasion=calendar.occasion(day))
