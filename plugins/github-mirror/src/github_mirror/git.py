"""The git program: how it is run, with what environment, and how long it may take."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from github_mirror.errors import DeadlineOver, GitFailed
from plugin_kit import process
from plugin_kit.console import elapsed
from plugin_kit.errors import Cancelled, ProcessError
from plugin_kit.process import OnLine, Result, Stream

# Nothing of the step's settings, secrets and CI_* variables is any business of git's, of ssh's, or of the programs that they start.
_PASSED_ON = ("PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CONFIG: Mapping[str, str] = {
    "core.hooksPath": os.devnull,
    "credential.helper": "",
    # In command scope, since git takes it from no repository's own configuration.
    "safe.directory": "*",
    "protocol.version": "2",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # A transfer that stands still for a minute has broken down.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
}


class Deadline:
    """The one limit for all that a run does."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds = seconds
        self._end = clock() + seconds

    def left(self) -> float:
        """Give the seconds that are left; raises DeadlineOver when there are none."""
        left = self._end - self._clock()
        if left <= 0:
            raise self.over("the mirroring")
        return left

    def over(self, what: str) -> DeadlineOver:
        """Make the error that says what was stopped."""
        return DeadlineOver(
            f"{what} was stopped because the step's `timeout` of {elapsed(self._seconds)} is over",
            hint="the next run goes on from here; set a longer `timeout` where the repository needs it",
        )


def minimal_environment(home: Path) -> dict[str, str]:
    """Give the environment of git without anything secret: no prompt, no configuration of the machine or of a user."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    kept |= {name: os.environ[name] for low in _PROXIES for name in (low, low.upper()) if os.environ.get(name)}
    return {
        "PATH": _DEFAULT_PATH,
        **kept,
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        # What is not there is an error or a fetch of ours, never one by one behind our back.
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """The git program in one bare repository; `config` reaches it through the environment, so neither argv nor a file shows it."""

    folder: Path
    deadline: Deadline
    environment: Mapping[str, str] = field(repr=False)
    config: tuple[tuple[str, str], ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    def using(self, environment: Mapping[str, str] | None = None, config: Mapping[str, str] | None = None) -> Self:
        """Give a git that has more in its environment (of `Ssh`, say) or configuration; of two values for a key the later one counts."""
        return replace(
            self,
            environment={**self.environment, **(environment or {})},
            config=(*self.config, *(config or {}).items()),
        )

    def run(
        self,
        *arguments: str,
        input: str | bytes = b"",  # noqa: A002  as in subprocess.run
        timeout: float | None = None,
        on_line: OnLine | None = None,
        check: bool = True,
    ) -> Result:
        """Run a git command; of each stream the last MiB is kept.

        `timeout` shortens what is left of the deadline. Raises GitFailed (unless `check` is off), and DeadlineOver when the time is over.
        """
        left = self.deadline.left()
        limit = left if timeout is None else min(left, timeout)
        try:
            result = process.run(
                ["git", *arguments],
                env=self._whole_environment(),
                cwd=self.folder if self.folder.is_dir() else None,
                input=input,
                timeout=limit,
                on_line=on_line,
                check=False,
                secrets=self.secrets,
            )
        except Cancelled:
            raise
        except ProcessError:
            # Either it was stopped or never started; only the first takes time.
            if limit == left:
                self._raise_if_over(arguments[0])
            raise
        if check and result.returncode:
            raise GitFailed(arguments[0], result)
        return result

    def lines(self, *arguments: str, input: str | bytes = b"") -> list[str]:  # noqa: A002  as in subprocess.run
        """Run a git command and give all lines of its output, however long it is."""
        found: list[str] = []

        def take(stream: Stream, line: str) -> None:
            if stream == "stdout":
                found.append(line)

        self.run(*arguments, input=input, on_line=take)
        return found

    def succeeds(self, *arguments: str) -> bool:
        """Whether a git command ends with exit code 0."""
        return self.run(*arguments, check=False).returncode == 0

    def _raise_if_over(self, command: str) -> None:
        try:
            self.deadline.left()
        except DeadlineOver:
            raise self.deadline.over(f"git {command}") from None

    def _whole_environment(self) -> dict[str, str]:
        pairs = [*_CONFIG.items(), *self.config]
        numbered = {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(pairs)}
        numbered |= {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(pairs)}
        return {**self.environment, **numbered, "GIT_CONFIG_COUNT": str(len(pairs)), "GIT_DIR": str(self.folder)}


def make_bare(folder: Path, deadline: Deadline, environment: Mapping[str, str], *, branch: str = "main", sha256: bool = False) -> Git:
    """Make an empty bare repository and give its git."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    git = Git(folder=folder, deadline=deadline, environment=environment)
    # No template: it would bring the hooks that a distribution ships.
    git.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", *(["--object-format=sha256"] if sha256 else []))
    return git
