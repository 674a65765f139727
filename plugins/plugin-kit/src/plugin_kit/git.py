"""Reads local git repositories without the git program, which the plugin images need not hold.

GitPython with its pure-Python object database: nothing is started, and `safe.directory` is no question.
"""

import contextlib
import hashlib
import heapq
import os
import re
import warnings
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from plugin_kit.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from git import Commit, Repo
    from git.index.typ import IndexEntry

# Clocks differ: a commit may be dated before its parent. Beyond this nobody looks further (git itself has the same weakness).
CLOCK_SKEW_SECONDS = 24 * 3600
MOST_COMMITS = 20_000


class Ancestry(StrEnum):
    """Whether one commit is in the history of another."""

    ANCESTOR = "ancestor"
    NOT_ANCESTOR = "not an ancestor"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What a checkout says about itself; None is what it doesn't know (no commit yet, detached HEAD, no remote)."""

    root: Path
    sha: str | None
    branch: str | None
    default_branch: str
    origin: str | None
    message: str | None
    commit_time: datetime | None


def checkout(path: Path) -> Checkout | None:
    """Describe the checkout that holds a folder; None where there is none. Raises GitError when it can't be read."""
    with _opened(path) as repo:
        if repo is None:
            return None
        _check_format(repo)
        sha = _head(repo)
        commit = _commit(repo, sha) if sha else None
        return Checkout(
            root=Path(repo.working_tree_dir or repo.git_dir),
            sha=sha,
            branch=None if repo.head.is_detached else repo.head.reference.path.removeprefix("refs/heads/"),
            default_branch=_default_branch(repo),
            origin=_without_credentials(str(repo.config_reader("repository").get_value('remote "origin"', "url", default=""))) or None,
            message=str(commit.message) if commit else None,
            commit_time=datetime.fromtimestamp(commit.committed_date, UTC) if commit else None,
        )


def commit_time(path: Path, sha: str) -> datetime | None:
    """Give the committer's date of a commit; None where the repository doesn't hold it."""
    with _opened(path) as repo:
        commit = _commit(repo, sha) if repo else None
        return datetime.fromtimestamp(commit.committed_date, UTC) if commit else None


def modified(path: Path) -> list[str]:
    """Name the tracked files that differ from what is staged or committed, as far as their size and time tell; none without a checkout."""
    with _opened(path) as repo:
        if repo is None or repo.working_tree_dir is None:
            return []
        root = Path(repo.working_tree_dir)
        entries = ((root / str(name), entry) for (name, stage), entry in repo.index.entries.items() if stage == 0)
        return sorted(str(file.relative_to(root)) for file, entry in entries if _differs(file, entry))


def ancestry(path: Path, older: str, newer: str) -> Ancestry:
    """Tell whether `older` is in the history of `newer` (a commit is in its own).

    UNKNOWN where a shallow clone ends before the answer, a commit is missing, or the answer is more than 20,000 commits away.
    """
    with _opened(path) as repo:
        start = _commit(repo, newer) if repo else None
        if repo is None or start is None:
            return Ancestry.UNKNOWN
        wanted = _commit(repo, older)
        oldest = wanted.committed_date - CLOCK_SKEW_SECONDS if wanted else 0
        return Ancestry.ANCESTOR if older == newer else _walk(repo, start, older, oldest)


def _walk(repo: "Repo", start: "Commit", wanted: str, oldest: int) -> Ancestry:
    seen = {start.binsha}
    # Newest first, so that a wide history is left as soon as it is older than the wanted commit.
    waiting = [(-start.committed_date, start.binsha, start)]
    complete = True
    while waiting:
        _, _, commit = heapq.heappop(waiting)
        for parent in commit.parents:
            if parent.hexsha == wanted:
                return Ancestry.ANCESTOR
            if parent.binsha in seen:
                continue
            seen.add(parent.binsha)
            known = _commit(repo, parent.hexsha)
            if known is None:
                complete = False
            elif known.committed_date >= oldest:
                heapq.heappush(waiting, (-known.committed_date, known.binsha, known))
        if len(seen) > MOST_COMMITS:
            return Ancestry.UNKNOWN
    return Ancestry.NOT_ANCESTOR if complete else Ancestry.UNKNOWN


@contextlib.contextmanager
def _opened(path: Path) -> "Iterator[Repo | None]":
    if not _may_be_repository(path):
        yield None
        return
    # GitPython looks for the git program when it is imported, and would refuse to be without one.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from git import GitDB, InvalidGitRepositoryError, NoSuchPathError, Repo  # noqa: PLC0415  0.1 s that most runs don't need

    try:
        with warnings.catch_warnings():
            # It warns that the database in Python is slow and no match for hostile repositories; the alternative is the git program.
            warnings.simplefilter("ignore", DeprecationWarning)
            repo = Repo(path, odbt=GitDB, search_parent_directories=True, expand_vars=False)
    except (InvalidGitRepositoryError, NoSuchPathError):
        yield None
        return
    try:
        yield repo
    except (OSError, ValueError, zlib.error) as error:
        raise GitError(f"the git repository {repo.git_dir} can't be read", details=(str(error),), hint="try `git fsck` there") from error
    finally:
        repo.close()


def _may_be_repository(path: Path) -> bool:
    """Whether a folder, or one above it, looks like a checkout or a bare repository: a few looks at the disk in place of an import."""
    folder = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  as GitPython does, which leaves links as they are
    return any((each / name).exists() for each in (folder, *folder.parents) for name in (".git", "HEAD"))


def _differs(file: Path, entry: "IndexEntry") -> bool:
    """Compare a file with its entry in the index: by size, and by content where the time is another, too."""
    try:
        if file.is_dir():
            return False  # a submodule
        if file.is_symlink():
            content = os.fsencode(file.readlink())
        else:
            status = file.stat()
            if status.st_size != entry.size or int(status.st_mtime) == entry.mtime[0]:
                return bool(status.st_size != entry.size)
            content = file.read_bytes()
    except OSError:
        return True
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest() != entry.binsha


def _commit(repo: "Repo", sha: str) -> "Commit | None":
    from git import Commit  # noqa: PLC0415  see _opened
    from git.exc import ODBError  # noqa: PLC0415

    if not re.fullmatch(r"[0-9a-f]{40}", sha):
        return None
    commit = Commit(repo, bytes.fromhex(sha))
    try:
        if repo.odb.info(commit.binsha).type != b"commit":
            return None
        # Read here, where a missing object is an answer and not an accident.
        _ = commit.parents
    except ODBError:
        return None
    return commit


def _head(repo: "Repo") -> str | None:
    try:
        return repo.head.dereference_recursive(repo, "HEAD")
    except ValueError:
        return None  # no commit yet


def _check_format(repo: "Repo") -> None:
    config = repo.config_reader("repository")
    for key, usual in (("objectformat", "sha1"), ("refstorage", "files")):
        found = str(config.get_value("extensions", key, default=usual)).lower()
        if found != usual:
            raise GitError(
                f"the git repository {repo.git_dir} is kept as {found}, which this plugin can't read",
                hint="run the step in Woodpecker, or set CI_COMMIT_SHA, CI_COMMIT_BRANCH and CI_COMMIT_TIMESTAMP",
            )


def _default_branch(repo: "Repo") -> str:
    from git import SymbolicReference  # noqa: PLC0415  see _opened

    remote_head = SymbolicReference(repo, "refs/remotes/origin/HEAD")
    with contextlib.suppress(OSError, ValueError, TypeError):
        return remote_head.reference.path.removeprefix("refs/remotes/origin/")
    branches = {branch.name for branch in repo.branches}
    return next((name for name in ("main", "master") if name in branches), "main")


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    if not parts.scheme or "@" not in parts.netloc:
        return url
    user, _, host = parts.netloc.rpartition("@")
    # `ssh://git@host` names an account; with http a token may stand in either place.
    keeps_user = parts.scheme.endswith("ssh") and ":" not in user
    return parts._replace(netloc=f"{user}@{host}" if keeps_user else host).geturl()
