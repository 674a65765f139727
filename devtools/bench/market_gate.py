"""The bench of market-gate: how soon it is ready, how fast it answers, and what it holds in memory, with 10,000 old records and without."""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from statistics import median

from devtools import progress
from devtools.bench.market_gate_cluster import record, stand_in
from devtools.bench.results import Number
from devtools.controlplane.plane import free_ports
from devtools.errors import DevError
from plugin_kit.console import Console

RATE = 100
OLD_RECORDS = 10_000
CONNECTIONS = 16
CONFIG = """
projects: {{shop-cd: {{stages: {{paper: {{}}, live: {{}}}}}}}}
listen: 127.0.0.1:{port}
margin: 15m
windows: [{{name: batch, kind: blocked, days: [friday], from: "18:00", until: "20:00"}}]
display_zones: [Europe/Berlin]
"""
_QUESTION = b"GET /v1/gate?project=shop-cd&stage=paper&promotion=paper.%d&rollback=false HTTP/1.1\r\nHost: gate\r\n\r\n"
_READY_SECONDS = 60
_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often, and for how long."""

    starts: int = 7
    seconds: int = 30


QUICK = Effort(starts=3, seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Seconds of each answer, from the moment at which the question was due."""

    seconds: tuple[float, ...]

    def at(self, share: float) -> float:
        """Return the time within which this share of the answers came, in milliseconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A gate in one situation."""

    starts: tuple[float, ...]
    """Seconds from the start of the process until it says that it is ready."""
    answers: Answers
    rss: float
    """The peak of the resident memory, in MB."""


def measure(*, quick: bool) -> None:
    """Measure everything and print it; nothing stays behind."""
    effort = QUICK if quick else Effort()
    if quick:
        progress.say("--quick: few repetitions; these numbers are for development only")
    with tempfile.TemporaryDirectory(prefix="bench-") as name, stand_in() as cluster:
        folder = Path(name)
        with progress.step("without records"):
            bare = _situation(folder, "records: none\n", {}, effort)
        yesterday = datetime.now(UTC) - timedelta(days=1)
        for number in range(OLD_RECORDS):
            cluster.world.put(record(f"old-{number:05}", now=yesterday - timedelta(minutes=number)))
        cluster.world.events.clear()
        with progress.step(f"with {OLD_RECORDS} expired records"):
            full = _situation(folder, "", {"KUBECONFIG": str(cluster.kubeconfig(folder))}, effort)
    _print({"no records": bare, f"{OLD_RECORDS} records": full})


def _print(situations: dict[str, Measured]) -> None:
    console = Console()
    rows = [
        [
            name,
            f"{median(each.starts):.2f}",
            f"{max(each.starts):.2f}",
            f"{each.rss:.0f}",
            *(f"{each.answers.at(share):.2f}" for share in (0.5, 0.95, 0.99, 1.0)),
        ]
        for name, each in situations.items()
    ]
    headers = ["", "ready s", "slowest", "RSS MB", "p50 ms", "p95 ms", "p99 ms", "slowest"]
    console.info("")
    console.table(headers, rows, align="lrrrrrrr", title=f"market-gate on this machine, {RATE} questions a second over loopback")
    console.info("")
    worst = situations.values()
    numbers = [
        Number(key="p99_ms", value=round(max(each.answers.at(0.99) for each in worst), 2), limit=10, unit=" ms"),
        Number(key="start_s", value=round(max(median(each.starts) for each in worst), 2), limit=1.5, unit=" s"),
        Number(key="rss_mb", value=round(max(each.rss for each in worst)), limit=120, unit=" MB"),
    ]
    targets = [[each.key, f"{each.value:g}", each.target, "met" if each.met else "MISSED"] for each in numbers]
    console.table(["number", "measured", "target", ""], targets, align="lrll", title="Against the targets")
    progress.say(json.dumps({each.key: each.value for each in numbers}))


def _situation(folder: Path, more: str, environment: dict[str, str], effort: Effort) -> Measured:
    starts: list[float] = []
    for _ in range(effort.starts - 1):
        with _running(folder, more, environment) as gate:
            starts.append(gate.ready)
    with _running(folder, more, environment) as gate:
        starts.append(gate.ready)
        answers = asyncio.run(_ask(gate.port, effort.seconds))
        rss = gate.peak()
    return Measured(starts=tuple(starts), answers=answers, rss=rss)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gate:
    pid: int
    port: int
    ready: float

    def peak(self) -> float:
        """Read the peak of the resident memory, in MB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / _KIB


@contextmanager
def _running(folder: Path, more: str, environment: dict[str, str]) -> Iterator[_Gate]:
    port = free_ports(1)[0]
    config, log = folder / "config.yaml", folder / "log"
    config.write_text(CONFIG.format(port=port) + more)
    begun = time.monotonic()
    with log.open("w") as out:
        command = [sys.executable, "-m", "market_gate", "--config", str(config)]
        child = subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=out)
    try:
        while not _ready(port):
            if child.poll() is not None or time.monotonic() - begun > _READY_SECONDS:
                raise DevError(f"market-gate did not become ready:\n{log.read_text()}")
            time.sleep(0.005)
        yield _Gate(pid=child.pid, port=port, ready=time.monotonic() - begun)
    finally:
        child.terminate()
        child.wait()


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    connection.close()
    return False


async def _ask(port: int, seconds: int) -> Answers:
    """Ask at a steady rate, whether or not the last answer has come: who waits in a queue is measured, too."""
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    taken: list[float] = []
    loop = asyncio.get_running_loop()

    async def one(number: int, due: float) -> None:
        reader, writer = await idle.get()
        # As many promotions as a busy cluster has; each asks again and again.
        writer.write(_QUESTION % (number % 20))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise DevError(f"market-gate answered {head.decode()}")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(length)
        taken.append(loop.time() - due)
        idle.put_nowait((reader, writer))

    begun = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(RATE * seconds):
            due = begun + number / RATE
            await asyncio.sleep(max(0.0, due - loop.time()))
            group.create_task(one(number, due))
    while not idle.empty():
        idle.get_nowait()[1].close()
    return Answers(seconds=tuple(taken))
