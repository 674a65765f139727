"""The record of a run says what was built, what was kept, and where it is."""

from datetime import timedelta
from typing import Any

import pytest

from plugin_kit.ci import CI
from plugin_kit.latest import Verdict
from plugin_kit.manifest import OCI_MANIFEST
from plugin_kit.release import Pipeline, Release
from registry_push import record
from registry_push.plan import Plan
from registry_push.progress import Outcome
from registry_push.released import Decision
from registry_push.verify import Pushed
from tests.support.manifests import image_manifest
from tests.support.plans import NOON, SHA, ci, make, source

MANIFEST = image_manifest(revision=SHA, created=NOON)
BUILT = Outcome(ran=2, from_cache=1, begun=NOON, ended=NOON + timedelta(seconds=2.34567))
CACHED = Outcome(from_cache=3, begun=NOON, ended=NOON + timedelta(seconds=0.5))


def recorded(plan: Plan, outcomes: dict[str, Outcome]) -> Release:
    """Record the plan's images as pushed."""
    decision = Decision(build=(), keep={}, created=NOON, forward=Verdict(moves=True, reason=""))
    images = [Pushed(target=target, manifest=MANIFEST, platforms=("linux/amd64",), size=1234) for target in plan.pushed]
    return record.make(plan, decision, images, outcomes)


def test_the_record_names_the_commit() -> None:
    """Repository, revision, time and pipeline are those of the plan."""
    release = recorded(make(), {})
    assert (release.repository, release.revision, release.created) == ("https://git.example.lan/acme/shop", SHA, NOON)
    assert release.pipeline == Pipeline(number=7, url="https://ci.example.lan/7")
    assert not release.held


def test_an_image_is_recorded_with_all_that_is_known() -> None:
    """Name, place, tags, digest, type, platforms, size, state and seconds."""
    (image,) = recorded(make(source("api")), {"api": BUILT}).images
    assert image.model_dump() == {
        "name": "api",
        "repository": "registry.lan:5000/shop/api",
        "tag": SHA,
        "wanted_tags": (SHA, "latest"),
        "digest": MANIFEST.digest,
        "media_type": OCI_MANIFEST,
        "platforms": ("linux/amd64",),
        "config_digest": MANIFEST.config.digest if MANIFEST.config else None,
        "size": 1234,
        "state": "built",
        "seconds": 2.346,
    }


@pytest.mark.parametrize(("outcome", "state", "seconds"), [(BUILT, "built", 2.346), (CACHED, "cached", 0.5), (None, "kept", None)])
def test_a_state_says_how_an_image_came_to_be(outcome: Outcome | None, state: str, seconds: float | None) -> None:
    """Built here, all from the cache, or taken as it was in the registry."""
    (image,) = recorded(make(source("api")), {"api": outcome} if outcome else {}).images
    assert (image.state, image.seconds) == (state, seconds)


def test_a_held_record_points_to_the_candidate() -> None:
    """Until kargo-notify releases them the images are pulled by the candidate's tag."""
    release = recorded(make(source("api"), given={"hold": True}), {})
    assert release.held
    assert release.images[0].tag == f"candidate-{SHA}"
    assert release.images[0].wanted_tags == (SHA, "latest")


def test_bases_that_are_not_pushed_are_not_recorded() -> None:
    """The record names what a registry holds."""
    plan = make(source("base", push=False), source("api", contexts={"base": "target:base"}))
    assert [image.name for image in recorded(plan, {"base": BUILT, "api": BUILT}).images] == ["api"]


@pytest.mark.parametrize(
    ("changes", "tag"),
    [({"branch": "feature"}, f"feature-{SHA}"), ({"tag": "v1.2.3", "branch": None}, "1")],
)
def test_an_image_can_be_pulled_by_the_recorded_tag(changes: dict[str, Any], tag: str) -> None:
    """It is the first of the wanted ones: the commit's own where there is one."""
    assert recorded(make(run=ci(**changes)), {}).images[0].tag == tag


@pytest.mark.parametrize(
    ("given", "run", "forward"),
    [
        ({}, ci(), ("latest",)),
        ({}, ci(branch="feature"), ()),
        ({"latest": "never"}, ci(), ()),
        ({"auto_tag": True, "default_tag": "edge"}, ci(), ("edge",)),
    ],
)
def test_the_record_knows_which_tags_only_move_forward(given: dict[str, Any], run: CI, forward: tuple[str, ...]) -> None:
    """Who releases them later asks the record, and not the settings of a step that is over."""
    assert recorded(make(given=given, run=run), {}).forward_tags == forward


@pytest.mark.parametrize(
    ("given", "forced", "force_latest"),
    [({}, False, False), ({"force": True}, True, False), ({"latest": "force"}, False, True)],
)
def test_the_record_carries_what_was_forced(given: dict[str, Any], forced: bool, force_latest: bool) -> None:
    """With `hold` it is kargo-notify that moves the tags."""
    release = recorded(make(given={**given, "hold": True}), {})
    assert (release.forced, release.force_latest) == (forced, force_latest)
