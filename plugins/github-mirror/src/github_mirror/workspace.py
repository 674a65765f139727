"""The clone of the pipeline, looked at from outside.

Earlier steps may have written anything into its configuration and hooks, a program for ssh, say. So no git runs in it that could start
something: its files are read, and its objects are borrowed by a repository of our own (as alternates), which takes over neither its
configuration, nor where it was cut off, nor whose it is.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from github_mirror.git import Git
from github_mirror.refs import BRANCHES, TAGS

_REMOTE_BRANCHES = "refs/remotes/origin/"
_PROMISED = re.compile(r"(?:remote\..*\.(?:promisor|partialclonefilter)|extensions\.partialclone)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A git checkout: where its parts are, and what it lacks."""

    folder: Path
    git_dir: Path
    common: Path

    @classmethod
    def at(cls, folder: Path) -> Self | None:
        """Find the checkout in a folder; None where there is none. A worktree and a submodule keep their repository elsewhere."""
        git_dir = folder / ".git"
        if git_dir.is_file():
            kind, _, place = git_dir.read_text(encoding="utf-8", errors="replace").strip().partition(": ")
            git_dir = (folder / place).resolve() if kind == "gitdir" else git_dir
        elif not git_dir.is_dir() and (folder / "objects").is_dir() and (folder / "HEAD").is_file():
            git_dir = folder
        pointer = git_dir / "commondir"
        common = (git_dir / pointer.read_text(encoding="utf-8").strip()).resolve() if pointer.is_file() else git_dir
        return cls(folder=folder, git_dir=git_dir, common=common) if (common / "objects").is_dir() else None

    @property
    def objects(self) -> Path:
        """Where its objects are."""
        return self.common / "objects"

    def lacks(self, git: Git) -> str | None:
        """Say what is wrong with its history; None where it is whole."""
        marker = self.common / "shallow"
        if marker.is_file() and marker.stat().st_size:
            return "shallow (depth)"
        config = git.run("config", "--file", str(self.common / "config"), "--name-only", "--list", check=False).stdout
        if _PROMISED.search(config) or any((self.objects / "pack").glob("*.promisor")):
            return "partial (filter)"
        return None

    def origin(self, git: Git) -> str | None:
        """Give the address that it was cloned from."""
        found = git.run("config", "--file", str(self.common / "config"), "--get", "remote.origin.url", check=False)
        return found.stdout.strip() or None

    def refs(self, git: Git) -> dict[str, str]:
        """Give its branches, as they were at the forge when it was cloned, and its tags."""
        looking = Git(folder=self.git_dir, deadline=git.deadline, environment=git.environment)
        listed = looking.lines("for-each-ref", "--format=%(objectname)%09%(refname)", "refs/heads", "refs/tags", _REMOTE_BRANCHES)
        found = {name: value for value, _, name in (line.partition("\t") for line in listed)}
        origin = {
            BRANCHES + name.removeprefix(_REMOTE_BRANCHES): value
            for name, value in found.items()
            if name.startswith(_REMOTE_BRANCHES) and name != f"{_REMOTE_BRANCHES}HEAD"
        }
        branches = origin or {name: value for name, value in found.items() if name.startswith(BRANCHES)}
        return branches | {name: value for name, value in found.items() if name.startswith(TAGS)}

    def lend_to(self, git: Git) -> None:
        """Let a repository of our own find its objects."""
        place = git.folder / "objects" / "info"
        place.mkdir(parents=True, exist_ok=True)
        (place / "alternates").write_text(f"{self.objects.resolve()}\n", encoding="utf-8")
