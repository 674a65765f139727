"""The audit: records joined with what Kargo 1.11.2 really answered, and with what it may answer."""

import csv
import io
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from bootstrap import terminal
from bootstrap.break_glass.audit import Audit, Entry, Filter, joined, read, wanted
from bootstrap.break_glass.audit_report import as_json, show, show_gaps, write_csv
from bootstrap.break_glass.passage import Passage, passages
from bootstrap.break_glass.record import LABEL, Record, manifest, write_time
from plugin_kit.console import Console
from plugin_kit.errors import PluginError
from tests.support.break_glass import WHY, guarded_platform
from tests.support.kargo_recording import PROMOTIONS

CALLS: Mapping[str, Any] = PROMOTIONS["calls"]
LIVE = "live.01m84cw4kx5vv579bxqddacgy5.0da4b68"
NOON = datetime(2026, 11, 23, 14, 27, tzinfo=UTC)


def recorded(call: str) -> list[dict[str, Any]]:
    """Return the objects of a recorded answer."""
    found: list[dict[str, Any]] = json.loads(json.dumps(CALLS[call]["body"]["items"]))
    return found


def record(name: str = "one", *, stage: str = "live", created: datetime = NOON, minutes: float = 30, **more: str) -> Record:
    """Return a record."""
    usual = {"project": "shop-cd", "operator": "ada", "justification": WHY}
    return Record(name=name, stage=stage, created=created, expires=created + timedelta(minutes=minutes), **{**usual, **more})


def entries(*records: Record) -> list[Entry]:
    """Return entries that nothing is known of."""
    return [Entry(record=each) for each in records]


def gate(answer: Mapping[str, Any]) -> list[Passage]:
    """Return what passed when the step `gate` of the recorded promotion to live had kept this of the gate's answer."""
    (promotion,) = (each for each in recorded("promotions") if each["metadata"]["name"] == LIVE)
    promotion["status"]["state"]["gate"] = dict(answer)
    return list(passages("shop-cd", [promotion], []))


def test_what_passed_in_the_recording() -> None:
    """Two promotions: those without a gate and the one that failed at it are none; actor, commit and push are known."""
    found = {each.promotion: each for each in passages("shop-cd", recorded("promotions"), recorded("events"))}
    assert sorted(each.stage for each in found.values()) == ["live", "paper"]
    live = found[LIVE]
    assert (live.actor, live.phase, live.reason, live.record) == ("admin", "Succeeded", "market closed", None)
    assert live.at == datetime(2026, 11, 23, 14, 27, 32, tzinfo=UTC)
    assert live.tag == "9d3309359aaea00204c619216b77ff7451c3c5df"
    assert live.pushed == "7b740796e1a1d90ab0601f76208186ebfb9bcbd5"
    assert live.freight == "0da4b684c1c31b6f6af563633c194732b7a8eb03"


def test_events_name_what_kargo_has_deleted() -> None:
    """As long as there are any: who promoted what, and that it succeeded."""
    found = {each.promotion: each for each in passages("shop-cd", [], recorded("events"))}
    assert (found[LIVE].actor, found[LIVE].stage, found[LIVE].phase) == ("admin", "live", "Succeeded")
    assert found[LIVE].record is None


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ({"reason": "r", "break_glass": {"record": "one", "operator": "ada"}}, "one"),
        ({"reason": "r", "breakGlass": {"name": "one"}}, "one"),
        ({"reason": "r", "break_glass": "local-cicd/one"}, "one"),
        ({"reason": "r", "break_glass": None}, ""),
        ({"reason": "r", "break_glass": {}}, ""),
        ({"reason": "r"}, None),
        ({"reason": 7}, None),
    ],
)
def test_the_answer_of_the_gate_names_the_record(answer: Mapping[str, Any], named: str | None) -> None:
    """None where the stage has kept nothing of it."""
    assert [each.record for each in gate(answer)] == [named]


def test_a_promotion_belongs_to_the_record_that_the_gate_named() -> None:
    """Not to another one that held at the same time."""
    (one, two) = joined(entries(record("one"), record("two")), gate({"break_glass": {"record": "two"}}))
    assert (len(one.used), len(two.used)) == (0, 1)


def test_what_passed_without_it_is_not_put_down_to_it() -> None:
    """The market was closed: the gate says that no record was needed."""
    (one,) = joined(entries(record()), gate({"reason": "market closed", "break_glass": None}))
    assert one.used == ()


def test_where_the_answer_was_not_kept_time_and_stage_decide() -> None:
    """And it is marked as a guess."""
    before = record("before", created=NOON - timedelta(hours=2))
    other = record("other", stage="paper")
    found = {each.record.name: each.used for each in joined(entries(before, record(), other), gate({"reason": "market closed"}))}
    assert {name: [each.promotion for each in used] for name, used in found.items()} == {"before": [], "one": [LIVE], "other": []}


@pytest.mark.parametrize("broken", [{}, {"status": 7}, {"metadata": None, "status": {"stepExecutionMetadata": ["x", {"alias": "gate"}]}}])
def test_a_promotion_that_says_nothing_is_passed_over(broken: dict[str, Any]) -> None:
    """Whatever Kargo's next version leaves out."""
    assert list(passages("shop-cd", [broken], [{}, {"metadata": {"annotations": {"event.kargo.akuity.io/promotion-name": "x"}}}])) == []


def live(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  keys of a ConfigMap
    """Return a record as the API server gives it back."""
    data = {
        "project": "shop-cd",
        "stage": "live",
        "operator": "ada",
        "justification": WHY,
        "expires": write_time(NOON + timedelta(hours=1)),
    }
    made = manifest(name, "local-cicd", data=data)
    made["metadata"]["creationTimestamp"] = write_time(NOON)
    return {**made, **more}


def test_garbage_is_put_aside() -> None:
    """With its name and what is wrong with it."""
    found, unreadable = read([live("one"), live("bad", data={}), {"metadata": {"name": "worse", "labels": {LABEL: ""}}, "data": 7}])
    assert [each.record.name for each in found] == ["one"]
    assert [(each.name, each.problem) for each in unreadable] == [
        ("bad", "it has no project, stage, operator, justification, expires"),
        ("worse", "data is no map"),
    ]


def test_what_was_restored_is_listed_as_such() -> None:
    """Once, and never as something that holds; a record that is still there is listed instead."""
    texts = {"one.a.yaml": yaml.safe_dump(live("one")), "gone.b.yaml": yaml.safe_dump(live("gone")), "c": "{", "d": "[]", "e": "&a [*a]"}
    archive = {"metadata": {"name": "archive"}, "data": texts}
    found, unreadable = read([live("one")], [archive, {"metadata": {"name": "empty"}}])
    assert [(each.record.name, each.archive, each.holds(NOON)) for each in found] == [("gone", "archive", False), ("one", "", True)]
    assert [each.name for each in unreadable] == ["archive, c", "archive, d", "archive, e"]


def test_ten_thousand_records_are_joined() -> None:
    """And ten thousand promotions, each with its own record."""
    records = [record(f"r{number}", created=NOON + timedelta(hours=number)) for number in range(10_000)]
    when = [each.created + timedelta(minutes=1) for each in records]
    found = [Passage(promotion=f"p{number}", project="shop-cd", stage="live", at=at) for number, at in enumerate(when)]
    assert [each.used[0].promotion for each in joined(entries(*records), found)] == [f"p{number}" for number in range(10_000)]


def asked(**more: str | None) -> Filter:
    """Read what somebody has typed."""
    usual: dict[str, str | None] = {"project": None, "stage": None, "since": None}
    return wanted(guarded_platform(), now=NOON, **{**usual, **more})


def test_records_are_found_by_project_stage_and_time() -> None:
    """A project goes by both its names, or by one that platform.yaml no longer has; a record that still held counts."""
    old = record(created=NOON - timedelta(days=3))
    for more in ({}, {"project": "shop"}, {"project": "shop-cd"}, {"stage": "live"}, {"since": "4d"}):
        assert asked(**more).takes(old), more
    for more in ({"project": "gone-cd"}, {"stage": "paper"}, {"since": "2d"}, {"since": "2026-11-22"}, {"since": "2026-11-21T12:00+00:00"}):
        assert not asked(**more).takes(old), more
    assert asked(since="10m").takes(record(created=NOON - timedelta(minutes=30), minutes=25))


@pytest.mark.parametrize("text", ["yesterday", "", "7", "2026-13-01", "99999999999d"])
def test_a_time_that_is_none_is_told(text: str) -> None:
    """With the ways to write one."""
    with pytest.raises(PluginError) as caught:
        asked(since=text)
    assert "30d" in (caught.value.hint or "")


def told(found: Audit) -> str:
    """Return what a person reads."""
    out = io.StringIO()
    console = Console(out, colour=False)
    show(console, found, zone="America/New_York", now=NOON)
    show_gaps(console, found, namespace="local-cicd")
    return out.getvalue()


def test_the_table_tells_who_when_why_and_for_what() -> None:
    """In the exchange's time; a guess is marked."""
    found = joined(entries(record(), record("two", stage="paper")), gate({"reason": "market closed"}))
    text = told(Audit(entries=found))
    assert "2026-11-23 09:27  09:57, holds  shop-cd  live   ada       9d33093 by admin ?" in text
    assert "2 records of break-glass, 2 of which hold now" in text
    assert "? passed the gate while the record held" in text
    assert max(map(len, text.splitlines())) < 120


def test_what_is_not_known_is_not_told_as_unused() -> None:
    """Without Kargo, and where its promotions may not be seen."""
    assert "not known" in told(Audit(entries=entries(record()), kargo=False))
    assert "There is no Kargo on this cluster" in told(Audit(entries=entries(record()), kargo=False))
    hidden = told(Audit(entries=entries(record()), hidden=("shop-cd",)))
    assert "not known" in hidden
    assert "you may not see the promotions of shop-cd" in hidden
    assert "not known" not in told(Audit(entries=entries(record())))


def test_nothing_is_told_in_one_line() -> None:
    """No table, and no advice about it."""
    assert told(Audit(entries=())) == "0 records of break-glass\n"


def test_a_spreadsheet_gets_no_formulas() -> None:
    """A justification is typed by people, and a cell that begins with = is run."""
    out = io.StringIO()
    write_csv(out, Audit(entries=entries(record(justification='=HYPERLINK("https://example.lan")', operator="@ada"))), redacted=str)
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert row["justification"].startswith("'=")
    assert row["operator"] == "'@ada"
    assert (row["record"], row["promotion"]) == ("one", "")


def test_a_line_for_each_promotion() -> None:
    """With the record repeated."""
    out = io.StringIO()
    write_csv(out, Audit(entries=joined(entries(record()), [*gate({"break_glass": "one"}), *gate({"break_glass": "one"})])), redacted=str)
    assert [(row["record"], row["promotion"], row["certain"]) for row in csv.DictReader(io.StringIO(out.getvalue()))] == [
        ("one", LIVE, "true"),
        ("one", LIVE, "true"),
    ]


def test_a_secret_reaches_no_cell(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody may have typed one as a justification; quotes that CSV doubles do not hide it."""
    secret = 'pass"word"7'
    with terminal.secretive():
        terminal.console(data_follow=True).redactor.add(secret)
        write_csv(sys.stdout, Audit(entries=entries(record(justification=f"with {secret}, at once"))), redacted=terminal.redacted)
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["justification"] == "with ********, at once"


def test_json_has_everything() -> None:
    """As a program wants it."""
    answer = as_json(Audit(entries=joined(entries(record()), gate({"reason": "r", "break_glass": "one"}))), now=NOON)
    (found,) = answer["records"]
    assert (found["record"], found["created"], found["holds"]) == ("one", "2026-11-23T14:27:00Z", True)
    assert (found["used"][0]["promotion"], found["used"][0]["certain"]) == (LIVE, True)
    assert json.loads(json.dumps(answer)) == answer
