"""A gate that serves on a port of its own, with a clock that the test sets."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvicorn

from devtools.bench.market_gate_cluster import StandIn, stand_in
from market_gate import server
from market_gate.app import Service
from market_gate.config import Config
from market_gate.records import NoRecords, Records
from tests.support.processes import wait_for

# A Wednesday on which the market trades; 11:00 in New York.
TRADING = datetime(2026, 11, 18, 16, 0, tzinfo=UTC)
# The evening before.
CLOSED = datetime(2026, 11, 18, 0, 0, tzinfo=UTC)
PROJECTS = {"shop-cd": {"stages": {"paper": {}, "live": {"rollback": "allow"}}}, "bank-cd": {"stages": {"live": {}}}}


@dataclass(slots=True)
class Time:
    """A clock that stands still until it is set."""

    day: datetime = TRADING
    passed: float = 1000.0

    def now(self) -> datetime:
        """Return the time of day."""
        return self.day

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self.passed

    def go(self, by: timedelta) -> None:
        """Let time pass."""
        self.day += by
        self.passed += by.total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of the gate."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, which must be JSON."""
        assert self.headers["content-type"] == "application/json"
        content = json.loads(self.body)
        assert isinstance(content, dict)
        return content


@dataclass(slots=True)
class Running:
    """A gate that serves."""

    service: Service
    port: int

    def get(self, path: str, *, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Ask it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Reply(
                status=response.status, headers={name.lower(): value for name, value in response.getheaders()}, body=response.read()
            )
        finally:
            connection.close()

    def ask(self, **parameters: str) -> dict[str, Any]:
        """Ask the gate about a promotion to shop-cd's paper and return its answer, which must be one."""
        query = "&".join(f"{name}={value}" for name, value in {"project": "shop-cd", "stage": "paper", **parameters}.items())
        reply = self.get(f"/v1/gate?{query}")
        assert reply.status == 200, reply.body
        return reply.json


class QuietServer(uvicorn.Server):
    """Leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


@contextmanager
def running(clock: Time, records: Records | None = None, **config: object) -> Iterator[Running]:
    """Serve a gate of a configuration."""
    content = Config.model_validate({"projects": PROJECTS, **config})
    service = Service(server.gate_of(content), records or NoRecords(), clock)
    with server.listener("127.0.0.1", 0) as door:
        uvicorn_server = QuietServer(server.settings(service))
        thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            assert wait_for(lambda: uvicorn_server.started)
            yield Running(service, door.getsockname()[1])
        finally:
            uvicorn_server.should_exit = True
            thread.join(10)
    assert not thread.is_alive()


@dataclass(slots=True)
class Starter:
    """Starts gates that end with the test."""

    clock: Time
    _stack: ExitStack = field(default_factory=ExitStack)

    def __call__(self, records: Records | None = None, **config: object) -> Running:
        """Start one."""
        return self._stack.enter_context(running(self.clock, records, **config))


@pytest.fixture
def clock() -> Time:
    """Give the clock of the test's gate."""
    return Time()


@pytest.fixture
def start(clock: Time) -> Iterator[Callable[..., Running]]:
    """Start gates of the test's configuration."""
    starter = Starter(clock)
    with starter._stack:
        yield starter


@pytest.fixture
def gate(start: Callable[..., Running]) -> Running:
    """Give a gate of the usual configuration."""
    return start()


@pytest.fixture
def cluster() -> Iterator[StandIn]:
    """Run a stand-in for the API server."""
    with stand_in() as standing:
        yield standing
