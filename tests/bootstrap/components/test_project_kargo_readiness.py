"""When a project counts as being in order, by what a real Kargo has written into its objects."""

import json
from typing import Any

import pytest

from bootstrap.components.project_kargo import readiness
from bootstrap.core.change import State
from bootstrap.core.objects import Manifest
from devtools.paths import ROOT

RECORDED = {
    name: json.loads((ROOT / f"tests/data/kargo/recorded-{name}-v1.11.2.json").read_text(encoding="utf-8"))["calls"]
    for name in ("api", "promotions")
}


def answered(call: str, recording: str = "api") -> Manifest:
    """Return an object that a real Kargo has answered with."""
    return dict(RECORDED[recording][call]["body"])


def of(*conditions: dict[str, Any], generation: int = 1, **status: Any) -> Manifest:  # noqa: ANN401  a status
    """Write an object with these conditions."""
    return {"metadata": {"name": "x", "generation": generation}, "spec": {}, "status": {"conditions": list(conditions), **status}}


def condition(name: str, status: str, reason: str = "", message: str = "", **more: int) -> dict[str, Any]:
    """Write a condition."""
    return {"type": name, "status": status, "reason": reason, "message": message, **more}


@pytest.mark.parametrize("judge", [readiness.project, readiness.project_config])
def test_a_project_is_in_order_when_kargo_says_so(judge: Any) -> None:  # noqa: ANN401  a judge
    """Not before it says anything."""
    assert judge({"metadata": {"name": "x"}}).state is State.PROGRESSING
    assert judge(of(condition("Ready", "True"))).state is State.READY
    refused = judge(of(condition("Ready", "False", "SyncNamespaceFailed", "namespace is not labeled as a Project namespace")))
    assert refused.state is State.PROGRESSING
    assert "not labeled" in refused.message


def test_a_real_project_config_is_in_order() -> None:
    """As recorded."""
    assert readiness.project_config(answered("projectconfig")).state is State.READY


def test_what_kargo_said_of_an_earlier_generation_does_not_count() -> None:
    """Neither in the status nor in the conditions alone, which is where a Project has it."""
    for seen in (
        of(condition("Ready", "True"), generation=2, observedGeneration=1),
        of(condition("Ready", "True", observedGeneration=1), generation=2),
    ):
        for judge in (readiness.project, readiness.project_config, readiness.warehouse, readiness.stage):
            assert judge(seen).state is State.PROGRESSING
            assert "last change" in judge(seen).message
    assert readiness.project(of(condition("Ready", "True", observedGeneration=2), generation=2)).state is State.READY


def test_a_warehouse_that_finds_images_is_in_order() -> None:
    """As recorded."""
    assert readiness.warehouse(answered("warehouse, discovered")).state is State.READY


def test_a_new_project_has_no_image_and_that_is_in_order() -> None:
    """The first pipeline pushes one; `up` must not wait for it."""
    found = readiness.warehouse(answered("warehouse, nothing discovered"))
    assert (found.state, found.message) == (State.READY, "there is no image yet")


def test_a_registry_that_cannot_be_read_is_waited_for_and_told() -> None:
    """What Kargo says is what a person reads at the end of the wait."""
    found = readiness.warehouse(answered("warehouse, registry down"))
    assert found.state is State.PROGRESSING
    assert found.message.startswith("Kargo can't read the registry: ")
    assert "connection refused" in found.message


def test_a_warehouse_that_was_not_looked_at_is_waited_for() -> None:
    """Kargo is starting."""
    assert readiness.warehouse({"metadata": {"name": "x"}, "status": {}}).state is State.PROGRESSING


@pytest.mark.parametrize("recording", ["api", "promotions"])
def test_stages_of_a_running_project_are_in_order(recording: str) -> None:
    """As recorded, whatever they run."""
    for each in answered("stages", recording)["items"]:
        assert readiness.stage(each).state is State.READY


def test_a_stage_without_a_commit_is_in_order_and_says_so() -> None:
    """So is every stage of a new project."""
    found = readiness.stage(of(condition("Ready", "False", "NoFreight", "Stage has no current Freight")))
    assert (found.state, found.message) == (State.READY, "Stage has no current Freight")


def test_a_stage_that_is_unwell_is_told_and_not_waited_for() -> None:
    """That is up to the application."""
    found = readiness.stage(of(condition("Healthy", "False", "Unhealthy", "Stage is unhealthy"), condition("Ready", "False")))
    assert (found.state, found.message) == (State.READY, "Stage is unhealthy")


def test_a_stage_that_kargo_fails_to_read_is_waited_for() -> None:
    """It says so in another condition."""
    failing = condition("Reconciling", "True", "RetryAfterError", "forced error")
    found = readiness.stage(of(failing, condition("Ready", "True")))
    assert (found.state, found.message) == (State.PROGRESSING, "forced error")


def test_a_stage_that_was_not_looked_at_is_waited_for() -> None:
    """Kargo is starting."""
    assert readiness.stage({"metadata": {"name": "x"}}).state is State.PROGRESSING


def test_what_is_being_deleted_is_not_in_order() -> None:
    """It is on its way out, whatever it says."""
    going = of(condition("Ready", "True"))
    going["metadata"]["deletionTimestamp"] = "2026-11-23T13:20:32Z"
    for judge in (readiness.project, readiness.project_config, readiness.warehouse, readiness.stage):
        assert judge(going).state is State.PROGRESSING


def test_a_token_is_there_when_kubernetes_has_filled_it_in() -> None:
    """It takes a moment."""
    assert readiness.token({"metadata": {"name": "x"}}).state is State.PROGRESSING
    assert readiness.token({"metadata": {"name": "x"}, "data": {"token": "eA=="}}).state is State.READY
