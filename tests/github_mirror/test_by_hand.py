"""The commands that people copy out of the log, run by a shell."""

import subprocess
from pathlib import Path

import pytest

from github_mirror import by_hand
from github_mirror.plan import Action, RefPlan
from tests.support.commit_graph import refs_of
from tests.support.histories import ENVIRONMENT, bare, commit, git, repository

MAIN, V1 = "refs/heads/main", "refs/tags/v1"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Make a mirror in a folder whose name a shell would take apart."""
    return bare(tmp_path / "it's a mirror.git")


@pytest.fixture
def work(tmp_path: Path, mirror: Path) -> Path:
    """Make a clone of the source, which is at the mirror with three commits and a tag."""
    folder = repository(tmp_path / "work", commits=3)
    git(folder, "tag", "--annotate", "--message", "one", "v1")
    git(folder, "push", "--quiet", str(mirror), "main", "v1")
    return folder


def shell(folder: Path, command: str) -> int:
    """Run a command as it was copied."""
    return subprocess.run(["sh", "-c", command], cwd=folder, env=ENVIRONMENT, check=False).returncode


def test_a_branch_is_moved_back_by_hand(work: Path, mirror: Path) -> None:
    """What the source was taken back to; the lease is on what was seen."""
    wanted, seen = git(work, "rev-parse", "HEAD~1"), git(work, "rev-parse", "HEAD")
    command = by_hand.moves_back(RefPlan(ref=MAIN, action=Action.KEEP, ours=wanted, theirs=seen), str(mirror))
    assert shell(work, command) == 0
    assert refs_of(mirror)[MAIN] == wanted


def test_what_moved_since_is_not_moved_back(work: Path, mirror: Path) -> None:
    """The command was copied out of an old log."""
    wanted, seen = git(work, "rev-parse", "HEAD~1"), git(work, "rev-parse", "HEAD")
    git(work, "push", "--quiet", str(mirror), f"{commit(work)}:{MAIN}")
    before = refs_of(mirror)
    assert shell(work, by_hand.moves_back(RefPlan(ref=MAIN, action=Action.KEEP, ours=wanted, theirs=seen), str(mirror))) != 0
    assert refs_of(mirror) == before


@pytest.mark.parametrize("ref", [MAIN, V1])
def test_what_was_overwritten_comes_back(work: Path, mirror: Path, tmp_path: Path, ref: str) -> None:
    """Also where only the mirror has had it: nobody's clone knows the commit."""
    theirs = git(mirror, "rev-parse", ref)
    commit(work)
    git(work, "tag", "--force", "--annotate", "--message", "two", "v1")
    new = git(work, "rev-parse", ref)
    git(work, "push", "--quiet", "--force", str(mirror), f"{new}:{ref}")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-local", "--single-branch", "--branch=main", "--depth=1", f"file://{work}", str(clone))
    said, command = by_hand.brings_back([RefPlan(ref=ref, action=Action.FORCE, ours=new, theirs=theirs)], str(mirror))
    assert said.endswith(f" was {theirs}")
    assert shell(clone, command) == 0
    assert refs_of(mirror)[ref] == theirs


@pytest.mark.parametrize("ref", [MAIN, V1])
def test_what_was_deleted_comes_back(work: Path, mirror: Path, tmp_path: Path, ref: str) -> None:
    """And does not replace what somebody has made there since."""
    theirs = git(mirror, "rev-parse", ref)
    git(mirror, "update-ref", "-d", ref)
    (_, command) = by_hand.brings_back([RefPlan(ref=ref, action=Action.DELETE, theirs=theirs)], str(mirror))
    other = repository(tmp_path / "other", commits=1)
    assert shell(other, command) == 0
    assert refs_of(mirror)[ref] == theirs
    git(work, "push", "--quiet", "--force", str(mirror), f"{commit(work)}:{ref}")
    assert shell(other, command) != 0
