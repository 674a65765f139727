"""Mirrors without ssh: the far side is a folder, everything else is as it is in a run."""

from dataclasses import dataclass
from pathlib import Path

from github_mirror.far import Far
from github_mirror.git import Deadline, Git, minimal_environment
from github_mirror.remote import Remote


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRemote(Remote):
    """A mirror in a folder."""

    @property
    def url(self) -> str:
        """The folder."""
        return self.path


def git_in(folder: Path, home: Path, seconds: float = 60) -> Git:
    """Give the plugin's own git for a bare repository."""
    return Git(folder=folder, deadline=Deadline(seconds), environment=minimal_environment(home))


def far_in(folder: Path, git: Git) -> Far:
    """Give a mirror in a folder, that is pushed to from the repository of `git`."""
    return Far(remote=LocalRemote(user="git", host="far.example", port=22, path=str(folder)), git=git)
