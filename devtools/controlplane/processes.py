"""The processes of one control plane: started together, watched while something is waited for, stopped in reverse order."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from devtools.background import Background
from devtools.controlplane import programs
from devtools.errors import DevError

READY_SECONDS = 90.0
STOP_SECONDS = 5.0
_LOOK_SECONDS = 0.02


class PortTakenError(DevError):
    """Somebody took a port between the look for a free one and its use."""


class Processes:
    """Programs with their logs in one folder; leaving the context stops them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Background] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def start(self, name: str, options: Sequence[str]) -> None:
        """Start one of the programs that `devtools.controlplane.programs` builds."""
        # Not the person's environment: etcd and KWOK read settings from it, and KWOK a file in the home folder.
        env = {"HOME": str(self.folder), "PATH": os.environ.get("PATH", "")}
        command = [*programs.command(name), *options]
        program = Background(name, command, log=self.folder / f"{name}.log", env=env, cwd=self.folder)
        self.running.append(program)
        self._stack.callback(program.stop, STOP_SECONDS)

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """Wait until something is so while all the programs run; the error shows the ends of the logs."""
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            self._check()
            if time.monotonic() > deadline:
                last = "\n".join(f"{program.log}:\n{program.tail(8)}" for program in self.running)
                raise DevError(f"{READY_SECONDS:.0f} s were not enough: {what}\nThe ends of the logs:\n{last}")
            time.sleep(_LOOK_SECONDS)

    def _check(self) -> None:
        for program in self.running:
            code = program.ended()
            if code is None:
                continue
            kind = PortTakenError if "address already in use" in program.tail() else DevError
            raise kind(f"{program.name} ended with exit code {code}; the end of {program.log}:\n{program.tail()}")
