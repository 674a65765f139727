"""Programs that run beside this one and end with it, each with a log file of its own."""

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from devtools.errors import DevError


class Background:
    """A running program; `stop` ends it, and so does the death of this process, even by SIGKILL."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path) -> None:
        """`env` is the whole environment of the program."""
        # The kernel ends the program with the thread that started it, and only the main thread lives as long as the process.
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"{name} must be started in the main thread")
        self.name = name
        self.log = log
        with log.open("ab") as output:
            try:
                # A session of its own: Ctrl-C is for this process, which may need the program until the end of its clean-up.
                self._process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", *command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=env,
                    cwd=cwd,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise DevError("the program setpriv is missing", hint="install util-linux") from error

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def ended(self) -> int | None:
        """Return the exit code of a program that has ended."""
        return self._process.poll()

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the log, each cut where it is longer than a screen's line."""
        return "\n".join(line[:300] for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self, seconds: float) -> None:
        """End the program, after some seconds by force."""
        self._process.terminate()
        deadline = time.monotonic() + seconds
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
