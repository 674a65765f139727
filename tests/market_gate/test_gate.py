"""The gate's answers as Kargo and people get them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from market_gate.record import BreakGlass, RecordSet
from market_gate.records import Known, Source
from tests.market_gate.conftest import CLOSED, TRADING, Running, Time

WHY = "the price feed is wrong and the fix has to go out"


def a_record(**changes: Any) -> BreakGlass:  # noqa: ANN401
    """Make a record for shop-cd's paper that was made a minute ago and lasts an hour."""
    fields = {
        "name": "paper-1",
        "project": "shop-cd",
        "stage": "paper",
        "operator": "anna",
        "justification": WHY,
        "created": TRADING - timedelta(minutes=1),
        "expires": TRADING + timedelta(hours=1),
    }
    return BreakGlass(**{**fields, **changes})


class Told:
    """Records as the test says."""

    def __init__(
        self, *records: BreakGlass, source: Source = Source.CURRENT, since: datetime | None = None, skew: float | None = None
    ) -> None:
        self.content = Known(records=RecordSet({each.name: each for each in records}), source=source, age=1.0, since=since, skew=skew)

    def known(self) -> Known:
        """Return them."""
        return self.content


def test_while_the_market_trades_a_promotion_is_held(gate: Running) -> None:
    """The answer says why, and until when."""
    answer = gate.ask(promotion="paper.01")
    assert (answer["allow"], answer["would_allow"], answer["because"]) == (False, False, "market-open")
    assert answer["reason"] == "the market (XNYS) is open until 16:00 New York"
    assert answer["market"] == {
        "calendar": "XNYS",
        "state": "open",
        "since": "2026-11-18T09:30:00-05:00",
        "until": "2026-11-18T16:00:00-05:00",
        "next_open": "2026-11-19T09:30:00-05:00",
    }
    assert answer["break_glass"] is None


def test_while_the_market_is_closed_a_promotion_runs(gate: Running, clock: Time) -> None:
    """The answer says when that ends."""
    clock.day = CLOSED
    answer = gate.ask(promotion="paper.01")
    assert (answer["allow"], answer["because"], answer["until"]) == (True, "market-closed", "2026-11-18T09:30:00-05:00")
    assert answer["reason"] == "the market (XNYS) is closed; it opens Wednesday 09:30 New York"


def test_on_a_friday_evening_it_says_when_monday_begins(gate: Running) -> None:
    """Over a weekend, since and next open are days apart."""
    market = gate.ask(at="2026-11-20T22:30:00Z")["market"]
    assert (market["since"], market["until"]) == ("2026-11-20T16:00:00-05:00", "2026-11-23T09:30:00-05:00")


def test_a_holiday_is_named(gate: Running) -> None:
    """Thanksgiving; and the half day behind it."""
    assert gate.ask(at="2026-11-26T16:00:00Z")["reason"] == "the market (XNYS) is closed (Thanksgiving Day); it opens Friday 09:30 New York"
    assert (
        gate.ask(at="2026-11-27T16:00:00Z")["reason"] == "the market (XNYS) is open until 13:00 New York, early: Day after Thanksgiving Day"
    )


def test_for_another_moment_it_never_allows(gate: Running) -> None:
    """`would_allow` has the answer; nobody gets through by naming a Sunday."""
    answer = gate.ask(at="2026-11-22T12:00:00Z")
    assert (answer["allow"], answer["would_allow"], answer["time"]) == (False, True, "2026-11-22T07:00:00-05:00")


def test_an_offset_whose_plus_was_not_encoded_is_understood(gate: Running) -> None:
    """A + in a query is a blank."""
    assert gate.ask(at="2026-11-18T10:00:00+01:00")["time"] == "2026-11-18T04:00:00-05:00"


def test_a_date_beyond_the_calendar_is_an_answer_of_its_own(gate: Running) -> None:
    """200 with `unknown`: Kargo holds, and the reason says what is missing."""
    answer = gate.ask(at="2101-03-01T12:00:00Z")
    assert (answer["would_allow"], answer["because"], answer["market"]["state"]) == (False, "not-known", "unknown")
    assert answer["reason"].startswith("it is not known whether the market (XNYS) is open")


@pytest.mark.parametrize(("stage", "allow"), [("paper", False), ("live", True)])
def test_a_rollback_runs_where_the_stage_allows_it(gate: Running, stage: str, *, allow: bool) -> None:
    """`rollback: allow` is live's in these tests; paper has the default."""
    assert gate.ask(stage=stage, rollback="true")["allow"] is allow
    assert gate.ask(stage=stage, rollback="false")["allow"] is False


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("project=nobody&stage=paper", "no project 'nobody' is configured here; known: bank-cd, shop-cd"),
        ("project=shop-cd&stage=beta", "no stage 'beta' of shop-cd is configured here; known: live, paper"),
        ("project=bank-cd&stage=paper", "no stage 'paper' of bank-cd is configured here; known: live"),
    ],
)
def test_what_nobody_configured_is_an_error_and_no_allow(gate: Running, clock: Time, query: str, says: str) -> None:
    """On a Sunday, too."""
    clock.day = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
    reply = gate.get(f"/v1/gate?{query}")
    assert (reply.status, reply.json["allow"], reply.json["error"]) == (404, False, says)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "project=shop-cd",
        "stage=paper",
        "project=&stage=paper",
        "project=shop-cd&stage=paper&stage=live",
        "project=shop-cd&stage=paper&rolback=true",
        "project=shop-cd&stage=paper&rollback=yes",
        "project=shop-cd&stage=paper&rollback=True",
        "project=Shop&stage=paper",
        "project=shop-cd&stage=../paper",
        "project=shop-cd&stage=paper&promotion=a%0Ab",
        "project=shop-cd&stage=paper&at=yesterday",
        "project=shop-cd&stage=paper&at=2026-11-22T12:00:00",
        "project=shop-cd&stage=paper&at=0001-01-01T00:00:00Z",
        "project=shop-cd&stage=paper&at=9999-12-31T23:59:59-23:59",
        "project=%ff&stage=paper",
        "project=shop-cd&stage=paper&" + "&".join(f"a{number}=1" for number in range(50)),
        f"project=shop-cd&stage={'a' * 254}",
    ],
)
def test_a_malformed_question_is_an_error_and_no_allow(gate: Running, clock: Time, query: str) -> None:
    """400 in JSON, whatever the market does."""
    clock.day = CLOSED
    reply = gate.get(f"/v1/gate?{query}")
    assert (reply.status, reply.json["allow"]) == (400, False)
    assert reply.json["error"]


def test_an_empty_parameter_is_one_that_is_not_there(gate: Running) -> None:
    """An AnalysisTemplate can't leave one out."""
    answer = gate.ask(promotion="", rollback="", at="")
    assert (answer["promotion"], answer["rollback"], answer["time"]) == ("", False, "2026-11-18T11:00:00-05:00")


def test_break_glass_lets_its_stage_through_and_says_who_and_why(start: Callable[..., Running]) -> None:
    """The reason goes into the commit that the promotion makes."""
    answer = start(Told(a_record())).ask(promotion="paper.01")
    assert (answer["allow"], answer["because"]) == (True, "break-glass")
    assert answer["break_glass"] == {
        "record": "paper-1",
        "operator": "anna",
        "justification": WHY,
        "created": "2026-11-18T10:59:00-05:00",
        "expires": "2026-11-18T12:00:00-05:00",
    }
    assert answer["reason"] == f"break-glass by anna until 12:00 New York: {WHY}"


@pytest.mark.parametrize(("project", "stage"), [("shop-cd", "live"), ("bank-cd", "live")])
def test_break_glass_lets_no_other_stage_through(start: Callable[..., Running], project: str, stage: str) -> None:
    """Neither the next stage nor another project."""
    assert start(Told(a_record())).ask(project=project, stage=stage)["allow"] is False


def test_break_glass_ends_on_the_second(start: Callable[..., Running], clock: Time) -> None:
    """The clock decides at each question."""
    gate = start(Told(a_record()))
    clock.go(timedelta(minutes=59, seconds=59))
    assert gate.ask()["allow"] is True
    clock.go(timedelta(seconds=1))
    assert gate.ask()["allow"] is False


def test_break_glass_that_was_not_needed_is_not_said_to_be_used(start: Callable[..., Running], clock: Time) -> None:
    """With the market closed the audit must not say that somebody broke the glass."""
    clock.day = CLOSED
    record = a_record(created=CLOSED - timedelta(minutes=1), expires=CLOSED + timedelta(hours=1))
    answer = start(Told(record)).ask()
    assert (answer["allow"], answer["because"], answer["break_glass"]) == (True, "market-closed", None)


def test_of_several_records_the_one_that_lasts_longest_counts(start: Callable[..., Running]) -> None:
    """10,000 old ones are in the way of nothing."""
    old = [a_record(name=f"old-{number}", expires=TRADING - timedelta(seconds=number)) for number in range(10_000)]
    longer = a_record(name="longer", expires=TRADING + timedelta(hours=2))
    assert start(Told(*old, a_record(), longer)).ask()["break_glass"]["record"] == "longer"


def test_break_glass_counts_where_the_calendar_knows_nothing(start: Callable[..., Running], clock: Time) -> None:
    """It is for emergencies, and that is one."""
    clock.day = datetime.fromisoformat("2101-03-01T12:00:00+00:00")
    record = a_record(created=clock.day, expires=clock.day + timedelta(hours=1))
    assert start(Told(record)).ask()["because"] == "break-glass"


def test_without_the_cluster_known_records_count_and_the_answer_says_since_when(start: Callable[..., Running]) -> None:
    """Who is refused then is told that a newer record can't be known."""
    gate = start(Told(a_record(), source=Source.UNREACHABLE, since=TRADING - timedelta(minutes=20)))
    used, refused = gate.ask(), gate.ask(stage="live")
    assert used["because"] == "break-glass"
    assert used["records"]["unreachable_since"] == "2026-11-18T10:40:00-05:00"
    assert refused["allow"] is False
    assert "the cluster is not reachable since 10:40 New York" in refused["reason"]


def test_a_clock_that_jumps_decides_by_what_it_shows_now(
    start: Callable[..., Running], clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """Forward over the close; and the log says that the clock was set."""
    gate = start()
    assert gate.ask()["allow"] is False
    clock.day += timedelta(hours=6)
    assert gate.ask()["allow"] is True
    assert "the clock was set forward by 6 h" in caplog.text


def test_a_clock_that_was_set_back_before_a_record_was_made_gives_it_no_force(start: Callable[..., Running], clock: Time) -> None:
    """Otherwise an expired record could come back to life."""
    gate = start(Told(a_record()))
    clock.day -= timedelta(minutes=30)
    assert gate.ask()["allow"] is False


def test_where_the_clocks_differ_a_promotion_runs_only_where_both_let_it(start: Callable[..., Running], clock: Time) -> None:
    """By the gate's own clock it is still night; by the API server's the market trades."""
    clock.day = CLOSED
    answer = start(Told(skew=(CLOSED - TRADING).total_seconds())).ask()
    assert (answer["allow"], answer["because"]) == (False, "market-open")
    assert answer["reason"].startswith("the market (XNYS) is open until 16:00 New York, by the API server's clock; this one is ")
    assert answer["reason"].endswith(" behind it, and one of the two is wrong")
    assert start(Told(skew=60.0)).ask()["allow"] is True


def test_a_record_that_has_expired_by_either_clock_counts_no_more(start: Callable[..., Running]) -> None:
    """A clock that is behind makes nobody's right longer; a few seconds make no difference."""
    assert start(Told(a_record(), skew=-7200.0)).ask()["allow"] is False
    assert start(Told(a_record(), skew=-20.0)).ask()["allow"] is True


def test_times_are_told_in_every_zone_of_the_configuration(start: Callable[..., Running], clock: Time) -> None:
    """The exchange's own first, and each once."""
    clock.day = datetime.fromisoformat("2026-11-21T12:00:00+00:00")
    reason = start(display_zones=["Europe/Berlin", "America/New_York"]).ask()["reason"]
    assert reason.endswith("it opens Monday 09:30 New York, Monday 15:30 Berlin")


def test_each_decision_is_one_line_in_the_log_and_a_poll_is_none(
    start: Callable[..., Running], clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """A promotion that is held for six hours asks two thousand times; break-glass is written down each time."""
    caplog.set_level("INFO", "market_gate")
    told = Told()
    gate = start(told)
    for _ in range(60):
        gate.ask(promotion="paper.01")
        clock.go(timedelta(seconds=10))
    assert [line for line in caplog.messages if "paper.01" in line] == [
        "refuse      shop-cd/paper paper.01: the market (XNYS) is open until 16:00 New York"
    ]
    told.content = Told(a_record()).content
    gate.ask(promotion="paper.01")
    gate.ask(promotion="paper.01")
    used = f"break-glass shop-cd/paper paper.01: break-glass by anna until 12:00 New York: {WHY} [record paper-1]"
    assert caplog.messages[-2:] == [used, used]


def test_a_failure_of_the_gate_itself_is_an_error_in_json(start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    """500 and no allow; the next question is answered."""
    gate = start()

    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(type(gate.service.gate), "decide", fail)
        reply = gate.get("/v1/gate?project=shop-cd&stage=paper")
        assert (reply.status, reply.json["allow"]) == (500, False)
        assert "broken" not in reply.json["error"]
    assert gate.ask()["allow"] is False


def test_numbers_for_prometheus(start: Callable[..., Running]) -> None:
    """Decisions by cause, the state, and how it stands with the cluster."""
    gate = start(Told(a_record()))
    gate.ask(promotion="paper.01")
    gate.ask(stage="live", promotion="live.01")
    gate.ask(at="2026-11-22T12:00:00Z")
    gate.get("/v1/gate?project=nobody&stage=paper")
    lines = gate.get("/metrics").body.decode().splitlines()
    assert 'market_gate_decisions_total{allow="true",because="break-glass",project="shop-cd",stage="paper"} 1.0' in lines
    assert 'market_gate_decisions_total{allow="false",because="market-open",project="shop-cd",stage="live"} 1.0' in lines
    assert not any('because="market-closed"' in line for line in lines)
    assert 'market_gate_errors_total{status="404"} 1.0' in lines
    assert 'market_gate_market{state="open"} 1.0' in lines
    assert "market_gate_break_glass_active 1.0" in lines
    assert "market_gate_waiting_promotions 1.0" in lines


def test_healthz_says_how_calendar_and_cluster_are(start: Callable[..., Running], clock: Time) -> None:
    """It stays ready without a cluster and without a calendar: its answers say what is wrong."""
    fine = start(Told()).get("/healthz").json
    assert (fine["status"], fine["ready"], fine["calendar"]["known"], fine["cluster"]["source"]) == ("ok", True, True, "current")
    lost = start(Told(source=Source.UNREACHABLE, since=TRADING)).get("/healthz")
    assert (lost.status, lost.json["status"], lost.json["cluster"]["unreachable_since"]) == (200, "degraded", "2026-11-18T16:00:00Z")
    clock.day = datetime.fromisoformat("2101-03-01T12:00:00+00:00")
    unknown = start(Told()).get("/healthz").json
    assert (unknown["status"], unknown["calendar"]["known"]) == ("degraded", False)


def test_it_is_not_ready_before_the_records_were_read_but_only_for_a_moment(start: Callable[..., Running], clock: Time) -> None:
    """A live promotion fails at once when it is refused, so nobody is sent here before; a dead cluster must not keep it away."""
    gate = start(Told(source=Source.STARTING))
    first = gate.get("/healthz")
    assert (first.status, first.json["status"], gate.get("/healthz/live").status) == (503, "starting", 200)
    clock.go(timedelta(seconds=1))
    assert gate.get("/healthz/ready").status == 200
