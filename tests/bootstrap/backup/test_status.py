"""What of a status is restored."""

from typing import Any

import pytest

from bootstrap.backup import status
from bootstrap.core.objects import Manifest

KARGO = "kargo.akuity.io/v1alpha1"
PASSED = {"verifiedIn": {"beta": {"verifiedAt": "1"}}, "currentlyIn": {"beta": {"since": "1"}}}


def thing(kind: str, said: object = None, generation: int = 1) -> Manifest:
    """Make an object."""
    found: Manifest = {"apiVersion": KARGO, "kind": kind, "metadata": {"name": "a", "generation": generation}}
    return found if said is None else {**found, "status": said}


@pytest.mark.parametrize(
    ("kind", "saved", "live", "missing"),
    [
        ("Freight", PASSED, None, PASSED),
        ("Freight", PASSED, {}, PASSED),
        ("Freight", PASSED, PASSED, {}),
        ("Freight", PASSED, {"verifiedIn": {"paper": {"verifiedAt": "2"}}}, {"verifiedIn": {"beta": {"verifiedAt": "1"}}}),
        ("Freight", PASSED, {"verifiedIn": {"beta": {"verifiedAt": "2"}}}, {}),
        ("Freight", {"approvedFor": {"live": {}}}, {"currentlyIn": {"beta": {}}}, {"approvedFor": {"live": {}}}),
        ("Stage", {"freightHistory": [{"id": "a"}]}, {"conditions": [{"type": "Ready"}]}, {"freightHistory": [{"id": "a"}]}),
        ("Stage", {"freightHistory": [{"id": "a"}]}, {"freightHistory": [{"id": "b"}]}, {}),
        ("Stage", {"freightHistory": [{"id": "a"}]}, {"currentPromotion": {"name": "b"}}, {}),
        ("Stage", {"conditions": [{"type": "Ready"}]}, {"conditions": [{"type": "Healthy"}]}, {}),
        ("Stage", {"freightHistory": [{"id": "a"}], "currentPromotion": {"name": "b"}}, None, {"freightHistory": [{"id": "a"}]}),
        ("Warehouse", {"lastFreightID": "a"}, {"lastFreightID": "b"}, {}),
        ("Warehouse", {"lastFreightID": "a"}, None, {"lastFreightID": "a"}),
        ("Promotion", {"phase": "Succeeded"}, None, {"phase": "Succeeded"}),
        ("Promotion", {"phase": "Succeeded"}, {"phase": "Failed"}, {}),
        ("Project", None, None, {}),
    ],
)
def test_only_what_is_missing_is_written(kind: str, saved: Any, live: Any, missing: Any) -> None:  # noqa: ANN401  statuses
    """What the controllers of today say is theirs."""
    assert status.missing(thing(kind, saved), thing(kind, live)) == missing


def test_a_controller_has_seen_what_was_restored() -> None:
    """Its generation is counted from one again."""
    said = {"observedGeneration": 7, "conditions": [{"type": "Ready", "observedGeneration": 7}, {"type": "Healthy"}]}
    assert status.missing(thing("Stage", said), thing("Stage")) == {
        "observedGeneration": 1,
        "conditions": [{"type": "Ready", "observedGeneration": 1}, {"type": "Healthy"}],
    }
    assert said["observedGeneration"] == 7


@pytest.mark.parametrize(
    ("said", "phase"),
    [(None, "Pending"), ({}, "Pending"), ({"phase": "Running"}, "Running"), ({"phase": "Failed"}, ""), ({"phase": "Aborted"}, "")],
)
def test_a_promotion_that_has_not_ended_is_known(said: object, phase: str) -> None:
    """It would go on, from its first step."""
    assert status.unfinished(thing("Promotion", said)) == phase
    assert status.unfinished(thing("Stage", said)) == ""


def test_a_sync_that_was_under_way_is_forgotten() -> None:
    """Argo CD would take it for one of its own."""
    application = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}}
    running = {**application, "status": {"operationState": {"phase": "Running"}, "history": []}}
    assert status.wanted(running) == {"history": []}
    ended = {**application, "status": {"operationState": {"phase": "Succeeded"}}}
    assert status.wanted(ended) == ended["status"]
