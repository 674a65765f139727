"""The pipeline run is read from what Woodpecker really sets, and what it doesn't say is not made up."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from plugin_kit.ci import CI, Event, Netrc
from plugin_kit.errors import PluginError

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "data" / "ci-env-vectors.json").read_text(encoding="utf-8"))
EVENTS: dict[str, dict[str, str]] = VECTORS["events"]

SHA = "4c1f0d0a7e5b9d1c2f3a4b5c6d7e8f9012345678"
MESSAGE = 'fix: the price, "quoted"\n\nbody line\n'
BRANCH = {"ref": "refs/heads/main", "branch": "main", "tag": None, "pull_request": None, "on_default_branch": True}
FILES = ("services/api/app.py", "a, b.txt")

EXPECTED: dict[str, dict[str, Any]] = {
    "push": {"event": Event.PUSH, **BRANCH, "message": MESSAGE, "files": FILES},
    "push, no changed files known": {"event": Event.PUSH, **BRANCH, "message": MESSAGE, "files": None},
    "cron": {"event": Event.CRON, **BRANCH, "message": None, "files": None},
    "manual": {"event": Event.MANUAL, **BRANCH, "message": MESSAGE, "files": None},
    "deployment": {"event": Event.DEPLOYMENT, **BRANCH, "message": MESSAGE, "files": FILES},
    "pull request": {
        "event": Event.PULL_REQUEST,
        "ref": "refs/pull/12/head",
        "branch": "main",
        "tag": None,
        "pull_request": 12,
        "on_default_branch": False,
        "message": MESSAGE,
        "files": FILES,
    },
    "tag": {
        "event": Event.TAG,
        "ref": "refs/tags/v1.4.0-rc.1",
        "branch": None,
        "tag": "v1.4.0-rc.1",
        "pull_request": None,
        "on_default_branch": False,
        "message": None,
        "files": None,
    },
    "release": {
        "event": Event.RELEASE,
        "ref": "refs/tags/v1.4.0",
        "branch": "main",
        "tag": "v1.4.0",
        "pull_request": None,
        "on_default_branch": False,
        "message": None,
        "files": FILES,
    },
}
SAME_FOR_ALL: dict[str, Any] = {
    "in_woodpecker": True,
    "sha": SHA,
    "default_branch": "main",
    "commit_time": datetime.fromtimestamp(1794999990, UTC),
    "repo": "acme/shop",
    "repo_url": "https://git.example.lan/acme/shop",
    "clone_url": "https://git.example.lan/acme/shop.git",
    "clone_ssh_url": "ssh://git@git.example.lan:30022/acme/shop.git",
    "forge_url": "http://gitea-http.git-server.svc.cluster.local:3000",
    "pipeline_number": 42,
    "pipeline_url": "https://ci.example.lan/repos/0/pipeline/42",
    "pipeline_created": datetime.fromtimestamp(1795000000, UTC),
    "netrc": None,
}


def test_every_event_of_the_vectors_is_expected_here() -> None:
    """An event that is added to the vectors must be added above."""
    assert set(EVENTS) == set(EXPECTED)


@pytest.mark.parametrize("name", EVENTS)
def test_the_events_of_woodpecker(name: str, tmp_path: Path) -> None:
    """Each event sets other variables."""
    expected = {**SAME_FOR_ALL, **EXPECTED[name], "workspace": tmp_path / "work"}
    ci = CI.load({**EVENTS[name], "CI_WORKSPACE": str(tmp_path / "work")}, tmp_path)
    assert {key: getattr(ci, key) for key in expected} == expected


def git(root: Path, *arguments: str) -> str:
    """Run git in a folder."""
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(root),
        **{f"GIT_{who}_{what}": "ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        "GIT_COMMITTER_DATE": "1790000000 +0200",
    }
    return subprocess.run(["git", "-C", str(root), *arguments], env=environ, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Make a checkout of acme/shop with one commit on main."""
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "remote", "add", "origin", "https://ada:hunter22@git.example.lan/acme/shop.git")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "fix: the price")
    return root


COMMITTED = datetime.fromtimestamp(1790000000, UTC)


def test_zeros_of_exec_are_not_known(tmp_path: Path) -> None:
    """`woodpecker-cli exec` gives 0 for every time and number, [""] for the files, and no repository."""
    ci = CI.load(VECTORS["exec"], tmp_path)
    not_known = (
        "commit_time",
        "pipeline_number",
        "pipeline_created",
        "files",
        "repo",
        "repo_url",
        "clone_url",
        "clone_ssh_url",
        "forge_url",
        "ref",
        "message",
    )
    assert {name: getattr(ci, name) for name in not_known} == dict.fromkeys(not_known)
    assert (ci.event, ci.branch, ci.default_branch, ci.sha) == (Event.PUSH, "main", "main", "e07d33227f2b7915f849f56fbf578dab5c23906e")
    assert ci.workspace == Path("/woodpecker/src")
    assert ci.in_woodpecker
    assert ci.on_default_branch


def test_under_exec_the_commits_time_is_read_from_the_checkout(shop: Path) -> None:
    """Nothing else is: the branch and the remote of a laptop say nothing about the run."""
    sha = git(shop, "rev-parse", "HEAD")
    ci = CI.load({**VECTORS["exec"], "CI_WORKSPACE": str(shop), "CI_COMMIT_SHA": sha}, shop)
    assert (ci.sha, ci.commit_time) == (sha, COMMITTED)
    assert (ci.clone_url, ci.ref, ci.message) == (None, None, None)


def test_under_exec_a_missing_commit_is_read_from_the_checkout(shop: Path) -> None:
    """As is one whose time the checkout knows although HEAD is elsewhere."""
    sha = git(shop, "rev-parse", "HEAD")
    environ = {name: value for name, value in VECTORS["exec"].items() if name != "CI_COMMIT_SHA"} | {"CI_WORKSPACE": str(shop)}
    assert CI.load(environ, shop).sha == sha
    git(shop, "commit", "--quiet", "--allow-empty", "-m", "another")
    ci = CI.load({**environ, "CI_COMMIT_SHA": sha}, shop)
    assert (ci.sha, ci.commit_time) == (sha, COMMITTED)


def test_a_commit_that_the_checkout_does_not_hold_has_no_time(shop: Path) -> None:
    """HEAD's time is not the time of another commit."""
    ci = CI.load({**VECTORS["exec"], "CI_WORKSPACE": str(shop)}, shop)
    assert ci.commit_time is None


def test_on_a_laptop_all_is_read_from_the_checkout(shop: Path) -> None:
    """`docker run` in a checkout is a manual run of its HEAD."""
    (shop / "services").mkdir()
    ci = CI.load({"PATH": "/bin", "CI": "true"}, shop / "services")
    assert ci == CI(
        event=Event.MANUAL,
        workspace=shop,
        in_woodpecker=False,
        default_branch="main",
        sha=git(shop, "rev-parse", "HEAD"),
        ref="refs/heads/main",
        branch="main",
        commit_time=COMMITTED,
        message="fix: the price\n",
        repo="acme/shop",
        repo_url="https://git.example.lan/acme/shop",
        clone_url="https://git.example.lan/acme/shop.git",
    )
    assert ci.on_default_branch


def test_on_a_laptop_a_tag_at_head_is_not_a_tag_event(shop: Path) -> None:
    """A tag event would release a version; that is said by variables, not guessed."""
    git(shop, "tag", "v1.0.0")
    assert CI.load({}, shop).tag is None
    ci = CI.load({"CI_PIPELINE_EVENT": "tag", "CI_COMMIT_TAG": "v1.0.0"}, shop)
    assert (ci.event, ci.tag, ci.branch, ci.ref) == (Event.TAG, "v1.0.0", None, None)


def test_on_a_laptop_variables_come_before_the_checkout(shop: Path) -> None:
    """What belongs to HEAD is not said of another commit."""
    ci = CI.load({"CI_COMMIT_SHA": SHA, "CI_REPO": "acme/other", "CI_COMMIT_TIMESTAMP": "1794999990"}, shop)
    assert (ci.sha, ci.repo, ci.commit_time) == (SHA, "acme/other", datetime.fromtimestamp(1794999990, UTC))
    assert (ci.branch, ci.ref, ci.message) == (None, None, None)


def test_outside_a_checkout_nothing_is_known(tmp_path: Path) -> None:
    """That is no error here: a plugin says what it needs."""
    assert CI.load({}, tmp_path) == CI(event=Event.MANUAL, workspace=tmp_path, in_woodpecker=False, default_branch="main")


@pytest.mark.parametrize(
    ("origin", "repo", "page"),
    [
        ("git@git.example.lan:acme/shop.git", "acme/shop", None),
        ("ssh://git@git.example.lan:30022/acme/shop.git", "acme/shop", None),
        ("https://git.example.lan/groups/acme/shop/", "acme/shop", "https://git.example.lan/groups/acme/shop"),
        ("/srv/git/shop.git", None, None),
        ("file:///srv/git/shop.git", None, None),
        ("../shop", None, None),
    ],
)
def test_the_repository_is_named_by_its_remote(shop: Path, origin: str, repo: str | None, page: str | None) -> None:
    """Only an address on a server names an owner, only http a page."""
    git(shop, "remote", "set-url", "origin", origin)
    ci = CI.load({}, shop)
    assert (ci.repo, ci.repo_url) == (repo, page)


def test_netrc_is_a_secret() -> None:
    """Woodpecker gives it to trusted plugins."""
    environ = {**EVENTS["push"], "CI_NETRC_MACHINE": "git.example.lan", "CI_NETRC_USERNAME": "ada", "CI_NETRC_PASSWORD": "hunter22"}
    ci = CI.load(environ, Path("/"))
    assert ci.netrc == Netrc(machine="git.example.lan", username="ada", password=SecretStr("hunter22"))
    assert ci.secrets == {"hunter22"}
    assert "hunter22" not in repr(ci)


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "1.5"])
def test_what_is_no_time_is_not_known(number: str, tmp_path: Path) -> None:
    """1970 would sort before every image there is."""
    ci = CI.load({**EVENTS["push"], "CI_COMMIT_TIMESTAMP": number, "CI_PIPELINE_CREATED": number, "CI_PIPELINE_NUMBER": number}, tmp_path)
    assert (ci.commit_time, ci.pipeline_created, ci.pipeline_number) == (None, None, None)


@pytest.mark.parametrize("files", ["", "[]", '[""]', "x", "{}", "null", "[1]"])
def test_no_list_of_files_is_not_the_same_as_no_files(files: str) -> None:
    """Woodpecker writes [] for events that have no list."""
    assert CI.load({**EVENTS["push"], "CI_PIPELINE_FILES": files}, Path("/")).files is None


def test_an_event_that_is_not_known_stops_the_plugin() -> None:
    """Whether it may push is not to be guessed."""
    with pytest.raises(PluginError, match='started by "merge_group"'):
        CI.load({**EVENTS["push"], "CI_PIPELINE_EVENT": "merge_group"}, Path("/"))
