"""Extra windows and the margin: what is blocked, what is open, and what wins."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from market_gate.config import ExtraWindow
from market_gate.window import Kind, Weekly
from tests.market_gate.conftest import Running

FREEZE = {
    "name": "year end",
    "kind": "blocked",
    "from": "2026-11-21T08:00",
    "until": "2026-11-21T20:00",
    "zone": "Europe/Berlin",
    "reason": "the books are closed",
}
MAINTENANCE = {"name": "maintenance", "kind": "open", "from": "2026-11-18T10:00:00-05:00", "until": "2026-11-18T12:00:00-05:00"}
BERLIN = ZoneInfo("Europe/Berlin")


def cause(gate: Running, at: str) -> str:
    """Ask what decides at a moment."""
    return str(gate.ask(at=at)["because"])


@pytest.mark.parametrize(
    ("at", "because"),
    [
        ("2026-11-21T06:59:59Z", "market-closed"),
        ("2026-11-21T07:00:00Z", "blocked-window"),
        ("2026-11-21T18:59:59Z", "blocked-window"),
        ("2026-11-21T19:00:00Z", "market-closed"),
    ],
)
def test_a_blocked_window_blocks_to_the_second(start: Callable[..., Running], at: str, because: str) -> None:
    """Its times are those of its own zone."""
    assert cause(start(windows=[FREEZE]), at) == because


def test_a_blocked_window_says_its_name_and_reason(start: Callable[..., Running]) -> None:
    """Whoever is held wants to know by whom."""
    answer = start(windows=[FREEZE]).ask(at="2026-11-21T12:00:00Z")
    assert answer["reason"] == "blocked by the window 'year end' until 14:00 New York: the books are closed"
    assert answer["window"] == {
        "name": "year end",
        "kind": "blocked",
        "reason": "the books are closed",
        "since": "2026-11-21T02:00:00-05:00",
        "until": "2026-11-21T14:00:00-05:00",
    }
    assert answer["until"] == "2026-11-21T14:00:00-05:00"


def test_an_open_window_lets_promotions_run_while_the_market_trades(start: Callable[..., Running]) -> None:
    """And no longer."""
    gate = start(windows=[MAINTENANCE])
    assert [cause(gate, f"2026-11-18T{hour}Z") for hour in ("14:59:59", "15:00:00", "16:59:59", "17:00:00")] == [
        "market-open",
        "open-window",
        "open-window",
        "market-open",
    ]
    assert gate.ask()["allow"] is True


@pytest.mark.parametrize(("kind", "ends"), [(Kind.BLOCKED, "06:30"), (Kind.OPEN, "05:30")])
def test_a_time_that_comes_twice_in_a_night_is_read_with_care(kind: Kind, ends: str) -> None:
    """On 1 November 2026 New York has 01:30 at 05:30Z and at 06:30Z: who blocks goes on, who opens does not."""
    night = {"name": "night", "kind": kind, "from": "2026-11-01T00:30", "until": "2026-11-01T01:30", "zone": "America/New_York"}
    day = datetime(2026, 11, 1, tzinfo=UTC)
    (span,) = ExtraWindow.model_validate(night).window().spans(day, day + timedelta(days=1))
    assert (f"{span.start:%H:%M}", f"{span.end:%H:%M}") == ("04:30", ends)


def test_where_a_blocked_and_an_open_window_overlap_it_is_blocked(start: Callable[..., Running]) -> None:
    """The careful one wins, in whatever order they are written."""
    blocked = {**MAINTENANCE, "name": "freeze", "kind": "blocked"}
    for windows in ([blocked, MAINTENANCE], [MAINTENANCE, blocked]):
        assert cause(start(windows=windows), "2026-11-18T16:00:00Z") == "blocked-window"


def test_an_open_window_does_not_stand_in_for_a_calendar_that_knows_nothing(start: Callable[..., Running]) -> None:
    """What is not known is not allowed."""
    far = {"name": "far", "kind": "open", "from": "2101-03-01T00:00Z", "until": "2101-03-02T00:00Z"}
    assert cause(start(windows=[far]), "2101-03-01T12:00:00Z") == "not-known"


@pytest.mark.parametrize(
    ("at", "because"),
    [
        ("14:14:59", "market-closed"),
        ("14:15:00", "margin"),
        ("14:29:59", "margin"),
        ("14:30:00", "market-open"),
        ("21:00:00", "market-closed"),
    ],
)
def test_the_margin_lies_before_the_open_only(start: Callable[..., Running], at: str, because: str) -> None:
    """A rollout that begins at 09:29 is not over when trading begins."""
    assert cause(start(margin="15m"), f"2026-11-18T{at}Z") == because


def test_the_margin_is_explained(start: Callable[..., Running]) -> None:
    """The market is still closed, and the answer says why that does not help."""
    answer = start(margin="15m").ask(at="2026-11-18T14:20:00Z")
    assert (answer["market"]["state"], answer["until"]) == ("closed", "2026-11-18T16:00:00-05:00")
    assert answer["reason"] == "the market (XNYS) opens at 09:30 New York, and nothing is promoted in the 15 min before"


def test_a_margin_longer_than_the_night_reaches_into_the_day_before(start: Callable[..., Running]) -> None:
    """20 hours before Tuesday's open is Monday 13:30; but Monday's session is what blocks until 16:00."""
    gate = start(margin="20h")
    assert cause(gate, "2026-11-17T02:00:00Z") == "margin"
    assert cause(gate, "2026-11-21T12:00:00Z") == "market-closed"


@pytest.mark.parametrize(
    ("at", "because"),
    [
        ("2026-11-20T22:59:59Z", "market-closed"),
        ("2026-11-20T23:00:00Z", "blocked-window"),
        ("2026-11-21T04:59:59Z", "blocked-window"),
        ("2026-11-21T05:00:00Z", "market-closed"),
        ("2026-11-19T23:00:00Z", "market-closed"),
    ],
)
def test_a_weekly_window_may_go_past_midnight(start: Callable[..., Running], at: str, because: str) -> None:
    """Friday 18:00 to midnight in New York; written as YAML 1.1 reads 18:00, as a number."""
    nightly = {"name": "batch", "kind": "blocked", "days": ["friday"], "from": 18 * 60, "until": "00:00"}
    assert cause(start(windows=[nightly]), at) == because


@pytest.mark.parametrize(
    ("kind", "begins", "ends"),
    [(Kind.BLOCKED, "2026-10-25T00:15+00:00", "2026-10-25T01:45+00:00"), (Kind.OPEN, "2026-10-25T01:15+00:00", "2026-10-25T00:45+00:00")],
)
def test_in_the_hour_that_is_there_twice_the_careful_reading_counts(kind: Kind, begins: str, ends: str) -> None:
    """02:15 to 02:45 in Berlin in the night when the clocks go back: blocked from the first 02:15 to the second 02:45, and never open."""
    window = Weekly(days=(6,), since=time(2, 15), until=time(2, 45), zone=BERLIN, kind=kind, name="night")
    spans = list(window.spans(datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC)))
    if kind is Kind.OPEN:
        assert spans == []
    else:
        assert [(span.start, span.end) for span in spans] == [(datetime.fromisoformat(begins), datetime.fromisoformat(ends))]


def test_the_end_of_a_week_of_windows_is_found(start: Callable[..., Running]) -> None:
    """`until` looks past windows that follow each other without a gap."""
    days = [f"2026-11-{day}" for day in (21, 22, 23)]
    windows = [
        {"name": f"freeze {day}", "kind": "blocked", "from": f"{day}T00:00", "until": f"{day[:8]}{int(day[8:]) + 1}T00:00"} for day in days
    ]
    assert start(windows=windows).ask(at="2026-11-21T12:00:00Z")["until"] == "2026-11-24T00:00:00-05:00"
