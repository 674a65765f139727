"""The real market-gate as a process, configured as the platform does it: killed and started again, it is found where it then is."""

import http.client
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from bootstrap.components.market_gate.configuration import configuration
from bootstrap.platform.platform import Platform
from devtools.background import Background
from devtools.errors import DevError

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_ANSWERS = re.compile(r" on 127\.0\.0\.1:(\d+)")
# Whatever the hour is at which a test runs: what a window of the test does not block is let through.
OTHERWISE_OPEN = {"name": "otherwise", "kind": "open", "from": "2000-01-01T00:00Z", "until": "2100-01-01T00:00Z"}
FREEZE = {"name": "freeze", "kind": "blocked", "from": "2000-01-01T00:00Z", "until": "2100-01-01T00:00Z", "reason": "the books are closed"}


@dataclass(slots=True, kw_only=True)
class GateProcess:
    """A gate, and what a Service in front of it would know: where it answers at the moment."""

    folder: Path
    platform: Platform
    kubeconfig: Path | None = None
    """Whose records of break-glass count; without one there are none."""
    port: int = 0
    starts: int = 0
    _program: Background | None = None

    def start(self, *windows: dict[str, str], **more: Any) -> None:  # noqa: ANN401  keys of the gate's configuration
        """Start it with these windows and wait until it is ready; one that still runs is killed."""
        self.kill()
        records = {"records": "cluster" if self.kubeconfig else "none"}
        config = {**yaml.safe_load(configuration(self.platform)), "listen": "127.0.0.1:0", **records, **more}
        self.starts += 1
        file = self.folder / f"{self.starts}.yaml"
        file.write_text(yaml.safe_dump({**config, "windows": [*config.get("windows", ()), *windows]}), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name not in {"KUBECONFIG", "KUBERNETES_SERVICE_HOST"}}
        if self.kubeconfig:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        command = [sys.executable, "-m", "market_gate", "--config", str(file)]
        program = self._program = Background("market-gate", command, log=self._log, env=environment, cwd=self.folder)
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if program.ended() is not None or time.monotonic() > deadline:
                raise DevError(f"market-gate does not get ready; the end of its log:\n{program.tail()}")
            time.sleep(_LOOK_SECONDS)

    def kill(self) -> None:
        """Kill it at once, where it runs."""
        if self._program is not None and self._program.ended() is None:
            os.kill(self._program.pid, signal.SIGKILL)
            self._program.stop(STOP_SECONDS)

    def address(self) -> tuple[str, int]:
        """Return where its Service leads, also where nobody is there."""
        return "127.0.0.1", self.port

    def log(self) -> Sequence[str]:
        """Return what the last one has written."""
        return self._log.read_text(encoding="utf-8").splitlines()

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.starts}.log"

    def _is_ready(self) -> bool:
        found = _ANSWERS.search(self._log.read_text(encoding="utf-8"))
        if found is None:
            return False
        self.port = int(found[1])
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz/ready")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def gate_process(folder: Path, platform: Platform, *, kubeconfig: Path | None = None) -> Iterator[GateProcess]:
    """Prepare a gate that ends with the block."""
    gate = GateProcess(folder=folder, platform=platform, kubeconfig=kubeconfig)
    try:
        yield gate
    finally:
        gate.kill()
