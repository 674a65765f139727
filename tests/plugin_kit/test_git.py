"""Facts are read from real repositories, made by git, without the git program."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugin_kit import git
from plugin_kit.errors import GitError
from plugin_kit.git import Ancestry

NOON = 1_790_000_000


class Repository:
    """A repository on disk; each commit is dated a minute after the one before."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._time = NOON

    def run(self, *arguments: str, time: int = 0) -> str:
        """Run git, away from the configuration of whoever runs the tests."""
        stamp = f"{time or self._time} +0200"
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "Ada"), ("EMAIL", "a@b"))},
            "GIT_AUTHOR_DATE": stamp,
            "GIT_COMMITTER_DATE": stamp,
        }
        command = ["git", "-c", "protocol.file.allow=always", "-C", str(self.root), *arguments]
        return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message: str = "a commit", *, time: int = 0) -> str:
        """Make an empty commit and give its object id."""
        self._time += 60
        self.run("commit", "--quiet", "--allow-empty", "-m", message, time=time)
        return self.run("rev-parse", "HEAD")

    def clone(self, to: Path, *options: str) -> Path:
        """Clone as over a network."""
        self.run("clone", "--quiet", *options, f"file://{self.root}", str(to))
        return to


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Make an empty repository on branch main."""
    root = tmp_path / "shop"
    root.mkdir()
    made = Repository(root)
    made.run("init", "--quiet", "--initial-branch=main")
    return made


def test_a_checkout_says_where_it_is(repository: Repository) -> None:
    """Commit, branch, remote, message and time, from any folder in it."""
    sha = repository.commit("fix: the price\n\nbody")
    repository.run("remote", "add", "origin", "https://ada:hunter22@git.example.lan/acme/shop.git")
    (repository.root / "services").mkdir()
    assert git.checkout(repository.root / "services") == git.Checkout(
        root=repository.root,
        sha=sha,
        branch="main",
        default_branch="main",
        origin="https://git.example.lan/acme/shop.git",
        message="fix: the price\n\nbody\n",
        commit_time=datetime.fromtimestamp(NOON + 60, UTC),
    )


def test_a_folder_outside_any_repository_is_no_checkout(tmp_path: Path) -> None:
    """As is a folder that isn't there."""
    assert git.checkout(tmp_path) is None
    assert git.checkout(tmp_path / "nowhere") is None
    assert git.commit_time(tmp_path, "0" * 40) is None
    assert git.ancestry(tmp_path, "0" * 40, "1" * 40) is Ancestry.UNKNOWN


def test_a_repository_without_commits_has_a_branch_only(repository: Repository) -> None:
    """As `git init` leaves it."""
    found = git.checkout(repository.root)
    assert found is not None
    assert (found.sha, found.branch, found.commit_time, found.origin) == (None, "main", None, None)


def test_a_detached_head_has_no_branch(repository: Repository) -> None:
    """As Woodpecker's clone of a tag."""
    sha = repository.commit()
    repository.run("checkout", "--quiet", "--detach")
    found = git.checkout(repository.root)
    assert found is not None
    assert (found.sha, found.branch) == (sha, None)


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        ("https://token@git.example.lan/acme/shop", "https://git.example.lan/acme/shop"),
        ("https://ada:pw@git.example.lan:8443/acme/shop.git", "https://git.example.lan:8443/acme/shop.git"),
        ("ssh://git@git.example.lan:30022/acme/shop.git", "ssh://git@git.example.lan:30022/acme/shop.git"),
        ("ssh://git:pw@git.example.lan/acme/shop.git", "ssh://git.example.lan/acme/shop.git"),
        ("git@git.example.lan:acme/shop.git", "git@git.example.lan:acme/shop.git"),
        ("/srv/git/shop", "/srv/git/shop"),
    ],
)
def test_the_address_of_the_remote_loses_its_credentials(repository: Repository, origin: str, shown: str) -> None:
    """It ends up in labels and logs."""
    repository.run("remote", "add", "origin", origin)
    found = git.checkout(repository.root)
    assert found is not None
    assert found.origin == shown


def test_the_default_branch_is_the_remotes(repository: Repository, tmp_path: Path) -> None:
    """A clone knows it; a repository without remote has `main` or `master`."""
    repository.commit()
    repository.run("branch", "--move", "trunk")
    found = git.checkout(repository.clone(tmp_path / "clone"))
    alone = git.checkout(repository.root)
    repository.run("branch", "master")
    old = git.checkout(repository.root)
    assert [each and each.default_branch for each in (found, alone, old)] == ["trunk", "main", "master"]


def test_commits_are_read_from_packs_and_by_full_object_id_only(repository: Repository) -> None:
    """What is no commit of this repository has no time; nothing is taken for an option or a revision expression."""
    first = repository.commit()
    repository.commit()
    repository.run("tag", "-a", "v1", "-m", "v1")
    repository.run("gc", "--quiet")
    assert git.commit_time(repository.root, first) == datetime.fromtimestamp(NOON + 60, UTC)
    tree, tag = repository.run("rev-parse", "HEAD^{tree}"), repository.run("rev-parse", "v1")
    for other in ("0" * 40, tree, tag, "HEAD", first[:12], "--help", ""):
        assert git.commit_time(repository.root, other) is None


def test_ancestry_in_a_full_history(repository: Repository) -> None:
    """Through merges too; a commit is in its own history; a commit that a complete history doesn't hold is no ancestor."""
    base = repository.commit()
    repository.run("checkout", "--quiet", "-b", "feature")
    feature = repository.commit()
    repository.run("checkout", "--quiet", "main")
    other = repository.commit()
    repository.run("merge", "--quiet", "--no-ff", "-m", "merge", "feature")
    merge = repository.run("rev-parse", "HEAD")
    expected = {
        (base, merge): Ancestry.ANCESTOR,
        (feature, merge): Ancestry.ANCESTOR,
        (merge, merge): Ancestry.ANCESTOR,
        (merge, base): Ancestry.NOT_ANCESTOR,
        (other, feature): Ancestry.NOT_ANCESTOR,
        ("0" * 40, merge): Ancestry.NOT_ANCESTOR,
        (base, "0" * 40): Ancestry.UNKNOWN,
        ("main", merge): Ancestry.NOT_ANCESTOR,
    }
    assert {pair: git.ancestry(repository.root, *pair) for pair in expected} == expected


def test_ancestry_survives_a_clock_that_is_an_hour_behind(repository: Repository) -> None:
    """A child may be dated before its parent."""
    base = repository.commit()
    repository.commit(time=NOON - 3600)
    newest = repository.commit(time=NOON - 3000)
    assert git.ancestry(repository.root, base, newest) is Ancestry.ANCESTOR


def test_ancestry_is_not_known_where_a_shallow_clone_ends(repository: Repository, tmp_path: Path) -> None:
    """Woodpecker clones one commit, without trees and parents."""
    first, second, third = (repository.commit() for _ in range(3))
    repository.run("config", "uploadpack.allowFilter", "true")
    shallow = repository.clone(tmp_path / "shallow", "--depth=1", "--filter=tree:0", "--no-checkout")
    assert git.ancestry(shallow, first, third) is Ancestry.UNKNOWN
    assert git.ancestry(shallow, third, second) is Ancestry.UNKNOWN
    # The one commit that is there names its parent.
    assert git.ancestry(shallow, second, third) is Ancestry.ANCESTOR


def test_a_blobless_clone_knows_its_whole_history(repository: Repository, tmp_path: Path) -> None:
    """A partial clone without `depth` holds all commits."""
    first = repository.commit()
    third = [repository.commit() for _ in range(2)][-1]
    repository.run("config", "uploadpack.allowFilter", "true")
    partial = repository.clone(tmp_path / "partial", "--filter=tree:0", "--no-checkout")
    assert git.ancestry(partial, first, third) is Ancestry.ANCESTOR


def test_a_linked_worktree_is_a_checkout(repository: Repository, tmp_path: Path) -> None:
    """Its objects and branches are in another folder."""
    sha = repository.commit()
    repository.run("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    found = git.checkout(tmp_path / "side")
    assert found is not None
    assert (found.root, found.sha, found.branch) == (tmp_path / "side", sha, "side")


def test_a_format_that_can_not_be_read_is_an_error_with_advice(tmp_path: Path) -> None:
    """Rather than a checkout without a commit."""
    root = tmp_path / "new"
    root.mkdir()
    Repository(root).run("init", "--quiet", "--object-format=sha256")
    with pytest.raises(GitError, match="is kept as sha256") as caught:
        git.checkout(root)
    assert "CI_COMMIT_SHA" in str(caught.value.hint)


def test_a_broken_repository_is_an_error(repository: Repository) -> None:
    """A commit whose object is damaged is not the same as no commit."""
    sha = repository.commit()
    loose = repository.root / ".git" / "objects" / sha[:2] / sha[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"garbage")
    with pytest.raises(GitError, match="can't be read"):
        git.checkout(repository.root)


def test_no_program_is_needed_and_no_environment_is_believed(repository: Repository, tmp_path: Path) -> None:
    """The slim image holds no git; importing plugin_kit.git costs no GitPython."""
    first = repository.commit()
    second = repository.commit()
    program = f"""
import json, sys
from pathlib import Path
from plugin_kit import git
lazy = "git" not in sys.modules
root = Path({str(repository.root)!r})
print(json.dumps([lazy, git.checkout(root).sha, git.ancestry(root, {first!r}, {second!r})]))
"""
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path), "GIT_DIR": str(tmp_path / "elsewhere")}
    done = subprocess.run([sys.executable, "-c", program], env=environ, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == [True, second, "ancestor"]
    assert done.stderr == ""


def test_a_clean_checkout_has_no_edits(repository: Repository) -> None:
    """Also where only the time of a file is another, as after a copy."""
    (repository.root / "same.txt").write_text("one\n")
    (repository.root / "link").symlink_to("same.txt")
    repository.run("add", ".")
    repository.commit()
    os.utime(repository.root / "same.txt", (1, 1))
    assert git.modified(repository.root) == []


def test_edits_and_removals_are_named(repository: Repository) -> None:
    """Untracked files are not: they are in no commit by intent."""
    for name in ("edited.txt", "longer.txt", "removed.txt", "same.txt"):
        (repository.root / name).write_text("one\n")
    repository.run("add", ".")
    repository.commit()
    (repository.root / "edited.txt").write_text("two\n")
    os.utime(repository.root / "edited.txt", (1, 1))
    (repository.root / "longer.txt").write_text("three\n")
    (repository.root / "removed.txt").unlink()
    (repository.root / "untracked.txt").write_text("four\n")
    assert git.modified(repository.root) == ["edited.txt", "longer.txt", "removed.txt"]


def test_no_checkout_has_no_edits(tmp_path: Path) -> None:
    """A folder that is no checkout is nobody's commit."""
    assert git.modified(tmp_path) == []
