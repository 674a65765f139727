"""The process as Kubernetes runs it: how it begins, what it says, and how it ends."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from devtools.bench.market_gate_cluster import StandIn, record
from market_gate.app import Service
from tests.market_gate.conftest import Running, Time, running
from tests.support.processes import wait_for

CONFIG = "projects: {shop-cd: {stages: {paper: , live: }}}\nlisten: 127.0.0.1:0\n"
STARTED = re.compile(r"market-gate [\d.]+ on 127\.0\.0\.1:(\d+)")


class Process:
    """A gate of its own."""

    def __init__(self, folder: Path, config: str, **environment: str) -> None:
        (folder / "config.yaml").write_text(config)
        self.log = folder / "log"
        kept = {name: value for name, value in os.environ.items() if name not in {"KUBECONFIG", "KUBERNETES_SERVICE_HOST"}}
        with self.log.open("w") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "market_gate"],
                env={**kept, "MARKET_GATE_CONFIG": str(folder / "config.yaml"), **environment},
                stdout=log,
                stderr=log,
            )

    def port(self) -> int:
        """Wait until it serves."""
        assert wait_for(lambda: self.child.poll() is not None or STARTED.search(self.log.read_text()) is not None, seconds=30)
        found = STARTED.search(self.log.read_text())
        assert found is not None, self.log.read_text()
        port = int(found[1])
        assert wait_for(lambda: answers(port), seconds=30), self.log.read_text()
        return port

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.child.send_signal(number)
        return self.child.wait(10)


def answers(port: int) -> bool:
    """Tell whether it is ready."""
    with suppress(OSError):
        return get(port, "/healthz")[0] == 200
    return False


def get(port: int, path: str) -> tuple[int, dict[str, Any]]:
    """Ask it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Launch gates that end with the test."""
    processes: list[Process] = []

    def begin(config: str = CONFIG + "records: none\n", **environment: str) -> Process:
        folder = tmp_path / str(len(processes))
        folder.mkdir()
        processes.append(Process(folder, config, **environment))
        return processes[-1]

    yield begin
    for each in processes:
        if each.child.poll() is None:
            each.child.kill()
        each.child.wait(10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_ends_in_order(launch: Callable[..., Process], number: int) -> None:
    """Exit code 0, with idle and half-finished connections open."""
    process = launch()
    port = process.port()
    idle, half = (socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(2))
    with idle, half:
        half.sendall(b"GET /v1/ga")
        assert get(port, "/v1/gate?project=shop-cd&stage=paper")[0] == 200
        assert process.end(number) == 0
    assert "Traceback" not in process.log.read_text()
    assert process.log.read_text().splitlines()[-1].endswith("ended")


def test_what_has_begun_is_answered_before_it_ends(clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """A promotion must not fail because a pod is replaced."""
    asked = threading.Event()
    usual = Service.answer

    async def slow(self: Service, request: Request) -> Response:
        asked.set()
        await asyncio.sleep(0.3)
        return await usual(self, request)

    monkeypatch.setattr(Service, "answer", slow)
    replies: list[dict[str, Any]] = []
    with running(clock) as gate:
        asking = threading.Thread(target=lambda: replies.append(gate.ask()))
        asking.start()
        assert asked.wait(10)
    asking.join(10)
    assert [reply["because"] for reply in replies] == ["market-open"]


def test_killed_and_begun_again_it_knows_every_record(launch: Callable[..., Process], cluster: StandIn, tmp_path: Path) -> None:
    """It keeps nothing itself; a window blocks at all hours, so that break-glass is needed whenever this runs."""
    always = "windows: [{name: always, kind: blocked, from: 2000-01-01T00:00, until: 2100-01-01T00:00}]\n"
    cluster.world.put(record("paper-1", now=datetime.now(UTC)))
    for _ in range(2):
        process = launch(CONFIG + always, KUBECONFIG=str(cluster.kubeconfig(tmp_path)))
        status, answer = get(process.port(), "/v1/gate?project=shop-cd&stage=paper&promotion=paper.01")
        assert (status, answer["allow"], answer["break_glass"]["operator"]) == (200, True, "anna")
        process.end(signal.SIGKILL)
        assert "break-glass shop-cd/paper paper.01: break-glass by anna until" in process.log.read_text()


def test_without_a_cluster_it_begins_all_the_same(launch: Callable[..., Process], cluster: StandIn, tmp_path: Path) -> None:
    """A gate that does not answer would be worse: Kargo would fail what it now holds."""
    cluster.stop()
    process = launch(KUBECONFIG=str(cluster.kubeconfig(tmp_path)), config=CONFIG)
    assert get(process.port(), "/healthz")[1]["cluster"]["source"] == "unreachable"


def test_the_log_can_be_json(launch: Callable[..., Process]) -> None:
    """One object per line, from the first line on."""
    process = launch(CONFIG + "records: none\nlog: json\n")
    assert wait_for(lambda: "on 127.0.0.1" in process.log.read_text(), seconds=30)
    port = int(json.loads(process.log.read_text().splitlines()[0])["message"].split(":")[1].split(";")[0])
    assert wait_for(lambda: answers(port), seconds=30)
    get(port, "/v1/gate?project=shop-cd&stage=paper&promotion=paper.01")
    assert process.end() == 0
    lines = [json.loads(line) for line in process.log.read_text().splitlines()]
    decision = next(line for line in lines if "decision" in line)
    assert (decision["project"], decision["stage"], decision["promotion"]) == ("shop-cd", "paper", "paper.01")


@pytest.mark.parametrize(
    ("config", "code", "says"),
    [
        (CONFIG + "marginn: 5m\n", 2, "marginn: unknown key; did you mean margin?"),
        (CONFIG, 2, "this is no pod and KUBECONFIG names no file"),
        (CONFIG.replace("127.0.0.1:0", "192.0.2.1:80") + "records: none\n", 1, "192.0.2.1:80 can't be listened on"),
    ],
)
def test_what_keeps_it_from_serving_is_a_sentence(launch: Callable[..., Process], config: str, code: int, says: str) -> None:
    """With what to do, and without a traceback."""
    process = launch(config)
    assert process.child.wait(30) == code
    assert says in process.log.read_text()
    assert "Traceback" not in process.log.read_text()


def test_a_configuration_can_be_checked(tmp_path: Path) -> None:
    """Before it is rolled out."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    command = [sys.executable, "-m", "market_gate", "--check", "--config", str(tmp_path / "config.yaml")]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "config.yaml is in order; XNYS is " in run.stdout


def test_it_answers_as_a_gate_of_its_own_clock(gate: Running) -> None:
    """The clock of these tests is no setting: it is handed to the constructor."""
    assert gate.ask()["time"] == "2026-11-18T11:00:00-05:00"
