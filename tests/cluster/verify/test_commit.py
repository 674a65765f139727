"""A commit that `verify` pushes, followed through a platform that runs: as far as it gets, and what stays of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bootstrap.core.objects import Ref
from bootstrap.results.result import Outcome
from devtools.gitea.bare import Bare
from devtools.gitea.faults import Faults
from devtools.platform.gate_process import FREEZE, OTHERWISE_OPEN
from devtools.platform.status_writer import KARGO
from tests.cluster.verify.breaks import cluster, patched
from tests.cluster.verify.gate_breaks import gate_with
from tests.support.live_platform import PIPELINE, LivePlatform, commit_file

PUSHED: dict[str, Any] = {"agreed": True}
STEPS = "steps: [{name: images, image: registry.example.lan/local-cicd/registry-push:1}]\n"


def test_a_commit_is_followed_to_the_first_stage(live: LivePlatform) -> None:
    """It is empty, it is the one that was built, and what stays of it is told."""
    live.builder.well()
    results = live.verify("promotion", **PUSHED)
    head = repository(live).head("main")
    assert head == live.builder.built[-1]
    assert results["promotion"].outcome is Outcome.OK, live.printed
    assert f"{head[:12]} runs in beta" in results["promotion"].looked_at
    assert f"What stays: the empty commit {head[:12]} on main" in live.printed
    assert repository(live)._git("diff-tree", "--no-commit-id", "-r", head) == ""


def test_with_promote_it_goes_to_the_last_stage(live: LivePlatform) -> None:
    """Through paper, and by hand to live."""
    live.builder.well()
    with gate_with(live, OTHERWISE_OPEN):
        results = live.verify("promotion", to_the_end=True, **PUSHED)
    assert "runs in beta, paper, live" in results["promotion"].looked_at, live.printed


def test_a_closed_gate_is_no_failure(live: LivePlatform) -> None:
    """It does what it is there for; nothing waits for hours."""
    live.builder.well()
    with gate_with(live, FREEZE):
        result = live.verify("promotion", to_the_end=True, **PUSHED)["promotion"]
    assert result.outcome is Outcome.OK, live.printed
    assert any("paper: the gate blocks it now, as it should" in each and "it goes on by itself" in each for each in result.unseen)


@pytest.mark.parametrize(
    ("row", "wrong", "problem", "remedy"),
    [
        (
            "pipeline",
            {"pipeline": "failure"},
            "step hello has failed: exit code 2",
            "its log: https://stonks-ci.celestium.life/repos/1/pipeline/",
        ),
        ("pipeline", {"pipeline": "killed"}, "somebody has pushed a newer commit", "run it again when nobody pushes"),
        ("pipeline", {"pipeline": ""}, "no pipeline has started", "settings/hooks; `bootstrap up` repairs it"),
        ("pipeline", {"pipeline": "blocked"}, "it waits for somebody's approval", "/pipeline/"),
        ("pipeline", {"images": False}, "stonks-oracle/query-api:", "the step that pushes images"),
        ("promotion", {"freight": False}, "Kargo has made none yet", "Kargo makes Freight of the newest only"),
        ("promotion", {"promotion": "Errored"}, "Argo CD could not sync", "kubectl -n stonks-oracle-cd describe promotion beta."),
        ("promotion", {"promotion": "none"}, "Kargo has not begun to promote to beta", "describe stage beta"),
        ("promotion", {"runs": False}, "no workload in stonks-beta has an image of it", "the chart does not use `image.tag`"),
    ],
)
def test_where_a_commit_gets_stuck_is_told(live: LivePlatform, row: str, wrong: dict[str, Any], problem: str, remedy: str) -> None:
    """With the place to look at."""
    live.builder.well()
    for key, value in wrong.items():
        setattr(live.builder, key, value)
    result = live.verify(row, patience=4.0, **PUSHED)[row]
    live.builder.well()
    said = " ".join(live.printed.split())
    assert result.outcome is Outcome.FAILED, live.printed
    assert problem in said
    assert remedy in said


def test_alone_the_pipeline_is_tried_on_a_branch_of_its_own(live: LivePlatform) -> None:
    """Where the filters let one build images; it is gone afterwards, and main stays where it was."""
    live.builder.well()
    before = repository(live).refs()
    result = live.verify("pipeline", promotes=False, **PUSHED)["pipeline"]
    assert result.outcome is Outcome.OK, live.printed
    assert re.search(r"pushed \w{12} to verify/\w{8} ", live.printed)
    assert "What stays: the images of" in live.printed
    assert repository(live).refs() == before


@pytest.mark.parametrize(
    "other",
    [
        "{name: mirror, image: registry.example.lan/local-cicd/github-mirror:1}",
        "{name: notify, image: registry.example.lan/local-cicd/kargo-notify:1, when: {event: [push, manual]}}",
        "{name: deploy, image: alpine, commands: [./deploy.sh]}",
    ],
    ids=["mirror", "notify", "deploy"],
)
def test_nothing_else_is_started_on_a_branch_of_its_own(live: LivePlatform, other: str) -> None:
    """The commit goes to main, where these steps run for every commit, and the run says why."""
    live.builder.well()
    commit_file(live.world, ".woodpecker.yml", PIPELINE.replace("}]", f"}}, {other}]"))
    before = repository(live).head("main")
    result = live.verify("pipeline", promotes=False, **PUSHED)["pipeline"]
    after = repository(live).refs()
    commit_file(live.world, ".woodpecker.yml", PIPELINE)
    assert result.outcome is Outcome.OK, live.printed
    name = other[len("{name: ") :].partition(",")[0]
    assert f"on a branch verify/... {name} would start, too: the commit goes to main" in " ".join(live.printed.split())
    assert f"What stays: the empty commit {after['refs/heads/main'][:12]} on main" in live.printed
    assert after["refs/heads/main"] != before
    assert not [each for each in after if "verify/" in each]


@pytest.mark.parametrize("times", [1, -1], ids=["once", "always"])
def test_a_push_whose_answer_is_lost_leaves_no_branch(live: LivePlatform, times: int) -> None:
    """Gitea had taken it."""
    live.builder.well()
    before = repository(live).refs()
    with faults(live) as broken:
        broken.lose("POST .*git-receive-pack", times=times)
        result = live.verify("pipeline", promotes=False, **PUSHED)["pipeline"]
    assert result.outcome is Outcome.FAILED, live.printed
    assert re.search(r"deleted verify/\w{8} of ", live.printed)
    assert re.search(r"What stays: perhaps images in \S+, tagged verify-\w{8}-\*\.", live.printed)
    assert live.printed.count("What stays") == 1
    assert repository(live).refs() == before


def test_a_branch_that_can_not_be_deleted_is_named_with_the_command_that_does(live: LivePlatform) -> None:
    """After a push that went well, and after one that broke off."""
    live.builder.well()
    for breaks_off in (False, True):
        with faults(live) as broken:
            broken.answer("DELETE .*/branches/verify/", 500, message="no space left", times=-1)
            if breaks_off:
                broken.lose("POST .*git-receive-pack")
            live.verify("pipeline", promotes=False, **PUSHED)
        (branch,) = (each.removeprefix("refs/heads/") for each in repository(live).refs() if "verify/" in each)
        repository(live).delete_branch(branch)
        said = " ".join(live.printed.split())
        assert f"What stays: {'perhaps ' if breaks_off else ''}the branch {branch} of platform/stonks-oracle" in said
        assert "which could not be deleted (Gitea failed with 500" in said
        assert f"platform/stonks-oracle.git --delete {branch}` does it." in said


def test_a_push_to_main_whose_answer_is_lost_is_told(live: LivePlatform) -> None:
    """It stays there, whether this run has heard of it or not."""
    live.builder.well()
    before = repository(live).head("main")
    with faults(live) as broken:
        broken.lose("POST .*git-receive-pack")
        result = live.verify("pipeline", **PUSHED)["pipeline"]
    assert result.outcome is Outcome.FAILED, live.printed
    assert repository(live).head("main") != before
    assert "What stays: perhaps an empty commit on main of platform/stonks-oracle, and its images" in " ".join(live.printed.split())


def test_a_push_that_gitea_refuses_leaves_nothing_to_tell(live: LivePlatform) -> None:
    """Nobody looks for a commit that was not taken."""
    before = repository(live).refs()
    with faults(live) as broken:
        broken.answer("GET .*git-receive-pack", 403, times=-1)
        result = live.verify("pipeline", **PUSHED)["pipeline"]
    assert result.outcome is Outcome.FAILED, live.printed
    assert "What stays" not in live.printed
    assert repository(live).refs() == before


@pytest.mark.parametrize(
    ("pipeline", "outcome", "said"),
    [
        (f"when: {{event: push, path: {{include: ['*.py'], on_empty: false}}}}\n{STEPS}", Outcome.SKIPPED, "push a change, and read"),
        (f"when: {{event: tag}}\n{STEPS}", Outcome.FAILED, "let `when` name event push and branch main"),
    ],
    ids=["only files", "only tags"],
)
def test_nothing_is_pushed_that_would_start_nothing(live: LivePlatform, pipeline: str, outcome: Outcome, said: str) -> None:
    """Rather than to wait for what can't come."""
    commit_file(live.world, ".woodpecker.yml", pipeline)
    before = repository(live).refs()
    result = live.verify("pipeline", **PUSHED)["pipeline"]
    after = repository(live).refs()
    commit_file(live.world, ".woodpecker.yml", PIPELINE)
    assert result.outcome is outcome, live.printed
    assert said in " ".join(live.printed.split())
    assert "nothing was pushed" in live.printed
    assert after == before


def test_nothing_is_pushed_while_a_pipeline_runs_that_it_would_cancel(live: LivePlatform) -> None:
    """It waits, and gives up with the number of that pipeline."""
    server = live.world.woodpecker.world
    (built,) = server.pipelines.values()
    running = {**built[-1], "number": 999, "status": "running", "branch": "main"}
    before = repository(live).refs()
    with server.lock:
        built.append(running)
    result = live.verify("pipeline", patience=2.0, **PUSHED)["pipeline"]
    with server.lock:
        built.remove(running)
    assert result.outcome is Outcome.FAILED
    assert "pipeline 999 of main is running, and a push would cancel it" in " ".join(live.printed.split())
    assert repository(live).refs() == before


def test_automatic_promotion_that_somebody_has_switched_off_is_told_at_once(live: LivePlatform) -> None:
    """Nobody waits an hour for it."""
    live.builder.well()
    live.builder.promotion = "none"
    ref = Ref(api_version=KARGO, kind="ProjectConfig", name="stonks-oracle-cd", namespace="stonks-oracle-cd")
    with cluster(live) as hand:
        policies = (hand.get(ref) or {})["spec"]["promotionPolicies"]
    with patched(live, ref, {"spec": {"promotionPolicies": []}}, {"spec": {"promotionPolicies": policies}}):
        result = live.verify("promotion", patience=600.0, **PUSHED)["promotion"]
    assert result.outcome is Outcome.FAILED
    assert "switched off automatic promotion to beta" in " ".join(live.printed.split())


@contextmanager
def faults(live: LivePlatform) -> Iterator[Faults]:
    """Let Gitea have bad days, as long as the block lasts."""
    found = live.world.gitea.world.faults
    try:
        yield found
    finally:
        found.waiting.clear()


def repository(live: LivePlatform) -> Bare:
    """Return what Gitea has of the project."""
    (found,) = live.world.gitea.world.repositories.values()
    return found.bare
