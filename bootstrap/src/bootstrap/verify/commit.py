"""A commit that changes no file, made without a checkout and pushed."""

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.gitea import clone
from bootstrap.gitea.clone import Place
from bootstrap.gitea.errors import GiteaError
from bootstrap.gitea.pod import Pod

PREFIX = "verify/"
_MESSAGE = """verify: follow this commit through the platform

It changes no file. `bootstrap verify` has pushed it, to see a real commit built and deployed.
"""
_AUTHOR = ("-c", "user.name=bootstrap verify", "-c", "user.email=bootstrap@localhost.localdomain")
# .woodpecker/*.yaml, .yml, then these (server/services/config/forge.go).
_FILES = (".woodpecker.yaml", ".woodpecker.yml")
_MOST_TRIES = 3
# By these git fails before it sends anything, or Gitea's hooks let nothing in. Not `[remote rejected]` alone: where an answer is lost, git
# sends the same once more, and hears then that the branch is where the first try has put it.
_NOTHING_TAKEN = (
    "[rejected]",
    "hook declined)",
    "unable to access",
    "Authentication failed for",
    "could not read Username",
    "' not found",
    "not valid: is this a git repository",
)


@dataclass(slots=True, kw_only=True)
class Source:
    """The repository as this run sees it, in a folder that is thrown away."""

    folder: Path
    place: Place
    branch: str
    pod: Pod
    env: Mapping[str, str]
    in_doubt: bool = False
    """Whether a push is under way, or has failed and Gitea may have taken it all the same."""

    def workflows(self) -> dict[str, str]:
        """Return the pipeline files that Woodpecker reads by default, by path."""
        listed = clone.git(self.folder, "ls-tree", "-r", "--name-only", "FETCH_HEAD", "--", ".woodpecker", *_FILES, env=self.env)
        names = listed.stdout.split("\n")
        chosen = [name for name in names if name.startswith(".woodpecker/") and name.count("/") == 1 and name.endswith((".yaml", ".yml"))]
        chosen = chosen or [name for name in _FILES if name in names][:1]
        return {name: clone.git(self.folder, "show", f"FETCH_HEAD:{name}", env=self.env).stdout for name in chosen}

    def push(self, branch: str) -> str:
        """Push an empty commit to a branch and return its name; where somebody was faster, on top of theirs.

        Where it fails, `in_doubt` says whether Gitea may have taken it all the same.
        """
        for number in range(1, _MOST_TRIES + 1):
            made = clone.git(self.folder, *_AUTHOR, "commit-tree", "FETCH_HEAD^{tree}", "-p", "FETCH_HEAD", "-m", _MESSAGE, env=self.env)
            commit = made.stdout.strip()
            wanted = ("push", "--porcelain", self.place.url, f"{commit}:refs/heads/{branch}")
            self.in_doubt = True
            result = clone.git(self.folder, *wanted, env=self.env, check=False, timeout=clone.PUSH_SECONDS)
            said = f"{result.stderr}\n{result.stdout}"
            self.in_doubt = bool(result.returncode) and not any(sign in said for sign in _NOTHING_TAKEN)
            if not result.returncode:
                return commit
            if number == _MOST_TRIES or not any(sign in said for sign in ("fetch first", "non-fast-forward", "stale info")):
                break
            self.fetch()
        raise clone.failed(said, self.place, self.pod)

    def fetch(self) -> None:
        """Fetch the head of the branch, without its history."""
        wanted = ("fetch", "--quiet", "--no-tags", "--depth", "1", self.place.url, f"refs/heads/{self.branch}")
        result = clone.git(self.folder, *wanted, env=self.env, check=False, timeout=clone.PUSH_SECONDS)
        if result.returncode and "couldn't find remote ref" in result.stderr:
            raise GiteaError(
                f"{self.place.public_url} has no branch {self.branch}", hint=f"push it: git push {self.place.public_url} {self.branch}"
            )
        if result.returncode:
            raise clone.failed(result.stderr, self.place, self.pod)


@contextmanager
def source(place: Place, branch: str, pod: Pod) -> Iterator[Source]:
    """Fetch the head of a branch into a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bootstrap-verify-") as folder, clone.logged_in(place, hooks=False) as env:
        found = Source(folder=Path(folder), place=place, branch=branch, pod=pod, env=env)
        clone.git(found.folder, "init", "--quiet", "--bare", env=env)
        found.fetch()
        yield found


def aside() -> str:
    """Return a name for a branch that nobody has."""
    return f"{PREFIX}{secrets.token_hex(4)}"
