"""Waits have an end, and at the end of it they say what there is to know."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import ClusterError, WaitError
from bootstrap.core.explain import explain
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.waiting import Waiter
from plugin_kit.console import Console

API = Ref(api_version="apps/v1", kind="Deployment", name="api", namespace="shop")
SOON = Readiness(state=State.PROGRESSING, message="0 of 1 pods are available")


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        """Give the time."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.seconds += max(seconds, 0.001)


class FakeReader:
    """A cluster with one Deployment whose pod crashes."""

    def __init__(self, *, logs: bool = True) -> None:
        self.logs = logs

    def get(self, ref: Ref) -> Manifest | None:
        """Return the Deployment."""
        if ref != API:
            return None
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": "api"}}}
        progress = {"type": "Available", "status": "False", "message": "Deployment does not have minimum availability."}
        status = {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1, "conditions": [progress]}
        return {"kind": "Deployment", "metadata": {"name": "api", "namespace": "shop"}, "spec": spec, "status": status}

    def list(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: Mapping[str, Any] | None = None
    ) -> Sequence[Manifest]:
        """Return its pod."""
        assert (api_version, kind, namespace, labels) == ("v1", "Pod", "shop", {"app": "api"})
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}
        volumes = [{"persistentVolumeClaim": {"claimName": "data"}}]
        status = {"phase": "Running", "containerStatuses": [{"name": "api", "ready": False, "state": {"waiting": waiting}}]}
        return [{"kind": "Pod", "metadata": {"name": "api-1-x", "namespace": "shop"}, "spec": {"volumes": volumes}, "status": status}]

    def events(self, namespace: str) -> Sequence[Manifest]:
        """Return what has happened, to others, too."""
        assert namespace == "shop"

        def event(kind: str, name: str, reason: str, count: int = 1) -> Manifest:
            return {"involvedObject": {"kind": kind, "name": name}, "reason": reason, "message": "so it is", "count": count}

        return [
            event("Deployment", "other", "Unrelated"),
            event("Pod", "api-1-x", "Oldest"),
            event("Deployment", "api", "ScalingReplicaSet"),
            event("ReplicaSet", "api-1", "SuccessfulCreate"),
            event("PersistentVolumeClaim", "data", "ProvisioningFailed"),
            event("Pod", "api-1-x", "Pulled"),
            event("Pod", "api-1-x", "BackOff", 7),
        ]

    def log(self, namespace: str, pod: str, *, container: str | None = None, lines: int = 1) -> Sequence[str]:
        """Return the last line."""
        if not self.logs:
            raise ClusterError("no log")
        assert (namespace, pod, container, lines) == ("shop", "api-1-x", "api", 1)
        return ["panic: no database"]


@pytest.fixture
def clock() -> FakeClock:
    """Take time into our own hands."""
    return FakeClock()


def waiter(out: io.StringIO) -> Waiter:
    """Make a waiter that prints there."""
    return Waiter(FakeReader(), Console(out, colour=False))


def test_it_ends_as_soon_as_all_is_in_order(clock: FakeClock) -> None:
    """And looks often in the beginning."""
    seen = iter([SOON, SOON, READY])
    waiter(io.StringIO()).wait("Deployment shop/api", lambda: next(seen), deadline=Deadline.after(60, clock))
    assert clock.seconds < 1


def test_a_long_wait_gives_signs_of_life(clock: FakeClock) -> None:
    """One in 15 seconds, with what it waits for."""
    out = io.StringIO()
    with pytest.raises(WaitError):
        waiter(out).wait("Deployment shop/api", lambda: SOON, deadline=Deadline.after(50, clock))
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0].strip().startswith("Deployment shop/api: 0 of 1 pods are available, 15.")
    assert lines[0].endswith("of at most 50.0s")


def test_at_the_deadline_it_says_all_there_is_to_know(clock: FakeClock) -> None:
    """The object, its condition, the last five events, the last line of the log."""
    with pytest.raises(WaitError) as expired:
        waiter(io.StringIO()).wait("Deployment shop/api", lambda: SOON, deadline=Deadline.after(50, clock), refs=[API])
    assert expired.value.message == "Deployment shop/api was not in order after 50.0s: 0 of 1 pods are available"
    assert expired.value.details == (
        "Deployment shop/api: 0 of 1 pods are available",
        "  condition Available=False: Deployment does not have minimum availability.",
        "  event Deployment api: ScalingReplicaSet: so it is",
        "  event ReplicaSet api-1: SuccessfulCreate: so it is",
        "  event PersistentVolumeClaim data: ProvisioningFailed: so it is",
        "  event Pod api-1-x: Pulled: so it is",
        "  event Pod api-1-x: BackOff: so it is (7 times)",
        "  container api of Pod api-1-x: CrashLoopBackOff: back-off 5m0s",
        "  log of api-1-x/api: panic: no database",
    )
    assert expired.value.hint


def test_what_is_waited_for_is_not_called_ready_by_its_kind_alone(clock: FakeClock) -> None:
    """A Deployment that looks fine may still lack what this one waits for; of another object its kind decides."""
    lacking = Readiness(state=State.PROGRESSING, message="has no condition Ready yet")
    with pytest.raises(WaitError) as expired:
        waiter(io.StringIO()).wait("Deployment shop/api", lambda: lacking, deadline=Deadline.after(50, clock), refs=[API])
    assert expired.value.details[0] == "Deployment shop/api: has no condition Ready yet"
    with pytest.raises(WaitError) as expired:
        waiter(io.StringIO()).wait("Login", lambda: lacking, deadline=Deadline.after(50, clock), refs=[API])
    assert expired.value.details[0] == "Deployment shop/api: 0 of 1 pods are available"


def test_what_has_failed_is_not_waited_for(clock: FakeClock) -> None:
    """A Job that has given up does not come back."""
    failed = Readiness(state=State.FAILED, message="BackoffLimitExceeded")
    with pytest.raises(WaitError, match="Job a has failed: BackoffLimitExceeded"):
        waiter(io.StringIO()).wait("Job a", lambda: failed, deadline=Deadline.after(50, clock))
    assert clock.seconds == 0


def test_what_cannot_be_read_is_left_out() -> None:
    """The error itself is told all the same."""
    lines = explain(FakeReader(logs=False), API)
    assert lines[0].startswith("Deployment shop/api")
    assert not any("log of" in line for line in lines)
    assert explain(FakeReader(), Ref(api_version="v1", kind="Pod", name="x", namespace="shop")) == ["Pod shop/x is not there"]
