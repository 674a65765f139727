"""What a person reads: the plan, the tables, sizes."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plugin_kit.ci import Event
from plugin_kit.console import Console
from plugin_kit.latest import Verdict
from plugin_kit.release import Release
from registry_push import report
from registry_push.plan import Plan
from registry_push.progress import Outcome
from registry_push.released import Decision
from tests.support.manifests import image_manifest
from tests.support.plans import NOON, SHA, ci, make, settings, source
from tests.support.releases import RELEASE

WORKSPACE = Path("/workspace")
BUILT = Outcome(ran=1, begun=NOON, ended=NOON + timedelta(seconds=12.3))
CACHED = Outcome(from_cache=1, begun=NOON, ended=NOON + timedelta(seconds=0.4))


def printed(plan: Plan, **given: Any) -> list[str]:  # noqa: ANN401  the fields of Settings
    """Print a plan and return its lines."""
    out = io.StringIO()
    report.plan(plan, settings(**given), WORKSPACE, Console(out))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_plan_shows_every_decision() -> None:
    """Commit, images, where from and where to, builder, cache, tags, record: all that a run will do."""
    lines = printed(make(source("base", push=False), source("api")))
    text = "\n".join(lines)
    assert f"commit {SHA} of https://git.example.lan/acme/shop" in lines
    assert "1 image and 1 base" in text
    assert any(line.split() == ["api", "services/api/Dockerfile", "registry.lan:5000/shop/api"] for line in lines)
    assert any("base" in line and "(base of other images, not pushed)" in line for line in lines)
    assert "builder: tcp://buildkit:1234; cache: the builder's own" in lines
    assert f"tags: {SHA}, latest" in lines
    assert "release record: registry.lan:5000/shop/releases" in lines
    assert max(map(len, lines)) < 120


@pytest.mark.parametrize(
    ("given", "changes", "line"),
    [
        ({"hold": True}, {}, f"tags: candidate-{SHA}; held for kargo-notify: {SHA}, latest"),
        ({"dry_run": True}, {}, "nothing is pushed: `dry_run: true` builds only"),
        ({}, {"event": Event.PULL_REQUEST}, "nothing is pushed: a pull request is built and not pushed"),
        ({"cache_from": [{"type": "gha"}]}, {}, "builder: tcp://buildkit:1234; cache: as set"),
        ({"cache": "registry"}, {}, "builder: tcp://buildkit:1234; cache: registry, tag `buildcache` beside each image"),
    ],
)
def test_the_plan_says_what_is_special(given: dict[str, Any], changes: dict[str, Any], line: str) -> None:
    """What is held, not pushed or set by hand stands there in words."""
    assert line in printed(make(given=given, run=ci(**changes)), **given)


@pytest.mark.parametrize(("given", "cache"), [({}, "registry, tag `buildcache` beside each image"), ({"cache": "none"}, "none")])
def test_the_embedded_builder_is_named(given: dict[str, Any], cache: str) -> None:
    """The plan says that a BuildKit will be started."""
    assert f"builder: the embedded BuildKit; cache: {cache}" in printed(make(given=given, builders=()), **given)


def test_a_plan_that_pushes_nothing_shows_no_destination() -> None:
    """A repository in the table would be a promise."""
    assert not any("registry.lan:5000/shop/api" in line for line in printed(make(given={"dry_run": True}), dry_run=True))


@pytest.mark.parametrize(
    ("build", "keep", "verdict", "lines"),
    [
        ((), ("api",), Verdict(moves=True, reason="same commit"), ["nothing would be built", "latest stays: it is this commit already"]),
        (
            ("web",),
            ("api",),
            Verdict(moves=False, reason="it is newer"),
            ["kept: 1 image of this commit", "latest would stay: it is newer"],
        ),
        (("api", "web"), (), Verdict(moves=True, reason="there was none"), ["latest would move: there was none"]),
    ],
)
def test_a_dry_run_shows_what_the_registry_changes(
    build: tuple[str, ...], keep: tuple[str, ...], verdict: Verdict, lines: list[str]
) -> None:
    """What is kept, and whether `latest` would move, with the reason."""
    out = io.StringIO()
    decision = Decision(build=build, keep={name: image_manifest() for name in keep}, created=NOON, forward=verdict)
    report.decision(decision, make(source("api"), source("web")), Console(out))
    text = out.getvalue()
    assert len(text.splitlines()) == len(lines)
    assert all(line in text for line in lines)


def table(release: Release, outcomes: dict[str, Outcome]) -> list[str]:
    """Print the table of a release."""
    out = io.StringIO()
    report.released(release, outcomes, make(source("api"), source("web")), Console(out))
    return out.getvalue().splitlines()


def test_the_table_at_the_end_shows_what_happened() -> None:
    """A row per image and one line of totals."""
    lines = table(RELEASE, {"api": BUILT, "web": CACHED})
    rows = [line.split() for line in lines]
    digest = f"sha256:{'1' * 12}"
    assert ["api", "built", digest, "1.2", "KiB", "12.3s"] in rows
    assert ["web", "cached", digest, "1.2", "KiB", "0.4s"] in rows
    assert lines[-1].strip() == f"2 images (1 built, 1 cached) in the registry as {SHA}"


def test_images_that_were_not_built_in_this_run_are_kept() -> None:
    """The record of an earlier run says `built`; this one's table says what it did itself."""
    lines = table(RELEASE, {})
    assert lines[-1].strip() == f"2 images (2 kept) in the registry as {SHA}"


def test_a_build_without_push_is_summed_up() -> None:
    """States and times of all targets, and that nothing was pushed."""
    out = io.StringIO()
    report.built(make(source("base", push=False), source("api")), {"base": CACHED, "api": BUILT}, Console(out))
    assert out.getvalue().splitlines()[-1].strip() == "2 images (1 built, 1 cached), nothing pushed"
