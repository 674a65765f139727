"""What the market and the extra windows say about a moment. Pure: the same question has the same answer at any time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise

from market_gate.sessions import Calendar, NotKnownError, Session
from market_gate.window import Kind, Span, Window

# No exchange in question stays closed for longer, holidays and weekends in a row; what lies further away is not looked for.
FAR = timedelta(days=14)
_DAY = timedelta(days=1)


class State(StrEnum):
    """What the market does."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """What decides about a moment."""

    MARKET_CLOSED = "market-closed"
    MARKET_OPEN = "market-open"
    MARGIN = "margin"
    NOT_KNOWN = "not-known"
    BLOCKED_WINDOW = "blocked-window"
    OPEN_WINDOW = "open-window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The market at a moment; the times are in its own zone, None where they are not known or too far away."""

    state: State
    since: datetime | None = None
    until: datetime | None = None
    next_open: datetime | None = None
    early: bool = False
    """Whether it closes, or has closed, before the usual hour on this day."""
    occasion: str = ""
    """The holiday or half day of this day."""
    why: str = ""
    """Why it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a promotion may run, as far as the time decides."""

    allow: bool
    cause: Cause
    market: Market
    window: Span | None = None
    """The window that decided."""
    until: datetime | None = None
    """When that changes, None where it is not known or too far away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of time in which one thing decides."""

    start: datetime
    end: datetime
    allow: bool
    cause: Cause
    window: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Market hours and extra windows."""

    calendar: Calendar
    windows: Sequence[Window] = field(default=())
    margin: timedelta = timedelta(0)
    """How long before the open nothing is promoted any more."""

    def verdict(self, moment: datetime) -> Verdict:
        """Say whether a promotion may run at a moment, and when that changes."""
        allow, cause, window = self._rule(moment)
        changes = next((edge for edge in self._edges(moment) if self._rule(edge)[0] != allow), None)
        return Verdict(allow=allow, cause=cause, market=self.market(moment), window=window, until=changes)

    def market(self, moment: datetime) -> Market:
        """Say what the market does at a moment."""
        day = self._day(moment)
        try:
            today = self.calendar.session(day)
        except NotKnownError as error:
            return Market(state=State.UNKNOWN, why=str(error))
        later = self._next_open(moment, day)
        early = today is not None and today.early
        occasion = self.calendar.occasion(day)
        if today is not None and today.opens <= moment < today.closes:
            return Market(state=State.OPEN, since=today.opens, until=today.closes, next_open=later, early=early, occasion=occasion)
        since = self._last_close(moment, day)
        return Market(state=State.CLOSED, since=since, until=later, next_open=later, early=early, occasion=occasion)

    def sessions(self, first: date, last: date) -> list[Session]:
        """Return the sessions from one day to another, both included; days that are not known are left out."""
        found: list[Session] = []
        day = first
        while day <= last:
            try:
                session = self.calendar.session(day)
            except NotKnownError:
                session = None
            found += [session] if session is not None else []
            day += _DAY
        return found

    def spans(self, start: datetime, end: datetime) -> list[Span]:
        """Return the extra windows between two moments, by their start."""
        return sorted((span for window in self.windows for span in window.spans(start, end)), key=lambda span: (span.start, span.end))

    def segments(self, start: datetime, end: datetime) -> list[Segment]:
        """Cut the time between two moments, at most FAR apart, into stretches in which one thing decides."""
        found: list[Segment] = []
        cuts = [start, *(edge for edge in self._edges(start) if edge < end), end]
        for begins, ends in pairwise(cuts):
            allow, cause, window = self._rule(begins)
            if found and (found[-1].cause, found[-1].window) == (cause, window):
                found[-1] = replace(found[-1], end=ends)
            else:
                found.append(Segment(start=begins, end=ends, allow=allow, cause=cause, window=window))
        return found

    def _rule(self, moment: datetime) -> tuple[bool, Cause, Span | None]:
        covering = [span for span in self.spans(moment, moment + timedelta(microseconds=1)) if span.covers(moment)]
        blocked = next((span for span in covering if span.kind is Kind.BLOCKED), None)
        if blocked is not None:
            return False, Cause.BLOCKED_WINDOW, blocked
        try:
            trading = self._trading(moment)
        except NotKnownError:
            return False, Cause.NOT_KNOWN, None
        if trading is None:
            return True, Cause.MARKET_CLOSED, None
        opened = next((span for span in covering if span.kind is Kind.OPEN), None)
        if opened is not None:
            return True, Cause.OPEN_WINDOW, opened
        return False, Cause.MARKET_OPEN if moment >= trading.opens else Cause.MARGIN, None

    def _trading(self, moment: datetime) -> Session | None:
        """Return the session that the moment lies in, or in the margin before it."""
        first, last = self._day(moment), self._day(moment + self.margin)
        while first <= last:
            session = self.calendar.session(first)
            if session is not None and session.opens - self.margin <= moment < session.closes:
                return session
            first += _DAY
        return None

    def _edges(self, moment: datetime) -> Iterator[datetime]:
        """Return the moments after this one at which something begins or ends, in order."""
        first = self._day(moment)
        end = moment + FAR
        edges = {edge for span in self.spans(moment, end) for edge in (span.start, span.end)}
        for number in range(FAR.days):
            day = first + number * _DAY
            try:
                each = self.calendar.session(day)
            except NotKnownError:
                # From here on the answer is another one, and what comes behind is not looked for.
                edges.add(datetime.combine(day, time(), tzinfo=self.calendar.zone).astimezone(UTC))
                break
            if each is not None:
                opens = each.opens.astimezone(UTC)
                edges |= {opens - self.margin, opens, each.closes.astimezone(UTC)}
        return iter(sorted(edge for edge in edges if edge > moment))

    def _next_open(self, moment: datetime, day: date) -> datetime | None:
        for number in range(FAR.days):
            try:
                session = self.calendar.session(day + number * _DAY)
            except NotKnownError:
                return None
            if session is not None and session.opens > moment:
                return session.opens
        return None

    def _last_close(self, moment: datetime, day: date) -> datetime | None:
        for number in range(FAR.days):
            try:
                session = self.calendar.session(day - number * _DAY)
            except NotKnownError:
                return None
            if session is not None and session.closes <= moment:
                return session.closes
        return None

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.calendar.zone).date()
