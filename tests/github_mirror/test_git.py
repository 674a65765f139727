"""How the git program is run."""

import os
from pathlib import Path

import pytest

from github_mirror.errors import DeadlineOver, GitFailed
from github_mirror.git import Deadline, Git, make_bare, minimal_environment
from plugin_kit.errors import ProcessError
from tests.support.histories import commit, repository
from tests.support.histories import git as plain_git


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Give an empty bare repository."""
    return make_bare(tmp_path / "bare.git", Deadline(60), minimal_environment(tmp_path))


def test_the_environment_has_neither_settings_nor_secrets(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the step has, git sees only what it needs."""
    for name in ("PLUGIN_SSH_KEY", "CI_NETRC_PASSWORD", "CI_COMMIT_SHA", "GIT_SSH_COMMAND", "SSH_AUTH_SOCK", "GIT_ASKPASS", "SECRET"):
        monkeypatch.setenv(name, "hunter2")
    seen = git.using(config={"alias.env": "!env"}).lines("env")
    assert not [line for line in seen if "hunter2" in line]


def test_proxies_are_passed_on(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """In both spellings, since programs differ in which they read."""
    monkeypatch.setenv("https_proxy", "http://proxy.lan:3128")
    monkeypatch.setenv("NO_PROXY", ".lan")
    environment = minimal_environment(git.folder)
    assert (environment["https_proxy"], environment["NO_PROXY"]) == ("http://proxy.lan:3128", ".lan")


def test_configuration_goes_through_the_environment(git: Git) -> None:
    """The later of two values counts, and none is written into the repository."""
    changed = git.using(config={"user.name": "Ada"}).using(config={"user.name": "Bob"})
    assert changed.run("config", "user.name").stdout == "Bob\n"
    assert "Bob" not in (git.folder / "config").read_text()


def test_configuration_of_the_machine_does_not_count(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ~/.gitconfig in an image must not change where things are sent."""
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Mallory\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert git.run("config", "user.name", check=False).returncode == 1


def test_hooks_are_never_run(git: Git) -> None:
    """A clone in a cache may have been written to by others."""
    hooks = git.folder / "hooks"
    hooks.mkdir()
    hook = hooks / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {git.folder}/ran\n")
    hook.chmod(0o755)
    blob = git.run("hash-object", "-w", "--stdin", input="x").stdout.strip()
    git.run("update-ref", "refs/blobs/x", blob)
    assert not (git.folder / "ran").exists()


def test_a_repository_of_another_owner_is_no_obstacle(tmp_path: Path) -> None:
    """The plugin's user is seldom the one that made the cache or the workspace."""
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    made = make_bare(tmp_path / "other.git", Deadline(60), minimal_environment(tmp_path))
    for path in (made.folder, *made.folder.rglob("*")):
        os.chown(path, 12345, 12345)
    assert made.run("rev-parse", "--is-bare-repository").stdout.strip() == "true"


def test_a_failure_has_what_git_said(git: Git) -> None:
    """The command is named, the last lines are there."""
    with pytest.raises(GitFailed, match="git cat-file failed with exit code 128") as caught:
        git.run("cat-file", "-p", "nothing")
    assert "Not a valid object name nothing" in caught.value.text
    assert caught.value.details


def test_without_check_a_failure_is_a_result(git: Git) -> None:
    """For questions whose answer is the exit code."""
    assert git.run("cat-file", "-e", "nothing", check=False).returncode == 128
    assert git.succeeds("rev-parse", "--git-dir")
    assert not git.succeeds("cat-file", "-e", "nothing")


def test_lines_are_all_there_however_many(git: Git) -> None:
    """A listing of tens of thousands of refs is longer than the output that is kept of a process."""
    text = "".join(f"{number:0100}\n" for number in range(15_000))
    blob = git.run("hash-object", "-w", "--stdin", input=text).stdout.strip()
    assert len(git.lines("cat-file", "blob", blob)) == 15_000


def test_the_deadline_stops_a_command_and_names_the_setting(tmp_path: Path) -> None:
    """Nobody waits longer than `timeout` for everything together."""
    git = make_bare(tmp_path / "bare.git", Deadline(60), minimal_environment(tmp_path))
    short = Git(folder=git.folder, deadline=Deadline(0.3), environment=git.environment, config=(("alias.wait", "!sleep 30"),))
    with pytest.raises(DeadlineOver, match=r"git wait was stopped because the step's `timeout` of 0\.3s is over"):
        short.run("wait")
    with pytest.raises(DeadlineOver, match="the mirroring was stopped"):
        short.run("rev-parse")


def test_a_limit_of_its_own_is_no_end_of_the_deadline(git: Git) -> None:
    """Only then the whole run is over."""
    with pytest.raises(ProcessError, match="took longer than") as caught:
        git.using(config={"alias.wait": "!sleep 30"}).run("wait", timeout=0.2)
    assert not isinstance(caught.value, DeadlineOver)


def test_a_secret_never_gets_onto_a_command_line(git: Git) -> None:
    """It would stand in the process list of the machine."""
    careful = Git(folder=git.folder, deadline=git.deadline, environment=git.environment, secrets=frozenset({"correct-horse"}))
    with pytest.raises(ProcessError, match="a secret on its command line"):
        careful.run("fetch", "https://x:correct-horse@git.lan/r")


def test_an_empty_repository_has_no_hooks_of_the_distribution(git: Git) -> None:
    """Templates bring some."""
    assert not (git.folder / "hooks").exists()
    assert git.run("symbolic-ref", "HEAD").stdout.strip() == "refs/heads/main"


def test_a_promised_object_is_not_fetched_behind_our_back(tmp_path: Path) -> None:
    """Otherwise a push from a partial clone would ask for each commit by itself."""
    upstream = repository(tmp_path / "upstream")
    sha = commit(upstream)
    partial = tmp_path / "partial.git"
    plain_git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", f"file://{upstream}", str(partial))
    (upstream / ".git").rename(tmp_path / "gone")
    looking = Git(folder=partial, deadline=Deadline(60), environment=minimal_environment(tmp_path))
    assert not looking.succeeds("cat-file", "-e", f"{sha}:file")
