"""The sessions, minute for minute, against a second library that has its own data; and each day that is special, by name."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

import pytest

from market_gate.nyse import NewYork, Year, library
from market_gate.schedule import Cause, Schedule, State
from market_gate.sessions import NotKnownError, Session

FIRST, LAST = date(2016, 1, 1), date(2027, 12, 31)
SECOND = timedelta(seconds=1)

# In a process of its own: pandas takes two seconds and changes what the whole process warns about.
OTHER = """
import json, sys, exchange_calendars
calendar = exchange_calendars.get_calendar("XNYS", start=sys.argv[1], end=sys.argv[2])
rows = calendar.schedule.itertuples()
print(json.dumps({str(row.Index.date()): [int(row.open.timestamp()), int(row.close.timestamp())] for row in rows}))
"""

HOLIDAYS = {
    # 2025
    "new year 2025": "2025-01-01",
    "day of mourning for Carter": "2025-01-09",
    "Martin Luther King 2025": "2025-01-20",
    "Washington's birthday 2025": "2025-02-17",
    "Good Friday 2025": "2025-04-18",
    "Memorial Day 2025": "2025-05-26",
    "Juneteenth 2025": "2025-06-19",
    "Independence Day 2025": "2025-07-04",
    "Labor Day 2025": "2025-09-01",
    "Thanksgiving 2025": "2025-11-27",
    "Christmas 2025": "2025-12-25",
    # 2026
    "new year 2026": "2026-01-01",
    "Martin Luther King 2026": "2026-01-19",
    "Washington's birthday 2026": "2026-02-16",
    "Good Friday 2026": "2026-04-03",
    "Memorial Day 2026": "2026-05-25",
    "Juneteenth 2026": "2026-06-19",
    "Independence Day 2026, observed on Friday": "2026-07-03",
    "Labor Day 2026": "2026-09-07",
    "Thanksgiving 2026": "2026-11-26",
    "Christmas 2026": "2026-12-25",
    # Once, or easily forgotten
    "day of mourning for Bush": "2018-12-05",
    "the first Juneteenth, observed on Monday": "2022-06-20",
    "Independence Day 2021, observed on Monday": "2021-07-05",
    "Christmas 2021, observed on Friday": "2021-12-24",
    "new year 2023, observed on Monday": "2023-01-02",
}
HALF_DAYS = {
    "day before Independence Day 2025": "2025-07-03",
    "day after Thanksgiving 2025": "2025-11-28",
    "Christmas Eve 2025": "2025-12-24",
    "day after Thanksgiving 2026": "2026-11-27",
    "Christmas Eve 2026": "2026-12-24",
    "day before Independence Day 2018": "2018-07-03",
    "day after Thanksgiving 2018": "2018-11-23",
}
FULL_DAYS = {
    "Juneteenth was no holiday in 2021": "2021-06-18",
    "new year 2022 fell on Saturday and is not observed": "2021-12-31",
    "day before Independence Day observed on Friday 2026 is a full Thursday": "2026-07-02",
    "the Friday before Independence Day 2021": "2021-07-02",
    "new year's eve": "2026-12-31",
    "Columbus Day is none of the exchange": "2026-10-12",
    "Veterans Day is none of the exchange": "2026-11-11",
}
# The day before the clocks change, the first session after it, and the open of both in UTC.
CLOCK_CHANGES = {
    "spring 2025": ("2025-03-07", "2025-03-10", "14:30", "13:30"),
    "autumn 2025": ("2025-10-31", "2025-11-03", "13:30", "14:30"),
    "spring 2026": ("2026-03-06", "2026-03-09", "14:30", "13:30"),
    "autumn 2026": ("2026-10-30", "2026-11-02", "13:30", "14:30"),
}


@cache
def calendar() -> NewYork:
    """Give the calendar under test."""
    return NewYork()


def new_york(day: str, hour: str) -> datetime:
    """Return a moment in New York."""
    return datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=calendar().zone).astimezone(UTC)


def session(day: str) -> Session:
    """Return the session of a day, which must have one."""
    found = calendar().session(date.fromisoformat(day))
    assert found is not None
    return found


@cache
def other() -> dict[str, tuple[int, int]]:
    """Ask the other library for all sessions: seconds since 1970 of open and close, by day."""
    run = subprocess.run([sys.executable, "-c", OTHER, str(FIRST), str(LAST)], check=True, capture_output=True, text=True)
    content: dict[str, Any] = json.loads(run.stdout)
    return {day: (opens, closes) for day, (opens, closes) in content.items()}


def days() -> list[date]:
    """Return all days of 2016 to 2027."""
    return [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]


def test_every_session_is_that_of_the_other_library() -> None:
    """exchange_calendars has its own table of holidays and special closes; open and close are compared to the second."""
    ours = {str(day): found for day in days() if (found := calendar().session(day)) is not None}
    seconds = {day: (int(found.opens.timestamp()), int(found.closes.timestamp())) for day, found in ours.items()}
    assert len(seconds) == 3016
    assert seconds == other()


def test_the_gate_closes_and_opens_at_each_of_these_minutes() -> None:
    """What the schedule says just before and at each open and close of the other library."""
    schedule = Schedule(calendar=calendar())
    wrong: list[str] = []
    for opens, closes in other().values():
        first, end = datetime.fromtimestamp(opens, UTC), datetime.fromtimestamp(closes, UTC)
        rules = [schedule._rule(moment)[0] for moment in (first - SECOND, first, end - SECOND, end)]
        if rules != [True, False, False, True]:
            wrong.append(f"{first} to {end}: {rules}")
    assert wrong == []


@pytest.mark.parametrize("day", HOLIDAYS.values(), ids=HOLIDAYS)
def test_on_a_holiday_promotions_run_all_day(day: str) -> None:
    """Each holiday of two years, and some that were there once."""
    verdict = Schedule(calendar=calendar()).verdict(new_york(day, "11:00"))
    assert (verdict.allow, verdict.market.state) == (True, State.CLOSED)
    assert verdict.market.occasion


@pytest.mark.parametrize("day", HALF_DAYS.values(), ids=HALF_DAYS)
def test_on_a_half_day_the_gate_opens_at_one(day: str) -> None:
    """12:59:59 is blocked, 13:00:00 is not."""
    schedule = Schedule(calendar=calendar())
    assert session(day).early
    assert not schedule.verdict(new_york(day, "12:59:59")).allow
    assert schedule.verdict(new_york(day, "13:00:00")).allow


@pytest.mark.parametrize("day", FULL_DAYS.values(), ids=FULL_DAYS)
def test_a_day_that_looks_special_and_is_not_is_blocked_until_four(day: str) -> None:
    """Days that one would guess to be holidays."""
    schedule = Schedule(calendar=calendar())
    assert not schedule.verdict(new_york(day, "15:59:59")).allow
    assert schedule.verdict(new_york(day, "16:00:00")).allow


@pytest.mark.parametrize(("before", "after", "opened", "opens"), CLOCK_CHANGES.values(), ids=CLOCK_CHANGES)
def test_the_open_moves_with_the_clocks_of_new_york(before: str, after: str, opened: str, opens: str) -> None:
    """In UTC the session is an hour earlier or later; the gate is asked in UTC."""
    schedule = Schedule(calendar=calendar())
    for day, hour in ((before, opened), (after, opens)):
        moment = datetime.combine(date.fromisoformat(day), time.fromisoformat(hour), tzinfo=UTC)
        assert schedule.verdict(moment - SECOND).allow
        assert not schedule.verdict(moment).allow


@pytest.mark.parametrize(("hour", "allow"), [("09:29:59", True), ("09:30:00", False), ("15:59:59", False), ("16:00:00", True)])
def test_the_four_seconds_that_count(hour: str, *, allow: bool) -> None:
    """The session begins at 09:30:00 and no longer holds at 16:00:00."""
    assert Schedule(calendar=calendar()).verdict(new_york("2026-11-18", hour)).allow is allow


def test_the_close_is_not_a_microsecond_late() -> None:
    """The last instant of the session is blocked."""
    assert not Schedule(calendar=calendar()).verdict(new_york("2026-11-18", "15:59:59.999999")).allow


@pytest.mark.parametrize("day", ["2101-01-03", "2150-06-01", "1985-09-27", "1900-01-02"])
def test_beyond_what_the_library_covers_nothing_is_known_and_nothing_allowed(day: str) -> None:
    """The library itself answers with a year without holidays there."""
    with pytest.raises(NotKnownError):
        calendar().session(date.fromisoformat(day))
    verdict = Schedule(calendar=calendar()).verdict(new_york(day, "03:00"))
    assert (verdict.allow, verdict.cause, verdict.market.state) == (False, Cause.NOT_KNOWN, State.UNKNOWN)
    assert verdict.market.why


def test_the_last_day_that_is_known_says_nothing_about_the_next() -> None:
    """On the evening of 2100-12-31 nobody knows when the market opens again, and at midnight the gate closes."""
    verdict = Schedule(calendar=calendar()).verdict(new_york("2100-12-31", "20:00"))
    assert verdict.allow
    assert verdict.market.next_open is None
    assert verdict.until == new_york("2101-01-01", "00:00")


def empty(_year: int) -> Year:
    """Be a library that has lost its data."""
    return Year(closed={}, half={})


def broken(_year: int) -> Year:
    """Be a library that fails."""
    raise KeyError("NYSE")


def illegible(year: int) -> Year:
    """Be a library that calls its half days by other names."""
    known = library(year)
    return Year(closed=known.closed, half=dict.fromkeys(known.half, "Heiligabend (Handel bis 13 Uhr)"))


@pytest.mark.parametrize("years", [empty, broken])
def test_a_library_without_data_is_never_a_year_without_holidays(years: Any) -> None:  # noqa: ANN401
    """Christmas would be a trading day, which is harmless; but so much else could be missing."""
    schedule = Schedule(calendar=NewYork(years=years))
    for hour in ("03:00", "11:00", "20:00"):
        assert schedule.verdict(new_york("2026-11-18", hour)).cause is Cause.NOT_KNOWN


def test_a_half_day_whose_close_can_not_be_read_is_not_known() -> None:
    """Other days are not touched by that."""
    schedule = Schedule(calendar=NewYork(years=illegible))
    assert schedule.verdict(new_york("2026-11-27", "14:00")).cause is Cause.NOT_KNOWN
    assert schedule.verdict(new_york("2026-11-25", "14:00")).cause is Cause.MARKET_OPEN


def test_the_hours_do_not_depend_on_the_language_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The close of a half day is read from its name."""
    monkeypatch.setenv("LANGUAGE", "hi")
    found = NewYork().session(date(2026, 11, 27))
    assert found is not None
    assert found.closes.time() == time(13)


def test_nasdaq_trades_on_the_same_days() -> None:
    """Only its name is another one."""
    nasdaq = NewYork("XNAS")
    assert all(nasdaq.session(day) == calendar().session(day) for day in days())
