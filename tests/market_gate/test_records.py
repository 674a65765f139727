"""Break-glass records from the cluster: what is honoured, what is not, and what happens while the cluster is gone."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devtools.bench.market_gate_cluster import StandIn, record, stamp
from market_gate import access, watch
from market_gate.errors import ClusterConfigError
from market_gate.record import BadRecordError, RecordSet, parse
from market_gate.records import Source
from market_gate.watch import ClusterRecords
from tests.market_gate.conftest import TRADING, Time
from tests.support.processes import wait_for

LONGEST = timedelta(hours=4)
EXEC = """
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "https://a.example.lan"}}]
users: [{name: a, user: {exec: {command: login}}}]
"""


@pytest.fixture
def records(cluster: StandIn, clock: Time, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[ClusterRecords]:
    """Listen to the stand-in; the test starts it."""
    caplog.set_level(logging.INFO, "market_gate")
    way = access.find({"KUBECONFIG": str(cluster.kubeconfig(tmp_path))})
    listening = ClusterRecords(way, namespace="local-cicd", longest=LONGEST, clock=clock)
    yield listening
    listening.stop()


def names(records: ClusterRecords) -> list[str]:
    """Return what is known."""
    return sorted(records.known().records.by_name)


def lists(cluster: StandIn) -> int:
    """Count how often everything was listed from the beginning."""
    return sum(1 for query in cluster.world.requests if "watch" not in query and "continue" not in query)


def test_a_record_is_read_as_bootstrap_writes_it() -> None:
    """The ConfigMap of specs/kubernetes/break-glass-verified.yaml."""
    found = parse(record("paper-1", now=TRADING), longest=LONGEST)
    assert (found.name, found.project, found.stage, found.operator) == ("paper-1", "shop-cd", "paper", "anna")
    assert (found.created, found.expires) == (TRADING, TRADING + timedelta(hours=1))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"data": None}, "has no project, stage, operator, justification, expires"),
        ({"data": []}, "has no project, stage"),
        ({"data": {"operator": "anna"}}, "has no project, stage, justification, expires"),
        ({"immutable": False}, "is not immutable"),
        ({"metadata": {"name": "a"}}, "creationTimestamp 'None' is not a time"),
        ({"metadata": None}, "creationTimestamp 'None' is not a time"),
    ],
)
def test_a_record_of_another_form_is_not_honoured(changes: dict[str, Any], says: str) -> None:
    """The reason is what the log will say."""
    with pytest.raises(BadRecordError, match=says):
        parse({**record("a", now=TRADING), **changes}, longest=LONGEST)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"expires": "soon"}, "expires 'soon' is not a time such as"),
        ({"expires": "2026-11-18T17:00:00"}, "has no offset"),
        ({"expires": "99999-01-01T00:00:00Z"}, "is not a time"),
        ({"expires": stamp(TRADING - timedelta(minutes=1))}, "expires before it was made"),
        ({"expires": stamp(TRADING + timedelta(hours=4, seconds=1))}, "runs for 4 h, longer than the 4 h"),
        ({"operator": "  "}, "has no operator"),
        ({"operator": "system:serviceaccount:ci:robot"}, "was made by system:serviceaccount:ci:robot, which is no person"),
    ],
)
def test_a_record_that_the_policy_would_have_refused_is_not_honoured(data: dict[str, str], says: str) -> None:
    """A cluster without the policy must not have a gate that anybody opens."""
    with pytest.raises(BadRecordError, match=says):
        parse(record("a", now=TRADING, data=data), longest=LONGEST)


def test_what_an_operator_writes_can_not_forge_a_line_of_the_log() -> None:
    """Line ends and control characters become blanks; a novel is cut."""
    found = parse(record("a", now=TRADING, data={"justification": "fix\n2026-11-18 allow \x1b[2K" + "x" * 5000}), longest=LONGEST)
    assert found.justification.startswith("fix 2026-11-18 allow [2Kxxx")
    assert len(found.justification) == 1000


def test_a_set_finds_what_is_in_force_among_thousands() -> None:
    """By project and stage, the longest first."""
    old = [parse(record(f"old-{number}", now=TRADING - timedelta(days=1, minutes=number)), longest=LONGEST) for number in range(10_000)]
    alive = parse(record("alive", now=TRADING), longest=LONGEST)
    known = RecordSet({each.name: each for each in [*old, alive]})
    found = known.valid("shop-cd", "paper", TRADING)
    assert found is not None
    assert found.name == "alive"
    assert known.valid("shop-cd", "live", TRADING) is None
    assert [each.name for each in known.active(TRADING)] == ["alive"]
    assert [each.name for each in known.past(TRADING, most=2)] == ["old-0", "old-1"]


def test_records_are_listed_in_pages_and_then_heard_of(records: ClusterRecords, cluster: StandIn) -> None:
    """600 at the start, one a moment later, one deleted."""
    for number in range(600):
        cluster.world.put(record(f"r{number:03}", now=TRADING))
    assert records.known().source is Source.STARTING
    records.start()
    assert wait_for(lambda: len(names(records)) == 600)
    assert records.known().source is Source.CURRENT
    assert [query.get("limit") for query in cluster.world.requests[:3]] == ["250"] * 3
    assert all(query["labelSelector"] == "local-cicd.dev/break-glass" for query in cluster.world.requests)
    cluster.world.put(record("late", now=TRADING))
    assert wait_for(lambda: "late" in names(records))
    cluster.world.delete("r000")
    assert wait_for(lambda: "r000" not in names(records))
    assert lists(cluster) == 1


def test_a_new_record_is_announced_in_the_log(records: ClusterRecords, cluster: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    """Who opened what, until when and why."""
    records.start()
    assert wait_for(lambda: records.known().source is Source.CURRENT)
    cluster.world.put(record("paper-1", now=TRADING))
    assert wait_for(lambda: names(records) == ["paper-1"])
    says = "break-glass for shop-cd/paper by anna until 17:00:00Z: the price feed is wrong and the fix has to go out (record paper-1)"
    assert wait_for(lambda: says in caplog.messages)


def test_garbage_is_ignored_with_a_reason_and_the_rest_counts(
    records: ClusterRecords, cluster: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Hundreds of bad records are five lines and a number."""
    for number in range(300):
        cluster.world.put(record(f"bad-{number:03}", now=TRADING, data={"expires": "soon"}))
    cluster.world.put(record("good", now=TRADING))
    records.start()
    assert wait_for(lambda: names(records) == ["good"])
    assert "break-glass record bad-000 is not honoured: it expires 'soon' is not a time such as 2026-11-23T15:00:00Z" in caplog.messages
    assert "... and 295 more records that are not honoured" in caplog.messages


def test_a_record_that_is_changed_into_garbage_no_longer_counts(records: ClusterRecords, cluster: StandIn) -> None:
    """Where no policy keeps it from being changed."""
    cluster.world.put(record("paper-1", now=TRADING))
    records.start()
    assert wait_for(lambda: names(records) == ["paper-1"])
    cluster.world.put(record("paper-1", now=TRADING, immutable=False))
    assert wait_for(lambda: names(records) == [])


def test_while_the_api_server_is_gone_what_was_known_stays(
    records: ClusterRecords, cluster: StandIn, clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """Said with since when; and when it is back, what was made meanwhile is there."""
    cluster.world.put(record("paper-1", now=TRADING))
    records.start()
    assert wait_for(lambda: names(records) == ["paper-1"])
    cluster.stop()
    assert wait_for(lambda: records.known().source is Source.UNREACHABLE)
    lost = records.known()
    assert (lost.since, names(records)) == (TRADING, ["paper-1"])
    assert "refused" in lost.problem
    clock.go(timedelta(minutes=10))
    assert records.known().age == pytest.approx(600)
    cluster.world.put(record("paper-2", now=TRADING))
    cluster.start()
    assert wait_for(lambda: names(records) == ["paper-1", "paper-2"], seconds=15)
    assert (records.known().source, records.known().since) == (Source.CURRENT, None)
    assert sum("the cluster is not reachable" in line for line in caplog.messages) == 1


def test_an_api_server_that_never_was_there_is_said_to_be_gone(records: ClusterRecords, cluster: StandIn) -> None:
    """With no age, since it was never heard of."""
    cluster.stop()
    records.start()
    assert wait_for(lambda: records.known().source is Source.UNREACHABLE)
    assert records.known().age is None


@pytest.mark.parametrize("status", [401, 403, 500, 429])
def test_a_refusal_is_told_as_the_api_server_says_it(records: ClusterRecords, cluster: StandIn, status: int) -> None:
    """Missing rights are not an empty list."""
    cluster.world.refuse = status
    records.start()
    assert wait_for(lambda: records.known().source is Source.UNREACHABLE)
    assert records.known().problem.startswith(f"{status} ")
    assert records.known().problem.endswith("the stand-in was told to refuse")
    cluster.world.refuse = 0
    assert wait_for(lambda: records.known().source is Source.CURRENT)


def test_an_api_server_that_says_nothing_is_noticed(records: ClusterRecords, cluster: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are taken, answers never come."""
    monkeypatch.setattr(watch, "CONNECT_SECONDS", 0.1)
    cluster.world.silent = True
    records.start()
    assert wait_for(lambda: records.known().source is Source.UNREACHABLE)


def test_a_watch_that_has_fallen_silent_is_noticed(records: ClusterRecords, cluster: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server ends a watch by itself after a while; one that does not is dead."""
    monkeypatch.setattr(watch, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(watch, "CONNECT_SECONDS", 0.1)
    records.start()
    assert wait_for(lambda: records.known().source is Source.CURRENT)
    cluster.world.silent = True
    assert wait_for(lambda: records.known().source is Source.UNREACHABLE)


def test_what_is_too_old_is_listed_again(records: ClusterRecords, cluster: StandIn) -> None:
    """410 Gone in the middle of a watch; what was deleted meanwhile is gone."""
    cluster.world.put(record("paper-1", now=TRADING))
    cluster.world.put(record("paper-2", now=TRADING))
    records.start()
    assert wait_for(lambda: len(names(records)) == 2)
    cluster.world.objects.pop("paper-1")
    cluster.world.forget()
    assert wait_for(lambda: names(records) == ["paper-2"])
    assert lists(cluster) == 2


def test_a_page_that_comes_too_late_begins_the_list_again(
    records: ClusterRecords, cluster: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """410 Gone on the second page: the first one alone is not the truth."""
    for number in range(300):
        cluster.world.put(record(f"r{number:03}", now=TRADING))
    page = ClusterRecords._page

    def forgetful(self: ClusterRecords, further: str) -> Any:  # noqa: ANN401
        if further and lists(cluster) == 1:
            cluster.world.forget()
        return page(self, further)

    monkeypatch.setattr(ClusterRecords, "_page", forgetful)
    records.start()
    assert wait_for(lambda: len(names(records)) == 300)
    assert lists(cluster) == 2


def test_a_watch_that_ends_is_begun_again_without_a_word(
    records: ClusterRecords, cluster: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From where it was, and nothing is lost."""
    monkeypatch.setattr(watch, "WATCH_SECONDS", 0)
    records.start()
    assert wait_for(lambda: sum(query.get("watch") == "1" for query in cluster.world.requests) > 3)
    cluster.world.put(record("paper-1", now=TRADING))
    assert wait_for(lambda: names(records) == ["paper-1"])
    assert lists(cluster) == 1
    assert not any("not reachable" in line for line in caplog.messages)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ADDED"},
        {"type": "ADDED", "object": {}},
        {"type": "ADDED", "object": {"metadata": None, "data": 3}},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}},
        {"type": "SOMETHING", "object": {"metadata": {}}},
    ],
)
def test_an_odd_event_changes_nothing(records: ClusterRecords, event: dict[str, Any]) -> None:
    """Whatever comes, the records that are known stay."""
    records._known = type(records._known)(records=RecordSet({"a": parse(record("a", now=TRADING), longest=LONGEST)}), source=Source.CURRENT)
    try:
        records._take(event)
    except watch.RefusedError:
        assert "object" not in event
    assert names(records) == ["a"]


def test_the_token_is_read_anew(records: ClusterRecords, cluster: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pod it changes hourly."""
    monkeypatch.setattr(watch, "WATCH_SECONDS", 0)
    records.start()
    assert wait_for(lambda: "Bearer first" in cluster.world.tokens)
    (tmp_path / "token").write_text("second\n")
    assert wait_for(lambda: cluster.world.tokens[-1] == "Bearer second")


def test_clocks_that_differ_are_told(cluster: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The gate decides by its own clock, so a person should know that one of the two is wrong."""
    late = Time(day=datetime.now(UTC) - timedelta(minutes=10))
    way = access.find({"KUBECONFIG": str(cluster.kubeconfig(tmp_path))})
    records = ClusterRecords(way, namespace="local-cicd", longest=LONGEST, clock=late)
    records.start()
    try:
        assert wait_for(lambda: records.known().skew is not None)
        assert records.known().skew == pytest.approx(-600, abs=30)
        assert any("behind the API server's" in line for line in caplog.messages)
    finally:
        records.stop()


def test_it_stops_at_once_in_the_middle_of_a_watch(records: ClusterRecords) -> None:
    """The end of the process does not wait for the cluster."""
    records.start()
    assert wait_for(lambda: records.known().source is Source.CURRENT)
    records.stop()
    assert not records._thread.is_alive()


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "this is no pod and KUBECONFIG names no file"),
        ({"KUBECONFIG": "/nowhere/config"}, "can't be read"),
    ],
)
def test_no_way_to_the_cluster_is_said_before_anything_is_served(environment: dict[str, str], says: str) -> None:
    """A laptop wants `records: none`."""
    with pytest.raises(ClusterConfigError, match=says):
        access.find(environment)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "is not one"),
        ("{", "is not one"),
        ("current-context: a\ncontexts: []\n", "contexts has no 'a'"),
        (EXEC, "gets its login from another program"),
    ],
)
def test_a_kubeconfig_that_can_not_be_used_is_named(tmp_path: Path, text: str, says: str) -> None:
    """Programs that log in are not in the image."""
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(ClusterConfigError, match=says):
        access.find({"KUBECONFIG": str(file)})


def test_in_a_pod_the_service_account_is_used(tmp_path: Path) -> None:
    """Address from the environment, token and CA from the mounted folder, IPv6 in brackets."""
    way = access.find({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"})
    assert way.address == "https://[fd00::1]:6443"
    (tmp_path / "token").write_text("abc\n")
    assert access.PodAccess(address="https://10.0.0.1", folder=tmp_path).headers() == {"Authorization": "Bearer abc"}
