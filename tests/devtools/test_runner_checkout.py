"""What the runner reads from git."""

import subprocess
from pathlib import Path

import pytest

from devtools import checkout


def git(repo: Path, *arguments: str) -> str:
    """Run git as somebody, at a known time."""
    when = "2026-03-02T14:31:00Z"
    identity = {
        "GIT_AUTHOR_NAME": "ada",
        "GIT_AUTHOR_EMAIL": "ada@example.lan",
        "GIT_COMMITTER_NAME": "bob",
        "GIT_COMMITTER_EMAIL": "b@example.lan",
    }
    env = {"PATH": "/usr/bin:/bin", "HOME": str(repo), **identity, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    return subprocess.run(["git", "-C", str(repo), *arguments], check=True, env=env, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Make a repository with two commits."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "a.txt").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    (tmp_path / "a.txt").write_text("2")
    (tmp_path / "ü b.txt").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "second: two files\n\nwith a body")
    return tmp_path


def test_a_push_names_commit_author_and_changed_files(repo: Path) -> None:
    """The names of files are the real ones, whatever characters are in them."""
    commit = checkout.describe(repo, "HEAD", event="push", branch="main")
    assert commit.sha == git(repo, "rev-parse", "HEAD")
    assert (commit.author, commit.email, commit.timestamp) == ("ada", "ada@example.lan", 1772461860)
    assert commit.message == "second: two files\n\nwith a body\n"
    assert commit.files == ("a.txt", "ü b.txt")
    assert (commit.branch, commit.ref) == ("main", "refs/heads/main")


@pytest.mark.parametrize(("sha", "event"), [("HEAD~1", "push"), ("HEAD", "manual")])
def test_changed_files_may_be_unknown(repo: Path, sha: str, event: str) -> None:
    """For the first commit, and for events that have none."""
    assert checkout.describe(repo, sha, event=event, branch="main").files == ()


def test_the_configuration_of_the_machine_is_not_read(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook or an alias of the person at the keyboard must not change a run."""
    git(repo, "config", "--file", str(repo / "global"), "log.showSignature", "true")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(repo / "global"))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert checkout.describe(repo, "main", event="push", branch="main").author == "ada"
