"""The gate in the stages: the step that ran on a real Kargo, and nothing else."""

from typing import Any

import pytest
import yaml

from bootstrap.components.project_kargo.component import stage_manifest
from devtools.paths import ROOT
from tests.support.bootstrap_run import a_platform
from tests.support.projects import GITEA, shop

VERIFIED = ROOT / "tests/data/kargo/stages-verified.yaml"
GATES = {"beta": None, "paper": "hold", "live": "fail"}


def steps(stage: str, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401  keys of the stage
    """Return the steps of a stage."""
    platform = a_platform(gitea=GITEA, projects=[shop(stages=[{"name": stage, "promotion": "auto", **more}])])
    (project,) = platform.projects
    found = stage_manifest(platform, project, project.stages[0])["spec"]["promotionTemplate"]["spec"]["steps"]
    return list(found)


def verified(stage: str) -> dict[str, Any]:
    """Return the gate of a stage that ran on a real Kargo."""
    documents = yaml.safe_load_all(VERIFIED.read_text(encoding="utf-8"))
    (found,) = [each for each in documents if (each["kind"], each["metadata"]["name"]) == ("Stage", stage)]
    first = found["spec"]["promotionTemplate"]["spec"]["steps"][0]
    assert first["as"] == "gate"
    return dict(first)


@pytest.mark.parametrize("stage", ["paper", "live"])
def test_the_gate_is_the_first_step_and_the_one_that_ran_on_a_real_kargo(stage: str) -> None:
    """But for how lengths of time are written, and for what is only kept or said: the record, and why it was refused."""
    first = steps(stage, gate=GATES[stage])[0]
    expected = verified(stage)
    assert [first["uses"], first["as"]] == ["http", "gate"]
    times = {"72h": "72h0m0s", "2m": "2m0s"}
    # It ran with 20, which two short outages of the gate can use up in three days.
    errors = 1000 if stage == "paper" else expected["retry"]["errorThreshold"]
    assert first["retry"] == {"timeout": times[expected["retry"]["timeout"]], "errorThreshold": errors}
    config = {key: value for key, value in first["config"].items() if key != "errorExpression"}
    assert config.pop("outputs")[:1] == expected["config"].pop("outputs")
    assert config == expected["config"]
    assert ("errorExpression" in first["config"]) is (stage == "live")


@pytest.mark.parametrize("stage", ["beta", "paper", "live"])
@pytest.mark.parametrize("gate", ["hold", "fail"])
def test_nothing_else_of_a_stage_depends_on_its_gate(stage: str, gate: str) -> None:
    """But for the end of the commit's message."""
    bare, guarded = steps(stage), steps(stage, gate=gate)
    message = next(each["config"] for each in guarded if each["uses"] == "git-commit")
    before = next(each["config"]["message"] for each in bare if each["uses"] == "git-commit")
    assert "gate" not in str(bare)
    assert message["message"].startswith(before + "${{ outputs.gate.break_glass.record == nil ? '' : ")
    message["message"] = before
    assert guarded[1:] == bare
