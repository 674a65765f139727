"""What the page shows: one snapshot of everything."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from market_gate import waiting
from market_gate.decision import Question
from market_gate.page.page import render
from market_gate.page.snapshot import Snapshot, snapshot
from market_gate.schedule import Cause
from tests.market_gate.conftest import TRADING, Running, Time
from tests.market_gate.test_gate import Told, a_record

WINDOW = {"name": "freeze", "kind": "blocked", "from": "2026-11-21T00:00", "until": "2026-11-22T00:00"}


def look(gate: Running) -> Snapshot:
    """Take a snapshot as the page does."""
    now = gate.service.clock.now()
    return snapshot(gate.service.gate, gate.service.known(), gate.service.promotions.waiting(now), now)


def test_the_week_has_its_sessions_and_holidays(start: Callable[..., Running], clock: Time) -> None:
    """Thanksgiving week, from Monday to Sunday."""
    clock.day = datetime(2026, 11, 25, 16, tzinfo=UTC)
    week = look(start()).week
    assert [f"{each.day:%a %d}" for each in week] == ["Mon 23", "Tue 24", "Wed 25", "Thu 26", "Fri 27", "Sat 28", "Sun 29"]
    assert [f"{each.session.closes:%H}" if each.session else "" for each in week] == ["16", "16", "16", "", "13", "", ""]
    assert (week[3].occasion, week[4].occasion) == ("Thanksgiving Day", "Day after Thanksgiving Day")


def test_the_week_is_cut_where_something_else_decides(start: Callable[..., Running]) -> None:
    """Without a gap from Monday to Monday, for the picture; the market's day, its margin, and a window on Saturday."""
    segments = look(start(windows=[WINDOW], margin="15m")).segments
    zone = datetime.fromisoformat("2026-11-16T00:00:00-05:00")
    assert (segments[0].start, segments[-1].end) == (zone, zone + timedelta(days=7))
    assert all(first.end == second.start for first, second in pairwise(segments))
    causes = [each.cause for each in segments]
    assert causes == [Cause.MARKET_CLOSED, Cause.MARGIN, Cause.MARKET_OPEN] * 5 + [
        Cause.MARKET_CLOSED,
        Cause.BLOCKED_WINDOW,
        Cause.MARKET_CLOSED,
    ]


@pytest.mark.parametrize("day", ["2026-03-04", "2026-11-04"])
def test_a_week_in_which_the_clocks_change_is_an_hour_longer_or_shorter(start: Callable[..., Running], clock: Time, day: str) -> None:
    """It ends at midnight of New York all the same."""
    clock.day = datetime.fromisoformat(f"{day}T12:00:00Z")
    shown = look(start())
    ends = shown.segments[-1].end.astimezone(shown.zones[0])
    assert (ends.weekday(), ends.hour, ends.minute) == (0, 0, 0)


def test_who_waits_since_when(start: Callable[..., Running], clock: Time) -> None:
    """Until it is let through, or asks no more."""
    told = Told()
    gate = start(told)
    gate.ask(promotion="paper.01")
    clock.go(timedelta(minutes=2))
    gate.ask(promotion="paper.01")
    gate.ask(stage="live", promotion="live.01")
    gate.ask(promotion="paper.02", at="2026-11-18T16:00:00Z")
    assert [(each.promotion, each.since, each.asked) for each in look(gate).waiting] == [
        ("paper.01", TRADING, clock.day),
        ("live.01", clock.day, clock.day),
    ]
    told.content = Told(a_record()).content
    gate.ask(promotion="paper.01")
    assert [each.promotion for each in look(gate).waiting] == ["live.01"]
    clock.go(waiting.FORGOTTEN_AFTER)
    assert look(gate).waiting == []


def test_made_up_promotions_do_not_fill_the_memory(gate: Running) -> None:
    """The latest are kept."""
    decide, promotions = gate.service.gate.decide, gate.service.promotions
    for number in range(5 * waiting.MOST):
        question = Question(project="shop-cd", stage="paper", promotion=f"paper.{number}")
        promotions.note(decide(question, gate.service.known(), TRADING), TRADING)
    assert len(look(gate).waiting) == waiting.MOST


def test_break_glass_active_and_past(start: Callable[..., Running]) -> None:
    """With the stages that it opens."""
    past = a_record(name="old", created=TRADING - timedelta(days=3), expires=TRADING - timedelta(days=3) + timedelta(hours=1))
    shown = look(start(Told(past, a_record())))
    assert [each.name for each in shown.active] == ["paper-1"]
    assert [each.name for each in shown.past] == ["old"]
    assert {(each.project, each.stage): each.may(shown.verdict) for each in shown.guarded} == {
        ("bank-cd", "live"): False,
        ("shop-cd", "live"): False,
        ("shop-cd", "paper"): True,
    }


def test_beyond_the_calendar_there_is_a_page_all_the_same(start: Callable[..., Running], clock: Time) -> None:
    """It says what is not known."""
    clock.day = datetime(2101, 3, 1, 12, tzinfo=UTC)
    gate = start()
    shown = look(gate)
    assert not any(each.known for each in shown.week)
    assert shown.state.startswith("not known: holidays")
    assert gate.get("/").status == 200


def test_what_people_wrote_is_no_html(start: Callable[..., Running]) -> None:
    """A justification is text."""
    gate = start(Told(a_record(justification="<script>alert(1)</script>")))
    assert "<script>" not in render(look(gate))
    assert gate.get("/").headers["content-type"] == "text/html; charset=utf-8"
