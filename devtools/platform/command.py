"""The real command line of bootstrap, as a child process."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What has come of a command."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """How commands are started: in the folder of platform.yaml, with the cluster and Helm found in the environment."""

    folder: Path
    environment: Mapping[str, str]
    program: Sequence[str] = (sys.executable, "-m", "bootstrap")

    def run(self, *arguments: str) -> Done:
        """Run `bootstrap ARGUMENTS` to its end."""
        # Read from a file that is no terminal: nobody is asked.
        done = subprocess.run(
            [*self.program, *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        return Done(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    @contextmanager
    def started(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """Start `bootstrap ARGUMENTS`, both outputs in one pipe; what still runs at the end of the block is killed."""
        with subprocess.Popen(
            [*self.program, *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child:
            try:
                yield child
            finally:
                child.kill()
