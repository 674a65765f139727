"""The real market-gate as a process, configured as the platform does it: killed and started again, it is found where it then is."""

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from bootstrap.components.market_gate.configuration import configuration
from bootstrap.platform.platform import Platform
from tests.support.processes import wait_for

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
    port: int = 0
    child: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self, *windows: dict[str, str], **more: Any) -> None:  # noqa: ANN401  keys of the gate's configuration
        """Start it with these windows and wait until it is ready; one that still runs has to be killed before."""
        assert self.child is None or self.child.poll() is not None
        records = {"records": "cluster" if self.kubeconfig else "none"}
        config = {**yaml.safe_load(configuration(self.platform)), "listen": "127.0.0.1:0", **records, **more}
        self.starts += 1
        file, log = self.folder / f"{self.starts}.yaml", self.folder / f"{self.starts}.log"
        file.write_text(yaml.safe_dump({**config, "windows": [*config.get("windows", ()), *windows]}))
        environment = {name: value for name, value in os.environ.items() if name not in {"KUBECONFIG", "KUBERNETES_SERVICE_HOST"}}
        if self.kubeconfig:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        with log.open("w") as out:
            command = [sys.executable, "-m", "market_gate", "--config", str(file)]
            child = self.child = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        assert wait_for(lambda: child.poll() is not None or _ANSWERS.search(log.read_text()) is not None, seconds=30)
        found = _ANSWERS.search(log.read_text())
        assert found is not None, log.read_text()
        self.port = int(found[1])
        assert wait_for(self._is_ready, seconds=30), log.read_text()

    def kill(self) -> None:
        """Kill it at once."""
        assert self.child is not None
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(10)

    def address(self) -> tuple[str, int]:
        """Return where its Service leads, also where nobody is there."""
        return "127.0.0.1", self.port

    def log(self) -> Sequence[str]:
        """Return what the last one has written."""
        return (self.folder / f"{self.starts}.log").read_text().splitlines()

    def _is_ready(self) -> bool:
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
    """Prepare a gate that ends with the test."""
    gate = GateProcess(folder=folder, platform=platform, kubeconfig=kubeconfig)
    try:
        yield gate
    finally:
        if gate.child is not None and gate.child.poll() is None:
            gate.kill()
