"""Promotions at the gate of the committed stages: held, refused, let through, and never lost, by the real gate and a stand-in for Kargo.

The expressions of the stages are evaluated by Kargo's own code (devtools/kargo_expressions).
"""

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.break_glass.passage import passages
from bootstrap.platform.load import load
from bootstrap.platform.platform import Platform
from devtools.bench.market_gate_cluster import StandIn, record
from devtools.kargo_expressions import Expressions, expressions
from devtools.kargo_promotion import Promotion, without_null
from devtools.paths import ROOT
from devtools.platform.gate_process import FREEZE, OTHERWISE_OPEN, GateProcess, gate_process
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server

EXAMPLE = ROOT / "examples/stonks-oracle"
RECORDED = ROOT / "tests/data/kargo/recorded-promotions-v1.11.2.json"
PROJECT = "stonks-oracle-cd"
JSON = {"Content-Type": "application/json"}
YES = Answer(headers=JSON, body=json.dumps({"allow": True, "reason": "market closed", "break_glass": None}).encode())
_TIMES = ("startedAt", "finishedAt")

Promoting = Callable[..., Promotion]


@pytest.fixture(scope="module")
def platform() -> Platform:
    """Read the example, whose stages are committed as they are rendered."""
    return load(EXAMPLE / "platform.yaml").platform


@pytest.fixture(scope="module")
def kargo() -> Iterator[Expressions]:
    """Run Kargo's evaluation of expressions."""
    with expressions() as running:
        yield running


@pytest.fixture
def gate(tmp_path: Path, platform: Platform) -> Iterator[GateProcess]:
    """Prepare a gate without a cluster."""
    with gate_process(tmp_path, platform) as prepared:
        yield prepared


@pytest.fixture
def promoting(kargo: Expressions, gate: GateProcess) -> Promoting:
    """Make promotions to a committed stage, that ask the gate."""

    def begin(stage: str, name: str = "", **more: Any) -> Promotion:  # noqa: ANN401  fields of a promotion
        manifest = yaml.safe_load((EXAMPLE / f"rendered/kargo/stages/{stage}.yaml").read_text(encoding="utf-8"))
        usual = {"name": name or f"{stage}.01m84cvept1fgzcds2pzz53391.0da4b68", "expressions": kargo, "address": gate.address}
        return Promotion(stage=manifest, **{**usual, **more})

    return begin


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Start something else in place of the gate."""
    with scripted_server() as running:
        yield running


def address(server: ScriptedServer) -> tuple[str, int]:
    """Return where it answers."""
    host, _, port = server.host.partition(":")
    return host, int(port)


def recorded(stage: str, phase: str) -> dict[str, Any]:
    """Return a promotion of a real Kargo."""
    calls = json.loads(RECORDED.read_text(encoding="utf-8"))["calls"]
    items = calls["promotions"]["body"]["items"]
    (found,) = [each for each in items if (each["spec"]["stage"], each["status"]["phase"]) == (stage, phase)]
    return dict(found)


def timeless(status: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what became of the steps, without when."""
    return [{key: value for key, value in meta.items() if key not in _TIMES} for meta in status["stepExecutionMetadata"]]


@pytest.mark.parametrize(("stage", "phase"), [("live", "Succeeded"), ("paper", "Succeeded"), ("paper", "Failed")])
def test_the_stand_in_does_what_a_real_kargo_did(kargo: Expressions, server: ScriptedServer, stage: str, phase: str) -> None:
    """With the very steps of the recorded promotions: phase, message, each step's outcome, and what is kept of the gate's answer."""
    real = recorded(stage, phase)
    server.on("GET", "^/v1/gate", YES)
    template = {"spec": {"steps": real["spec"]["steps"]}}
    manifest = {
        "metadata": {"name": stage, "namespace": "shop-cd"},
        "spec": {"vars": real["spec"]["vars"], "promotionTemplate": template},
    }
    played = Promotion(stage=manifest, name=real["metadata"]["name"], expressions=kargo, address=lambda: address(server))
    assert played.reconcile() is None
    status = real["status"]
    assert {key: played.status.get(key) for key in ("phase", "message", "currentStep")} == {
        key: status.get(key) for key in ("phase", "message", "currentStep")
    }
    assert timeless(played.status) == timeless(status)
    assert played.status["state"].get("gate") == status["state"].get("gate")
    assert played.status.keys() - {"startedAt", "finishedAt"} <= status.keys()


def test_a_promotion_waits_while_it_is_blocked_and_goes_on_when_that_is_over(gate: GateProcess, promoting: Promoting) -> None:
    """It is Running all the while, nothing is committed before, and what the gate said stays with it."""
    waiting, ends = promoting("paper"), datetime.now(UTC)
    # A busy machine may take longer to start the gate than a short window lasts.
    for seconds in (3, 10, 30):
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        gate.start({**FREEZE, "until": ends.isoformat()}, OTHERWISE_OPEN)
        waiting = promoting("paper")
        if waiting.reconcile() is not None:
            break
        gate.kill()
    assert (waiting.phase, waiting.gate["status"], waiting.messages) == ("Running", "Running", [])
    waiting.run()
    assert datetime.now(UTC) >= ends
    assert (waiting.phase, waiting.gate["status"]) == ("Succeeded", "Succeeded")
    assert waiting.status["state"]["gate"]["break_glass"] == {}
    (message,) = waiting.messages
    assert message == f"paper: {waiting.tag} ({waiting.name}, by )"


def test_it_asks_every_ten_seconds_and_hears_why(gate: GateProcess, promoting: Promoting) -> None:
    """A whole day of trading is some two thousand questions, each answered with the reason."""
    gate.start(FREEZE)
    waiting = promoting("paper")
    begun = waiting.now
    waiting.run(lambda one: one.now - begun >= timedelta(minutes=10))
    assert waiting.asked == 61
    assert any("blocked by the window 'freeze' until" in line and "the books are closed" in line for line in gate.log())


def test_promotions_that_wait_survive_the_gate(gate: GateProcess, promoting: Promoting) -> None:
    """It is killed in the middle and is gone for a while; each of them goes on, and none has lost its place."""
    gate.start(FREEZE)
    waiting = [promoting("paper", f"paper.01m84cvept1fgzcds2pzz5339{number}.0da4b68") for number in range(5)]
    for each in waiting:
        each.run(lambda one: one.asked == 3)
    gate.kill()
    for each in waiting:
        # Pauses double from 5 ms on: 12 tries are 20 seconds.
        each.run(lambda one: one.asked == 15)
        assert each.phase == "Running"
        assert each.gate["message"].endswith("step will be retried"), each.gate
        assert "Connection refused" in each.gate["message"]
    gate.start(OTHERWISE_OPEN)
    for each in waiting:
        each.run()
        assert (each.phase, each.gate["errorCount"], len(each.messages)) == ("Succeeded", 12, 1)


def test_a_gate_that_stays_away_ends_a_promotion_and_never_lets_it_through(gate: GateProcess, promoting: Promoting) -> None:
    """Only after three days; nothing was changed by it, and somebody has to promote again."""
    gate.start(FREEZE)
    gate.kill()
    waiting = promoting("paper")
    begun = waiting.now
    waiting.run()
    assert timedelta(hours=72) < waiting.now - begun < timedelta(hours=73)
    assert (waiting.phase, waiting.messages) == ("Errored", [])
    assert waiting.status["message"].startswith('step "gate" timed out after 72h0m0s')
    assert {meta["status"] for meta in waiting.status["stepExecutionMetadata"][1:]} == {"Skipped"}


def test_three_days_are_the_longest_that_a_promotion_waits(gate: GateProcess, promoting: Promoting) -> None:
    """A freeze that lasts longer ends it."""
    gate.start(FREEZE)
    waiting = promoting("paper")
    begun = waiting.now
    # From here on each poll is an hour.
    while waiting.reconcile() is not None:
        waiting.now += timedelta(hours=1)
    assert timedelta(hours=72) < waiting.now - begun <= timedelta(hours=73)
    assert (waiting.phase, waiting.status["message"]) == ("Errored", 'step "gate" timed out after 72h0m0s')
    assert waiting.messages == []


def test_live_fails_at_once_and_says_why(gate: GateProcess, promoting: Promoting) -> None:
    """Whoever promotes is there and reads it in Kargo; what a failed step would have kept is not there, as in a real Kargo."""
    gate.start(FREEZE)
    refused = promoting("live", actor="admin")
    assert refused.reconcile() is None
    assert (refused.phase, refused.asked, refused.messages) == ("Failed", 1, [])
    assert refused.status["message"].startswith(
        'step "gate": HTTP (200) response met failure criteria: "blocked by the window \'freeze\' until'
    )
    assert "the books are closed" in refused.status["message"]
    assert refused.status["state"] == {}
    assert [meta["status"] for meta in refused.status["stepExecutionMetadata"]] == ["Failed", *["Skipped"] * 7]


def test_live_goes_through_when_it_may(gate: GateProcess, promoting: Promoting) -> None:
    """Both stages ask the same question."""
    gate.start(OTHERWISE_OPEN)
    promotion = promoting("live", actor="admin")
    assert promotion.reconcile() is None
    assert (promotion.phase, promotion.messages) == ("Succeeded", [f"live: {promotion.tag} ({promotion.name}, by admin)"])


def test_live_is_not_let_through_by_a_gate_that_is_away(gate: GateProcess, promoting: Promoting) -> None:
    """It is tried three times."""
    gate.start(OTHERWISE_OPEN)
    gate.kill()
    promotion = promoting("live")
    promotion.run()
    assert (promotion.phase, promotion.asked, promotion.messages) == ("Errored", 3, [])


@pytest.mark.parametrize("stage", ["paper", "live"])
@pytest.mark.parametrize(("rule", "phase"), [("same", {"paper": "Running", "live": "Failed"}), ("allow", {})])
def test_a_rollback_is_treated_as_its_stage_says(
    gate: GateProcess, promoting: Promoting, stage: str, rule: str, phase: dict[str, str]
) -> None:
    """`same`: as any other promotion. `allow`: at any hour, and nothing else is."""
    gate.start(FREEZE, projects={PROJECT: {"stages": {stage: {"rollback": rule}}}})
    back, forth = promoting(stage, rollback=True), promoting(stage)
    back.reconcile()
    forth.reconcile()
    assert back.phase == phase.get(stage, "Succeeded")
    assert forth.phase == {"paper": "Running", "live": "Failed"}[stage]


@pytest.mark.parametrize(("stage", "minutes"), [("paper", 72 * 60), ("live", 2)])
def test_a_stage_that_the_gate_does_not_know_is_never_let_through(
    gate: GateProcess, promoting: Promoting, stage: str, minutes: int
) -> None:
    """It waits until its time is over: the gate may get to know it."""
    gate.start(OTHERWISE_OPEN, projects={PROJECT: {"stages": {"another": {}}}})
    promotion = promoting(stage)
    begun = promotion.now
    promotion.reconcile()
    assert promotion.phase == "Running"
    promotion.now += timedelta(minutes=minutes, seconds=1)
    promotion.reconcile()
    assert promotion.now - begun == timedelta(minutes=minutes, seconds=1)
    assert (promotion.phase, promotion.messages) == ("Errored", [])


@pytest.mark.parametrize("stage", ["paper", "live"])
@pytest.mark.parametrize(
    ("answer", "errors"),
    [
        (Answer(headers=JSON, body=b"<html>"), True),
        (Answer(headers=JSON, body=b""), False),
        (Answer(headers=JSON, body=b'{"allow": tru'), True),
        (Answer(headers=JSON, body=b'{"allow": "true", "reason": ""}'), False),
        (Answer(headers=JSON, body=b'{"allow": 1}'), False),
        (Answer(headers=JSON, body=b"[true]"), True),
        (Answer(headers=JSON, body=b"true"), True),
        (Answer(headers=JSON, body=b'{"reason": "fine"}'), False),
        (Answer(status=500, headers=JSON, body=b"Internal Server Error"), True),
        (Answer(status=500, headers=JSON, body=YES.body), False),
        (Answer(status=201, headers=JSON, body=YES.body), False),
        (Answer(status=302, headers={"Location": "/"}), False),
        (Answer(status=503, headers={"Content-Type": "text/plain"}, body=b"no endpoints available"), None),
        (Answer(headers={"Content-Type": "text/plain"}, body=b"OK"), True),
        (Answer(headers={"Content-Type": "text/html"}, body=b"<html>please log in</html>"), False),
        (Answer(drop=True), True),
    ],
)
def test_nothing_but_a_yes_lets_a_promotion_through(
    kargo: Expressions, server: ScriptedServer, promoting: Promoting, stage: str, answer: Answer, errors: bool | None
) -> None:
    """Whatever answers in place of the gate: it is asked again (Running) or counted as an error, until one or the other ends it."""
    del kargo
    server.on("GET", "", answer)
    promotion = promoting(stage, address=lambda: address(server))
    promotion.reconcile()
    assert promotion.phase == "Running"
    if errors is not None:
        assert bool(promotion.gate.get("errorCount")) is errors
    promotion.run(lambda one: one.asked > 40)
    assert promotion.messages == []
    assert promotion.phase in {"Running", "Errored"}


@pytest.fixture
def standing(cluster: StandIn, tmp_path: Path, gate: GateProcess) -> StandIn:
    """Let the gate read records from the stand-in for an API server."""
    gate.kubeconfig = cluster.kubeconfig(tmp_path)
    return cluster


def test_break_glass_releases_what_waits_and_git_keeps_who_and_why(standing: StandIn, gate: GateProcess, promoting: Promoting) -> None:
    """Also when the gate is killed right after; the message of the commit is one that git itself reads, and the audit finds the record."""
    gate.start(FREEZE)
    waiting = promoting("paper")
    waiting.run(lambda one: one.asked == 5)
    why = "the price feed is wrong; ${{ secret('git').password }} and \"quotes\" stay as they are"
    standing.world.put(record("paper-1", now=datetime.now(UTC), data={"project": PROJECT, "justification": why}))
    gate.kill()
    waiting.run(lambda one: one.asked == 8)
    gate.start(FREEZE)
    waiting.run(most=100)
    assert waiting.phase == "Succeeded"
    (message,) = waiting.messages
    assert message.splitlines()[:2] == [f"paper: {waiting.tag} ({waiting.name}, by )", ""]
    trailers = dict(line.split(": ", 1) for line in _git("interpret-trailers", "--parse", given=message).splitlines())
    assert trailers == {
        "Break-glass-operator": "anna",
        "Break-glass-justification": why,
        "Break-glass-record": "paper-1",
        "Break-glass-expires": trailers["Break-glass-expires"],
    }
    (passage,) = passages(PROJECT, [{**waiting.manifest(), "status": waiting.status}], [])
    assert (passage.record, passage.stage) == ("paper-1", "paper")
    assert passage.reason.startswith("break-glass by anna until")


def test_a_record_that_was_not_needed_is_not_said_to_be_used(standing: StandIn, gate: GateProcess, promoting: Promoting) -> None:
    """A null would not be kept with the promotion, and the audit would take the record that held at that moment for the one used."""
    standing.world.put(record("paper-1", now=datetime.now(UTC), data={"project": PROJECT}))
    gate.start(OTHERWISE_OPEN)
    promotion = promoting("paper")
    promotion.reconcile()
    assert len(promotion.messages) == 1
    assert "Break-glass" not in promotion.messages[0]
    (passage,) = passages(PROJECT, [{**promotion.manifest(), "status": promotion.status}], [])
    assert passage.record == ""


@pytest.mark.parametrize(
    ("at", "fine"),
    [("2026-11-23T10:00:00-05:00", False), ("2026-11-23T16:00:00-05:00", True), ("2026-11-23T15:00:00+01:00", True), ("", None)],
)
def test_a_check_on_demand_asks_the_same_of_any_hour(kargo: Expressions, gate: GateProcess, at: str, fine: bool | None) -> None:
    """As Argo Rollouts 1.9 does it: arguments put into the URL as they are, and the condition about the whole answer, in expr-lang, too."""
    gate.start()
    template = yaml.safe_load((EXAMPLE / "rendered/market-gate/analysis-template.yaml").read_text(encoding="utf-8"))
    (metric,) = template["spec"]["metrics"]
    given = {each["name"]: each.get("value") for each in template["spec"]["args"]}
    assert given == {"project": PROJECT, "stage": None, "at": ""}
    url = metric["provider"]["web"]["url"]
    for name, value in {**given, "stage": "live", "at": at}.items():
        url = url.replace(f"{{{{args.{name}}}}}", value)
    assert metric["provider"]["web"]["jsonPath"] == "{$}"
    with urllib.request.urlopen(url.replace("market-gate.local-cicd.svc", "{}:{}".format(*gate.address())), timeout=10) as response:
        answer = json.load(response)
    met = kargo.value(metric["successCondition"], {"result": answer})
    assert met is (answer["allow"] if fine is None else fine)
    assert fine is None or answer["allow"] is False


def test_what_kargo_keeps_has_no_null() -> None:
    """As a merge patch has it: the recorded promotions have no key for a step that gave nothing."""
    calls = json.loads(RECORDED.read_text(encoding="utf-8"))["calls"]
    states = [each["status"]["state"] for each in calls["promotions"]["body"]["items"]]
    assert states == [without_null(state) for state in states]
    assert recorded("paper", "Failed")["status"]["state"] == {}


def _git(*arguments: str, given: str) -> str:
    return subprocess.run(["git", *arguments], input=given, capture_output=True, text=True, check=True).stdout
