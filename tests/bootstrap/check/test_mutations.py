"""A platform and a repository in order, in which one thing is broken at a time: the check that is about it fails, and no other."""

import pytest

from bootstrap.results.result import Outcome
from tests.bootstrap.check.breaks import BETA, IMAGES, PLATFORM_BREAKS, REPOSITORY_BREAKS, URLS, WAREHOUSE, Break
from tests.bootstrap.check.trees import RENDERED, REPOSITORY, Scene, changed, failed, told


def test_nothing_is_wrong_with_what_is_in_order(scene: Scene) -> None:
    """No warning either; only Helm is not there."""
    results = scene.check(RENDERED, REPOSITORY)
    outcomes = {name: result.outcome for name, result in results.items()}
    assert outcomes.pop("helm-rendering") is Outcome.SKIPPED
    assert set(outcomes.values()) == {Outcome.OK}, [told(result) for result in results.values()]


@pytest.mark.parametrize("broken", PLATFORM_BREAKS, ids=lambda each: f"{each.check}: {each.new[:40]}")
def test_what_is_broken_in_the_platform_fails_one_check(scene: Scene, broken: Break) -> None:
    """With platform.yaml, which says what is right."""
    results = scene.check(changed(RENDERED, broken.path, broken.old, broken.new), REPOSITORY)
    assert failed(results) == [broken.check], {name: told(result) for name, result in results.items() if result.findings}
    assert any(line.startswith(broken.says) for line in told(results[broken.check])), told(results[broken.check])
    assert all(finding.hint for finding in results[broken.check].findings)


@pytest.mark.parametrize("broken", REPOSITORY_BREAKS, ids=lambda each: f"{each.check}: {each.new[:40]}")
def test_what_is_broken_in_the_repository_fails_one_check(scene: Scene, broken: Break) -> None:
    """Whether or not the platform is looked at with it."""
    results = scene.check(None, changed(REPOSITORY, broken.path, broken.old, broken.new))
    assert failed(results) == [broken.check], {name: told(result) for name, result in results.items() if result.findings}
    assert any(line.startswith(broken.says) for line in told(results[broken.check])), told(results[broken.check])
    assert all(finding.hint for finding in results[broken.check].findings)


# What can't be known without platform.yaml: which address of Gitea, which image, and in which namespace Gitea is, may be right.
NEEDS_PLATFORM = {("kargo/values.yaml", IMAGES)}


@pytest.mark.parametrize(
    "broken",
    [each for each in PLATFORM_BREAKS if (each.path, each.check) not in NEEDS_PLATFORM],
    ids=lambda each: f"{each.check}: {each.new[:40]}",
)
def test_without_platform_yaml_the_files_tell_against_each_other(scene: Scene, broken: Break) -> None:
    """What most of them say is taken for right."""
    results = scene.check(changed(RENDERED, broken.path, broken.old, broken.new), platform=None)
    assert failed(results) == [broken.check], {name: told(result) for name, result in results.items() if result.findings}


def test_a_stage_that_promotes_another_image_is_told(scene: Scene) -> None:
    """Its `imageFrom(...)` would find nothing in the Freight."""
    stage = "kargo/stages/live.yaml"
    results = scene.check(changed(RENDERED, stage, "registry.example.lan/shop/api", "registry.example.lan/shop/web"))
    assert failed(results) == [WAREHOUSE]
    (said,) = told(results[WAREHOUSE])
    assert said.startswith(f"{stage}:11: Stage shop-cd/live promotes registry.example.lan/shop/web, which no Warehouse watches: there is")


@pytest.mark.parametrize(("revision", "follows"), [("main", "main"), ("master", "master"), ("", "the default branch")])
def test_an_application_of_the_platform_written_by_hand_follows_its_stage(scene: Scene, revision: str, follows: str) -> None:
    """By its name, also without Kargo's annotation; others of the repository follow what they like."""
    lines = RENDERED[BETA].splitlines(keepends=True)
    by_hand = "".join(line for line in lines if "annotations:" not in line and "authorized-stage" not in line)
    moved = by_hand.replace("targetRevision: stage/beta", f"targetRevision: {revision}")
    results = scene.check(
        None, {**REPOSITORY, "deploy/beta.yaml": moved, "deploy/dev.yaml": moved.replace("name: shop-beta", "name: shop-dev")}
    )
    assert failed(results) == [URLS]
    assert told(results[URLS]) == [
        f"deploy/beta.yaml:14: Application argocd/shop-beta follows {follows}; what is promoted to it is in stage/beta"
    ]
    scene.folder.joinpath("repository/deploy/dev.yaml").unlink()
    assert failed(scene.check(None, {**REPOSITORY, "deploy/beta.yaml": by_hand})) == []
