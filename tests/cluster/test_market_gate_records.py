"""market-gate's reading of break-glass records against a real API server; and the stand-in of its other tests is compared with it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import lightkube
import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, ServiceAccount

from devtools.bench.market_gate_cluster import JUSTIFICATION, LABEL, record, stamp, stand_in
from devtools.controlplane import ControlPlane
from devtools.controlplane.processes import STOP_SECONDS
from market_gate import access, watch
from market_gate.access import Access
from market_gate.clock import SystemClock
from market_gate.records import Source
from market_gate.watch import ClusterRecords
from tests.support.processes import wait_for

LONGEST = timedelta(hours=4)
READER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: gate, namespace: {namespace}}}
rules: [{{apiGroups: [""], resources: [configmaps], verbs: [list, watch]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: gate, namespace: {namespace}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: gate}}
subjects: [{{kind: ServiceAccount, name: gate, namespace: {namespace}}}]
"""


def a_record(name: str, *, lasts: timedelta = timedelta(hours=1), immutable: bool = True) -> ConfigMap:
    """Make a record as `bootstrap break-glass` does."""
    data = {
        "project": "shop-cd",
        "stage": "paper",
        "operator": "anna",
        "justification": JUSTIFICATION,
        "expires": stamp(datetime.now(UTC) + lasts),
    }
    return ConfigMap(metadata=ObjectMeta(name=name, labels={LABEL: "true"}), data=data, immutable=immutable)


@pytest.fixture
def gate_access(control_plane: ControlPlane, admin: lightkube.Client, namespace: str) -> Access:
    """Be the gate's ServiceAccount, which may list and watch ConfigMaps and nothing else."""
    admin.create(ServiceAccount(metadata=ObjectMeta(name="gate", namespace=namespace)))
    control_plane.apply(READER.format(namespace=namespace))
    return access.find({"KUBECONFIG": str(control_plane.service_account(namespace, "gate"))})


@contextmanager
def listening(way: Access, namespace: str) -> Iterator[ClusterRecords]:
    """Listen to a cluster."""
    records = ClusterRecords(way, namespace=namespace, longest=LONGEST, clock=SystemClock())
    records.start()
    try:
        yield records
    finally:
        records.stop()


def names(records: ClusterRecords) -> list[str]:
    """Return what is known."""
    return sorted(records.known().records.by_name)


def test_records_are_listed_watched_and_forgotten(gate_access: Access, admin: lightkube.Client, namespace: str) -> None:
    """With the rights of the gate's own account, over TLS; ConfigMaps without the label are none."""
    admin.create(a_record("before"), namespace=namespace)
    admin.create(ConfigMap(metadata=ObjectMeta(name="other"), data={"a": "b"}), namespace=namespace)
    admin.create(a_record("mutable", immutable=False), namespace=namespace)
    with listening(gate_access, namespace) as records:
        assert wait_for(lambda: names(records) == ["before"])
        assert records.known().source is Source.CURRENT
        admin.create(a_record("after"), namespace=namespace)
        assert wait_for(lambda: names(records) == ["after", "before"])
        found = records.known().records.valid("shop-cd", "paper", datetime.now(UTC))
        assert found is not None
        assert (found.operator, found.justification) == ("anna", JUSTIFICATION)
        admin.delete(ConfigMap, "before", namespace=namespace)
        assert wait_for(lambda: names(records) == ["after"])
        skew = records.known().skew
        assert skew is not None
        assert abs(skew) < 5


def test_a_watch_that_the_api_server_ends_goes_on_where_it_was(
    gate_access: Access, admin: lightkube.Client, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends each one after a while; that is neither an error nor a reason to list again."""
    monkeypatch.setattr(watch, "WATCH_SECONDS", 1)
    lists: list[float] = []
    usual = ClusterRecords._list

    def counted(self: ClusterRecords) -> str:
        lists.append(1)
        return usual(self)

    monkeypatch.setattr(ClusterRecords, "_list", counted)
    watches: list[float] = []
    watched = ClusterRecords._watch

    def noted(self: ClusterRecords) -> None:
        watches.append(1)
        watched(self)

    monkeypatch.setattr(ClusterRecords, "_watch", noted)
    with listening(gate_access, namespace) as records:
        assert wait_for(lambda: len(watches) >= 3)
        admin.create(a_record("late"), namespace=namespace)
        assert wait_for(lambda: names(records) == ["late"])
        assert records.known().source is Source.CURRENT
    assert len(lists) == 1


def test_without_rights_it_says_so(control_plane: ControlPlane, admin: lightkube.Client, namespace: str) -> None:
    """And hears of the records as soon as the Role is there."""
    admin.create(ServiceAccount(metadata=ObjectMeta(name="gate", namespace=namespace)))
    way = access.find({"KUBECONFIG": str(control_plane.service_account(namespace, "gate"))})
    with listening(way, namespace) as records:
        assert wait_for(lambda: records.known().source is Source.UNREACHABLE)
        assert "cannot list resource" in records.known().problem
        control_plane.apply(READER.format(namespace=namespace))
        assert wait_for(lambda: records.known().source is Source.CURRENT, seconds=30)


def test_a_namespace_that_is_not_there_has_no_records(control_plane: ControlPlane) -> None:
    """The API server lists nothing in it; bootstrap makes it before the gate."""
    with listening(access.find({"KUBECONFIG": str(control_plane.admin_kubeconfig)}), "nowhere") as records:
        assert wait_for(lambda: records.known().source is Source.CURRENT)
        assert names(records) == []


def test_a_wrong_ca_is_no_cluster(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    """Nobody else can hand out break-glass."""
    content = json.loads(control_plane.admin_kubeconfig.read_text())
    content["clusters"][0]["cluster"].pop("certificate-authority-data")
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(content))
    with listening(access.find({"KUBECONFIG": str(file)}), namespace) as records:
        assert wait_for(lambda: records.known().source is Source.UNREACHABLE)
        assert "CERTIFICATE_VERIFY_FAILED" in records.known().problem


def ask(way: Access, namespace: str, **query: str) -> tuple[int, dict[str, str], list[dict[str, Any]]]:
    """Ask an API server as the gate does: status, headers, and the JSON of each line."""
    connection = way.connect(timeout=10)
    try:
        connection.request("GET", f"/api/v1/namespaces/{namespace}/configmaps?{urlencode(query)}", headers=way.headers())
        response = connection.getresponse()
        lines = [json.loads(line) for line in response.read().splitlines() if line]
        return response.status, {name.lower(): value for name, value in response.getheaders()}, lines
    finally:
        connection.close()


def shape(value: object) -> object:
    """Reduce JSON to keys and types, without what only a real server adds."""
    if isinstance(value, dict):
        ignored = {"uid", "managedFields", "details", "reason", "remainingItemCount", "status", "kind", "apiVersion"}
        return {key: shape(each) for key, each in sorted(value.items()) if key not in ignored}
    return [shape(each) for each in value] if isinstance(value, list) else type(value).__name__


def scenes(way: Access, namespace: str, put: Callable[[str], None], version: Callable[[], str]) -> dict[str, tuple[int, object]]:
    """Make every call that the gate makes, and return the shape of each answer."""
    for name in ("a", "b", "c"):
        put(name)
    first = ask(way, namespace, labelSelector=LABEL, limit="2")
    further = first[2][0]["metadata"]["continue"]
    answers = {
        "first page": first,
        "last page": ask(way, namespace, labelSelector=LABEL, limit="2", **{"continue": further}),
    }
    since = version()
    put("d")
    answers["watch"] = ask(way, namespace, labelSelector=LABEL, watch="1", resourceVersion=since, timeoutSeconds="1")
    return {name: (status, shape(lines)) for name, (status, _, lines) in answers.items()}


def test_the_stand_in_answers_as_the_real_one(gate_access: Access, admin: lightkube.Client, namespace: str, tmp_path: Path) -> None:
    """Pages and events have the same form; both say `Date` and keep the connection."""

    def create(name: str) -> None:
        admin.create(a_record(name), namespace=namespace)

    def latest() -> str:
        return str(ask(gate_access, namespace, labelSelector=LABEL, limit="250")[2][0]["metadata"]["resourceVersion"])

    real = scenes(gate_access, namespace, create, latest)
    with stand_in() as cluster:
        way = access.find({"KUBECONFIG": str(cluster.kubeconfig(tmp_path))})
        pretended = scenes(
            way,
            namespace,
            lambda name: cluster.world.put(record(name, now=datetime.now(UTC))),
            lambda: str(cluster.world.revision),
        )
        assert pretended == {name: (status, without_namespace(lines)) for name, (status, lines) in real.items()}
        for headers in (ask(gate_access, namespace, limit="1")[1], ask(way, namespace, limit="1")[1]):
            assert headers["content-type"] == "application/json"
            assert "date" in headers


def without_namespace(value: object) -> object:
    """Leave out what the stand-in, which has one namespace, does not say."""
    if isinstance(value, dict):
        return {key: without_namespace(each) for key, each in value.items() if key != "namespace"}
    return [without_namespace(each) for each in value] if isinstance(value, list) else value


def test_while_the_api_server_is_away_and_when_it_is_back(tmp_path: Path) -> None:
    """What was known stays known; it is back with a memory that begins anew, as after an upgrade of the control plane."""
    with ControlPlane.start(tmp_path / "plane") as plane, plane.client() as client:
        client.create(a_record("before"), namespace="default")
        with listening(access.find({"KUBECONFIG": str(plane.admin_kubeconfig)}), "default") as records:
            assert wait_for(lambda: names(records) == ["before"])
            server = next(program for program in plane.processes.running if program.name == "kube-apiserver")
            options = [word for word in Path(f"/proc/{server.pid}/cmdline").read_text().split("\0") if word.startswith("--")]
            server.stop(STOP_SECONDS)
            assert wait_for(lambda: records.known().source is Source.UNREACHABLE)
            assert (names(records), records.known().since is not None) == (["before"], True)
            plane.processes.running.remove(server)
            plane.processes.start("kube-apiserver", options)
            assert wait_for(lambda: records.known().source is Source.CURRENT, seconds=60)
            client.create(a_record("after"), namespace="default")
            assert wait_for(lambda: names(records) == ["after", "before"])
            compare_gone(access.find({"KUBECONFIG": str(plane.admin_kubeconfig)}), tmp_path)


def compare_gone(real: Access, folder: Path) -> None:
    """Check that a version that is no longer remembered is gone: the real one says it with an event of the watch, as the stand-in does."""
    query = {"labelSelector": LABEL, "watch": "1", "resourceVersion": "1", "timeoutSeconds": "1"}
    with stand_in() as cluster:
        cluster.world.forget()
        pretended = ask(access.find({"KUBECONFIG": str(cluster.kubeconfig(folder))}), "default", **query)
    for status, _, lines in (ask(real, "default", **query), pretended):
        assert status == HTTPStatus.OK
        assert (lines[0]["type"], lines[0]["object"]["code"]) == ("ERROR", HTTPStatus.GONE)
        assert "too old resource version" in lines[0]["object"]["message"]
