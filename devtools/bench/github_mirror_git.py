"""Git by itself: to make the repositories, and as what the plugin is compared with."""

import os
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devtools.errors import DevError

# No configuration of the machine's or of a user's.
ENVIRONMENT: Mapping[str, str] = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.lan",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.lan",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A process that has ended: when it was started and was gone, by the machine's monotonic clock, and what it said."""

    launched: float
    gone: float
    stdout: str
    stderr: str

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.gone - self.launched


def timed(argv: Sequence[str], environment: Mapping[str, str], folder: Path | None = None) -> Timed:
    """Run a process, with as little around it as possible."""
    launched = time.monotonic()
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment, cwd=folder)
    gone = time.monotonic()
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip().splitlines()[-20:]
        raise DevError(f"{Path(argv[0]).name} {argv[1]} failed (exit {done.returncode}):\n" + "\n".join(said))
    return Timed(launched=launched, gone=gone, stdout=done.stdout, stderr=done.stderr)


def git(folder: Path, *arguments: str, data: str = "") -> str:
    """Run git in a folder and give what it printed."""
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True, cwd=folder, input=data, env=ENVIRONMENT)
    if done.returncode:
        raise DevError(f"git {arguments[0]} failed (exit {done.returncode}):\n{done.stderr.strip()}")
    return done.stdout.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """Bare git with the options of ssh that the plugin gives, in one repository."""

    folder: Path
    key: Path
    known_hosts: Path

    def lists(self, url: str) -> float:
        """Give the seconds of `git ls-remote` over a connection of its own."""
        return self._seconds("ls-remote", url, environment=self._environment())

    def pushes(self, url: str, commit: str) -> float:
        """Give the seconds of `git push` over a connection of its own."""
        return self._seconds("push", "--quiet", url, f"{commit}:refs/heads/main", environment=self._environment())

    def lists_and_pushes(self, url: str, commit: str) -> tuple[float, float]:
        """Give the seconds of both, over one connection, which is closed when the clock has stopped."""
        with self._shared() as options:
            environment = self._environment(*options)
            listing = self._seconds("ls-remote", url, environment=environment)
            return listing, self._seconds("push", "--quiet", url, f"{commit}:refs/heads/main", environment=environment)

    @contextmanager
    def _shared(self) -> Iterator[tuple[str, ...]]:
        place = self.known_hosts.with_name("control")
        try:
            yield ("ControlMaster=auto", f"ControlPath={place}", "ControlPersist=60")
        finally:
            subprocess.run(["ssh", "-F", os.devnull, "-o", f"ControlPath={place}", "-O", "exit", "x"], check=True, capture_output=True)

    def _environment(self, *more: str) -> dict[str, str]:
        options = (
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "BatchMode=yes",
            "PreferredAuthentications=publickey",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self.known_hosts}",
            f"GlobalKnownHostsFile={os.devnull}",
            "UpdateHostKeys=no",
            "ConnectTimeout=20",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=4",
            "LogLevel=ERROR",
            *more,
        )
        argv = ["ssh", "-F", os.devnull, "-i", str(self.key), *(word for option in options for word in ("-o", option))]
        return {**ENVIRONMENT, "GIT_SSH_COMMAND": shlex.join(argv), "GIT_SSH_VARIANT": "ssh"}

    def _seconds(self, *arguments: str, environment: Mapping[str, str]) -> float:
        return timed(["git", *arguments], environment, self.folder).seconds
