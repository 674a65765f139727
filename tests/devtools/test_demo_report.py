"""What `./dev demo` says at its end: it fails where the pipelines did not do what they promise."""

import io
from dataclasses import replace
from typing import Any

import pytest

from devtools import demo_report
from devtools.demo_report import Run
from devtools.errors import DevError
from devtools.runner import State, StepResult
from kargo_notify.freight import Artifact, Freight
from plugin_kit.console import Console
from tests.support.releases import API, RELEASE, WEB

FIRST, CHANGED, BROKEN = ("1" * 40, "2" * 40, "3" * 40)
PLACES = ("shop/api", "shop/web", "shop/releases")


def digest(path: str, sha: str) -> str:
    """Return what a repository has for a commit."""
    return f"{path}@{sha}"


def tags(*released: str, candidates: tuple[str, ...] = ()) -> dict[tuple[str, str], str]:
    """Return the tags of a registry where these commits are released, the last of them as `latest`."""
    found = {(path, f"candidate-{sha}"): digest(path, sha) for path in PLACES for sha in (*released, *candidates)}
    found |= {(path, sha): digest(path, sha) for path in PLACES for sha in released}
    return found | {(path, "latest"): digest(path, released[-1]) for path in PLACES}


def freight(sha: str) -> Freight:
    """Return the Freight of a commit."""
    image = Artifact(repo_url="registry.lan:5000/shop/api", tag=sha, digest=digest("shop/api", sha))
    return Freight(name=f"freight-{sha[:1]}", alias="full-marmot", warehouse="shop-images", images=(image,), discovered_at=None)


def run(title: str, sha: str, **other: Any) -> Run:  # noqa: ANN401  the fields of Run
    """Return a run that went well."""
    steps = [StepResult(name=name, image="x", state="success", exit_code=0) for name in ("images", "integration-test", "release", "mirror")]
    made = Run(
        title=title,
        sha=sha,
        steps=steps,
        release=RELEASE.model_copy(update={"revision": sha, "images": (API, WEB)}),
        seconds=1.0,
        tags=tags(sha),
        freight=[freight(sha)],
        mirrored=sha,
    )
    return replace(made, **other)


def ended(run: Run, **states: State) -> Run:
    """Change how steps ended."""
    return replace(run, steps=[replace(step, state=states.get(step.name.replace("-", "_"), step.state)) for step in run.steps])


FIRST_RUN = run("first", FIRST)
CHANGED_RUN = run("changed", CHANGED, tags=tags(FIRST, CHANGED), freight=[freight(FIRST), freight(CHANGED)])
AGAIN = ended(replace(CHANGED_RUN, title="again"), mirror="ignored")
BROKEN_RUN = ended(
    replace(CHANGED_RUN, title="broken", sha=BROKEN, tags=tags(FIRST, CHANGED, candidates=(BROKEN,))),
    integration_test="failure",
    release="skipped",
    mirror="skipped",
)


@pytest.fixture
def console() -> Console:
    """Write to nowhere."""
    return Console(io.StringIO())


def test_runs_that_went_as_promised_pass(console: Console) -> None:
    """And a table tells of each of them."""
    runs = [FIRST_RUN, CHANGED_RUN, AGAIN, BROKEN_RUN]
    demo_report.took(runs, console)
    demo_report.released(runs, console)
    demo_report.check_releases(FIRST_RUN, CHANGED_RUN, console)
    demo_report.check_repetition(CHANGED_RUN, AGAIN, console)
    demo_report.check_failure(AGAIN, BROKEN_RUN, console)
    demo_report.check_mirror(runs, console)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tags": {place: value for place, value in CHANGED_RUN.tags.items() if place != ("shop/web", CHANGED)}},
        {"tags": {place: value for place, value in CHANGED_RUN.tags.items() if place != ("shop/releases", CHANGED)}},
        {"tags": dict(CHANGED_RUN.tags) | {("shop/web", "latest"): digest("shop/web", FIRST)}},
        {"tags": dict(CHANGED_RUN.tags) | {("shop/web", CHANGED): "another", ("shop/web", "latest"): "another"}},
        {"freight": [freight(FIRST)]},
        {"freight": [replace(freight(CHANGED), images=(replace(freight(CHANGED).images[0], digest="another"),))]},
    ],
    ids=["one image missing", "no record", "half of latest", "not what was tested", "no Freight", "Freight of something else"],
)
def test_a_commit_that_is_not_released_as_a_whole_is_noticed(console: Console, wrong: dict[str, Any]) -> None:
    """The demo must not claim what has not happened."""
    with pytest.raises(DevError, match="changed: "):
        demo_report.check_releases(FIRST_RUN, replace(CHANGED_RUN, **wrong), console)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tags": dict(BROKEN_RUN.tags) | {("shop/api", BROKEN): digest("shop/api", BROKEN)}},
        {"tags": dict(BROKEN_RUN.tags) | {("shop/api", "latest"): digest("shop/api", BROKEN)}},
        {"tags": tags(FIRST, CHANGED)},
        {"freight": [*BROKEN_RUN.freight, freight(BROKEN)]},
    ],
    ids=["a tag came", "latest moved", "not even candidates", "Freight came"],
)
def test_a_commit_that_failed_and_left_more_than_candidates_is_noticed(console: Console, wrong: dict[str, Any]) -> None:
    """With what came or moved."""
    with pytest.raises(DevError, match="broken: a commit that failed its test changed tags or Freight: set "):
        demo_report.check_failure(AGAIN, replace(BROKEN_RUN, **wrong), console)


def test_a_second_run_that_changes_something_is_noticed(console: Console) -> None:
    """A tag that moved, with its name."""
    moved = replace(AGAIN, tags=dict(AGAIN.tags) | {("shop/api", CHANGED): "another"})
    with pytest.raises(DevError, match=f"shop/api:{CHANGED}"):
        demo_report.check_repetition(CHANGED_RUN, moved, console)


@pytest.mark.parametrize("wrong", [replace(AGAIN, mirrored=FIRST), ended(AGAIN, mirror="failure"), ended(AGAIN, mirror="success")])
def test_a_mirror_that_has_not_what_it_should_is_noticed(console: Console, wrong: Run) -> None:
    """Whatever the step says of itself."""
    with pytest.raises(DevError, match="the mirror has not what it should have"):
        demo_report.check_mirror([FIRST_RUN, CHANGED_RUN, wrong, BROKEN_RUN], console)
