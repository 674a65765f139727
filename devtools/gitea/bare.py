"""A bare repository of git, and git's own server side for it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit, as far as Gitea's API shows it."""

    id: str
    message: str
    name: str
    email: str
    time: str


class Bare:
    """A bare repository in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, branch: str) -> None:
        """Make it, empty."""
        self.folder.mkdir(parents=True)
        self._git("init", "--quiet", "--bare", f"--initial-branch={branch}", ".")
        self._git("config", "http.receivepack", "true")

    def refs(self) -> dict[str, str]:
        """List all refs with their objects."""
        lines = self._git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def head(self, branch: str) -> str | None:
        """Return the commit of a branch."""
        return self.refs().get(f"refs/heads/{branch}")

    def resolve(self, name: str) -> str | None:
        """Return the commit that a branch, tag or id means."""
        found = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return found.stdout.strip() or None

    def commit(self, name: str) -> Commit:
        """Read a commit."""
        id_, author, email, time, message = self._git("log", "-1", "--format=%H%n%an%n%ae%n%aI%n%B", name).split("\n", 4)
        return Commit(id=id_, message=message, name=author, email=email, time=time)

    def add_commit(self, branch: str, message: str) -> str:
        """Commit to a branch without any change of files, as the first commit where there is none."""
        parent = self.head(branch)
        tree = f"{parent}^{{tree}}" if parent else self._git("hash-object", "-t", "tree", "-w", os.devnull).strip()
        author = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.lan")
        made = self._git(*author, "commit-tree", "-m", message, *(("-p", parent) if parent else ()), tree).strip()
        self.set_branch(branch, made)
        return made

    def set_branch(self, branch: str, commit: str) -> bool:
        """Make a branch or move it; False where git refuses its name."""
        return self._update("update-ref", f"refs/heads/{branch}", commit)

    def delete_branch(self, branch: str) -> None:
        """Delete a branch."""
        self._update("update-ref", "-d", f"refs/heads/{branch}")

    def serve(
        self, method: str, path: str, query: str, headers: "Message[str, str]", body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Answer a request of git; `path` is what stands after the repository."""
        variables = {
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": method,
            "CONTENT_TYPE": headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": headers.get("Git-Protocol") or "",
            "REMOTE_USER": "pusher",
        }
        answer = subprocess.run(
            ["git", "http-backend"], input=body, env={**_environment(), **variables}, capture_output=True, check=True
        ).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        fields = [(name, value) for name, value in lines if name != "Status"]
        status = next((int(value.split()[0]) for name, value in lines if name == "Status"), 200)
        return status, fields, content

    def _update(self, *arguments: str) -> bool:
        done = subprocess.run(["git", *arguments], cwd=self.folder, env=_environment(), capture_output=True, check=False)
        return done.returncode == 0

    def _git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self.folder, env=_environment(), capture_output=True, text=True, check=True).stdout


def _environment() -> dict[str, str]:
    """Leave out what the machine's user has set for git."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C"}
