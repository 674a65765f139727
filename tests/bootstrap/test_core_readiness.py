"""Whether an object is in order is read from its status, kind by kind."""

from typing import Any

import pytest

from bootstrap.core.change import State
from bootstrap.core.readiness import condition, of

READY, PROGRESSING, FAILED = State.READY, State.PROGRESSING, State.FAILED


def conditions(**states: str) -> dict[str, Any]:
    """Write conditions."""
    return {"conditions": [{"type": name, "status": state, "reason": "Because", "message": "of that"} for name, state in states.items()]}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "state", "message"),
    [
        ("ConfigMap", {}, {}, READY, ""),
        ("Deployment", {"replicas": 2}, {}, PROGRESSING, "its controller has not seen it yet"),
        ("Deployment", {"replicas": 0}, {"observedGeneration": 1}, READY, ""),
        (
            "Deployment",
            {"replicas": 2},
            {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 2},
            PROGRESSING,
            "1 of 2 pods are of the new version",
        ),
        (
            "Deployment",
            {"replicas": 1},
            {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 2},
            PROGRESSING,
            "1 pods of the old version are still there",
        ),
        ("Deployment", {}, {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1}, PROGRESSING, "0 of 1 pods are available"),
        ("Deployment", {}, {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1, "availableReplicas": 1}, READY, ""),
        ("StatefulSet", {"replicas": 2}, {"observedGeneration": 1, "readyReplicas": 1}, PROGRESSING, "1 of 2 pods are ready"),
        (
            "StatefulSet",
            {"replicas": 1},
            {"observedGeneration": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "b"},
            PROGRESSING,
            "0 of 1 pods are of the new version",
        ),
        ("StatefulSet", {"replicas": 1}, {"observedGeneration": 1, "readyReplicas": 1}, READY, ""),
        ("DaemonSet", {}, {"observedGeneration": 1, "desiredNumberScheduled": 2, "numberReady": 2}, PROGRESSING, "0 of 2 pods are ready"),
        ("Job", {}, {}, PROGRESSING, "has not ended yet"),
        ("Job", {}, conditions(Complete="True"), READY, ""),
        ("Job", {}, conditions(Failed="True"), FAILED, "Failed=True (Because: of that)"),
        ("Pod", {}, {"phase": "Pending"}, PROGRESSING, "is Pending"),
        ("Pod", {}, {"phase": "Failed"}, FAILED, "has failed"),
        ("PersistentVolumeClaim", {}, {"phase": "Pending"}, READY, "is bound when a pod uses it"),
        ("PersistentVolumeClaim", {"storageClassName": ""}, {"phase": "Pending"}, PROGRESSING, "is Pending"),
        ("PersistentVolumeClaim", {"volumeName": "pv"}, {"phase": "Lost"}, FAILED, "its volume pv is gone"),
        ("PersistentVolume", {}, {"phase": "Released"}, PROGRESSING, "is Released"),
        ("PersistentVolume", {}, {"phase": "Available"}, READY, ""),
        ("Namespace", {}, {"phase": "Active"}, READY, ""),
        (
            "Namespace",
            {},
            {"phase": "Terminating", "conditions": [{"type": "NamespaceContentRemaining", "status": "True", "message": "pods remain"}]},
            PROGRESSING,
            "is being deleted: pods remain",
        ),
        ("CustomResourceDefinition", {}, {}, PROGRESSING, "is not served yet"),
        ("CustomResourceDefinition", {}, conditions(NamesAccepted="False"), FAILED, "NamesAccepted=False (Because: of that)"),
        ("CustomResourceDefinition", {}, conditions(NamesAccepted="True", Established="True"), READY, ""),
        ("Certificate", {}, conditions(Ready="False"), PROGRESSING, "Ready=False (Because: of that)"),
        ("Certificate", {}, conditions(Ready="True"), READY, ""),
    ],
)
def test_kinds_are_judged_by_their_own_rules(kind: str, spec: dict[str, Any], status: dict[str, Any], state: State, message: str) -> None:
    """With what is missing in the words of the thing."""
    seen = of({"kind": kind, "metadata": {"generation": 1}, "spec": spec, "status": status})
    assert (seen.state, seen.message) == (state, message)


def test_an_old_status_says_nothing() -> None:
    """The controller has yet to see what was changed."""
    live = {"kind": "Stage", "metadata": {"generation": 2}, "status": {"observedGeneration": 1, **conditions(Ready="True")}}
    assert of(live).message == "its controller has not seen the last change yet"


def test_what_is_being_deleted_is_not_ready() -> None:
    """However well it is."""
    live = {"kind": "ConfigMap", "metadata": {"deletionTimestamp": "2026-11-01T00:00:00Z"}}
    assert of(live).message == "is being deleted since 2026-11-01T00:00:00Z"


def test_a_component_can_ask_for_a_condition() -> None:
    """Then its absence is no good sign."""
    judge = condition("Synced")
    assert judge({"kind": "X"}).message == "has no condition Synced yet"
    assert judge({"kind": "X", "status": conditions(Synced="False")}).state is PROGRESSING
    assert judge({"kind": "X", "status": conditions(Synced="True")}).state is READY
