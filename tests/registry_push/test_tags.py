"""Which tags the images of a commit get, by event, branch, git tag and settings."""

from typing import Any

import pytest

from plugin_kit.ci import CI, Event
from registry_push.tags import Tags, choose, semver_tags
from tests.support.plans import SHA, ci, settings

ON_MAIN = ci()
ON_BRANCH = ci(branch="feature/login")
PULL_REQUEST = ci(event=Event.PULL_REQUEST, pull_request=12)


def on_tag(tag: str) -> CI:
    """Return the event of a git tag, which has no branch."""
    return ci(event=Event.TAG, branch=None, tag=tag, ref=f"refs/tags/{tag}")


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        pytest.param(ON_MAIN, (SHA, "latest"), id="push to the default branch"),
        pytest.param(ci(event=Event.CRON), (SHA, "latest"), id="cron"),
        pytest.param(ci(event=Event.MANUAL), (SHA, "latest"), id="manual"),
        pytest.param(ci(event=Event.DEPLOYMENT), (SHA, "latest"), id="deployment"),
        pytest.param(ON_BRANCH, (f"feature-login-{SHA}",), id="branch"),
        pytest.param(ci(branch="Fix/ÜBER_all"), (f"fix-ber_all-{SHA}",), id="branch with odd characters"),
        pytest.param(ci(branch="x" * 250), (f"{'x' * 87}-{SHA}",), id="very long branch"),
        pytest.param(ci(branch=None), (f"detached-{SHA}",), id="no branch at all"),
        pytest.param(ci(event=Event.CRON, branch="develop"), (f"develop-{SHA}",), id="cron on another branch"),
        pytest.param(PULL_REQUEST, (), id="pull request"),
        pytest.param(ci(event=Event.PULL_REQUEST_CLOSED), (), id="closed pull request"),
        pytest.param(on_tag("v1.4.2"), ("1", "1.4", "1.4.2"), id="version"),
        pytest.param(on_tag("v1.4.0-rc.1"), ("1.4.0-rc.1",), id="prerelease"),
        pytest.param(on_tag("nightly"), ("nightly",), id="git tag that is no version"),
        pytest.param(ci(event=Event.RELEASE, tag="v2.0.0"), ("2", "2.0", "2.0.0"), id="release"),
    ],
)
def test_default_tags_follow_the_event(run: CI, wanted: tuple[str, ...]) -> None:
    """Only the default branch gets the bare SHA that a Warehouse promotes; pull requests get nothing."""
    tags, problems = choose(settings(), run, [])
    assert tags.wanted == wanted
    assert problems == []
    assert bool(tags.reason) is (not wanted)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (ON_MAIN, Tags(fixed=(SHA,), forward=("latest",))),
        (ON_BRANCH, Tags(fixed=(f"feature-login-{SHA}",))),
        (on_tag("v1.4.2"), Tags(moving=("1", "1.4", "1.4.2"))),
    ],
)
def test_tags_know_how_they_move(run: CI, expected: Tags) -> None:
    """SHA tags never move, `latest` moves forward only, the others are set by every run."""
    assert choose(settings(), run, [])[0] == expected


def test_a_git_tag_with_characters_that_no_image_tag_has_is_a_problem() -> None:
    """The registry would refuse it after the build; here it is refused before."""
    _, problems = choose(settings(), on_tag("release/1"), [])
    assert problems == ["tags: 'release/1' is not a tag: letters, digits and . _ - with no . or - in front"]


# What plugin-docker-buildx makes of them (plugin/tags.go, plugin/tags_test.go).
VERSIONS: list[tuple[str, list[str] | None]] = [
    ("1.0.0", ["1", "1.0", "1.0.0"]),
    ("v1.0.0", ["1", "1.0", "1.0.0"]),
    ("v1.9.2", ["1", "1.9", "1.9.2"]),
    ("0.9.0", ["0.9", "0.9.0"]),
    ("v0.0.1", ["0.0", "0.0.1"]),
    ("v1", ["1", "1.0", "1.0.0"]),
    ("v1.2", ["1", "1.2", "1.2.0"]),
    ("v1.0.0-alpha.1", ["1.0.0-alpha.1"]),
    ("v0.1.0-rc.2", ["0.1.0-rc.2"]),
    ("v2.0.0-0.3.7", ["2.0.0-0.3.7"]),
    ("20260504", ["20260504"]),
    ("2026-05-04", ["2026-05-04"]),
    ("v2026", ["2026"]),
    ("v2026.5.4", ["2026", "2026.5", "2026.5.4"]),
    ("v999.0.0", ["999", "999.0", "999.0.0"]),
    ("v18.06.0", ["18", "18.6", "18.6.0"]),
    ("v20221221", ["20221221", "20221221.0", "20221221.0.0"]),
    ("v2022-12-21", ["2022.0.0-12-21"]),
    ("v1.2.3.4", ["1", "1.2", "1.2.3"]),
    ("v1.2.3.4-rc1", ["1.2.3.4-rc1"]),
    ("x1.0.0", None),
    ("2a", None),
    ("release-1.0.0", None),
    ("nightly", None),
    ("v", None),
    ("v1.0.0 ", None),
    ("v1.0.0\n", None),
]


@pytest.mark.parametrize(("git_tag", "tags"), VERSIONS)
def test_a_version_gives_the_tags_of_plugin_docker_buildx(git_tag: str, tags: list[str] | None) -> None:
    """Major 0 gives no tag `0`, a prerelease only itself, a date or year only itself."""
    assert semver_tags(git_tag) == tags


@pytest.mark.parametrize(("git_tag", "tags"), [("v1.0.0+build.5", ["1.0.0_build.5"]), ("v1.0.0-rc.1+exp.sha", ["1.0.0-rc.1_exp.sha"])])
def test_build_metadata_becomes_part_of_a_tag_that_registries_take(git_tag: str, tags: list[str]) -> None:
    """plugin-docker-buildx would push a `+`, which every registry refuses."""
    assert semver_tags(git_tag) == tags


@pytest.mark.parametrize(
    ("run", "given", "explicit", "wanted"),
    [
        pytest.param(ON_MAIN, {}, [], ("latest",), id="default branch"),
        pytest.param(ON_MAIN, {"default_tag": "edge"}, [], ("edge",), id="another default tag"),
        pytest.param(ON_MAIN, {"default_suffix": "alpine"}, [], ("alpine",), id="the suffix stands alone"),
        pytest.param(ON_MAIN, {"default_tag": "edge", "default_suffix": "alpine"}, [], ("alpine",), id="both"),
        pytest.param(ON_MAIN, {}, ["extra"], ("extra", "latest"), id="explicit tags on top"),
        pytest.param(ON_MAIN, {}, ["latest"], ("latest",), id="the same tag twice"),
        pytest.param(ON_MAIN, {"latest": "never"}, ["extra"], ("extra",), id="latest: never"),
        pytest.param(ON_BRANCH, {}, [], (), id="another branch"),
        pytest.param(ON_BRANCH, {}, ["extra"], ("extra",), id="another branch with explicit tags"),
        pytest.param(PULL_REQUEST, {}, [], (), id="pull request"),
        pytest.param(on_tag("v1.9.2"), {}, [], ("1", "1.9", "1.9.2"), id="version"),
        pytest.param(on_tag("v1.9.2"), {"default_suffix": "nano"}, [], ("1-nano", "1.9-nano", "1.9.2-nano"), id="version with suffix"),
        pytest.param(on_tag("v0.9.2"), {"default_suffix": "nano"}, ["x"], ("0.9-nano", "0.9.2-nano", "x"), id="major 0, suffix, explicit"),
        pytest.param(on_tag("v1.0.0-rc.1"), {"default_suffix": "nano"}, [], ("1.0.0-rc.1-nano",), id="prerelease with suffix"),
        pytest.param(on_tag("20260504"), {}, [], ("20260504",), id="date"),
    ],
)
def test_auto_tag_means_what_it_means_in_plugin_docker_buildx(
    run: CI, given: dict[str, Any], explicit: list[str], wanted: tuple[str, ...]
) -> None:
    """Tags on the default branch and on git tags, with suffix; elsewhere there is nothing to do."""
    tags, problems = choose(settings(auto_tag=True, **given), run, explicit)
    assert tags.wanted == wanted
    assert problems == []


def test_auto_tag_on_a_git_tag_that_is_no_version_is_a_problem() -> None:
    """As in plugin-docker-buildx the step fails, and here it says what to do."""
    tags, problems = choose(settings(auto_tag=True), on_tag("nightly"), [])
    assert problems == ["auto_tag: the git tag nightly is not a semantic version like v1.2.3; set `tags` instead"]
    assert tags.wanted == ()


@pytest.mark.parametrize(
    ("run", "place"),
    [(ON_BRANCH, "branch feature/login"), (PULL_REQUEST, "a pull request"), (ci(branch=None), "neither")],
)
def test_auto_tag_says_why_there_is_nothing_to_do(run: CI, place: str) -> None:
    """The reason names where the run is."""
    tags, _ = choose(settings(auto_tag=True), run, [])
    assert tags.reason == f"auto_tag sets tags on the default branch and on git tags only, and this is {place}"


@pytest.mark.parametrize(
    ("given", "forward"),
    [({}, ("latest",)), ({"default_tag": "edge"}, ("edge",)), ({"default_suffix": "alpine"}, ("alpine",))],
)
def test_the_default_tag_moves_forward_only(given: dict[str, Any], forward: tuple[str, ...]) -> None:
    """Whatever `latest` is called, an older commit that finishes late does not take it back."""
    assert choose(settings(auto_tag=True, **given), ON_MAIN, [])[0] == Tags(forward=forward)


@pytest.mark.parametrize("run", [ON_MAIN, ON_BRANCH, PULL_REQUEST, on_tag("nightly")])
def test_explicit_tags_replace_the_default_ones(run: CI) -> None:
    """What the user wrote is what is set, on every event."""
    tags, problems = choose(settings(), run, ["1.0", "stable"])
    assert (tags.wanted, problems) == (("1.0", "stable"), [])


def test_explicit_tags_are_sorted_by_how_they_move() -> None:
    """The commit's own tags come first and `latest` last, in whatever order they were written; twice is once."""
    tags, _ = choose(settings(), ON_MAIN, ["latest", "stable", f"main-{SHA}", "stable"])
    assert tags == Tags(fixed=(f"main-{SHA}",), moving=("stable",), forward=("latest",))


@pytest.mark.parametrize("run", [ON_MAIN, ON_BRANCH, on_tag("v1.0.0")])
def test_a_single_image_gets_latest(run: CI) -> None:
    """With `repo` and without tags it is `latest` everywhere, as in plugin-docker-buildx."""
    assert choose(settings(repo=["acme/shop"]), run, [])[0].wanted == ("latest",)


def test_a_single_image_is_not_pushed_for_a_pull_request() -> None:
    """A pull request must not take `latest`."""
    tags, _ = choose(settings(repo=["acme/shop"]), PULL_REQUEST, [])
    assert tags == Tags(reason="a pull request is built and not pushed")


@pytest.mark.parametrize(
    ("given", "wanted", "reason"),
    [({}, (SHA,), ""), ({"repo": ["acme/shop"]}, (), "`latest: never` leaves no tag to set"), ({"auto_tag": True}, (), "auto_tag")],
)
def test_latest_never_leaves_latest_alone(given: dict[str, Any], wanted: tuple[str, ...], reason: str) -> None:
    """The tag is not wanted at all; where it was the only one, nothing is pushed and the reason is given."""
    tags, _ = choose(settings(latest="never", **given), ON_MAIN, [])
    assert tags.wanted == wanted
    assert tags.reason.startswith(reason)


def test_latest_force_wants_the_same_tags() -> None:
    """Force is about when `latest` moves, not about which tags there are."""
    assert choose(settings(latest="force"), ON_MAIN, [])[0] == choose(settings(), ON_MAIN, [])[0]


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ("Ä", "tags: 'Ä' is not a tag"),
        ("a b", "tags: 'a b' is not a tag"),
        (".hidden", "tags: '.hidden' is not a tag"),
        ("x" * 129, f"tags: tag {'x' * 40}... has 129 characters, a tag has at most 128"),
        ("1.0+5", "tags: '1.0+5' is not a tag"),
    ],
)
def test_a_tag_that_registries_refuse_is_a_problem(tag: str, problem: str) -> None:
    """It is found before anything is built, and the good tags beside it are no problem."""
    _, problems = choose(settings(), ON_MAIN, ["good", tag])
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_suffix_may_make_a_bad_tag() -> None:
    """What auto_tag makes is checked, too."""
    _, problems = choose(settings(auto_tag=True, default_suffix="a/b"), on_tag("v1.0.0"), [])
    assert len(problems) == 3
