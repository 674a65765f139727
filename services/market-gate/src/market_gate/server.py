"""The process: everything put together, served until a signal comes."""

import logging
import signal
import socket
from types import FrameType

import uvicorn

from market_gate import __version__, access
from market_gate.app import Service
from market_gate.clock import SystemClock
from market_gate.config import Config
from market_gate.connection import IDLE_SECONDS, LONGEST_HEAD, Connection
from market_gate.decision import Gate
from market_gate.errors import GateError
from market_gate.nyse import NewYork
from market_gate.records import NoRecords
from market_gate.schedule import Schedule, State
from market_gate.watch import ClusterRecords

log = logging.getLogger("market_gate")

# Answers take milliseconds; what is not done by then hangs.
LAST_SECONDS = 3


def gate_of(config: Config) -> Gate:
    """Put hours and windows together."""
    windows = tuple(each.window() for each in config.windows)
    return Gate(config=config, schedule=Schedule(calendar=NewYork(config.calendar), windows=windows, margin=config.margin))


def settings(service: Service) -> uvicorn.Config:
    """Return what uvicorn is to do, and within which limits."""
    return uvicorn.Config(
        service.app(),
        http=Connection,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=LAST_SECONDS,
    )


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT; what has begun is answered before."""
    # uvicorn raises the signal again when it is done, which would make a failure of an ordinary end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ended)
    clock = SystemClock()
    records: NoRecords | ClusterRecords = NoRecords()
    if config.records == "cluster":
        records = ClusterRecords(access.find(), namespace=config.namespace, longest=config.longest_break_glass, clock=clock)
        records.start()
    try:
        gate = gate_of(config)
        service = Service(gate, records, clock)
        with listener(config.host, config.port) as door:
            host, port = door.getsockname()[:2]
            log.info("market-gate %s on %s:%d; %s, %s", __version__, host, port, gate.schedule.calendar.source, _guarded(config))
            state = gate.schedule.market(clock.now()).state
            level = logging.ERROR if state is State.UNKNOWN else logging.INFO
            log.log(level, "%s is %s", config.calendar, gate.state_in_words(clock.now()))
            uvicorn.Server(settings(service)).run(sockets=[door])
        log.info("ended")
    finally:
        if isinstance(records, ClusterRecords):
            records.stop()


def listener(host: str, port: int) -> socket.socket:
    """Take the port; GateError where it can't be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=512, dualstack_ipv6=host == "::")
    except OSError as error:
        raise GateError(f"{host}:{port} can't be listened on: {error.strerror or error}", hint="`listen:` names address and port") from None


def _guarded(config: Config) -> str:
    stages = [f"{project}/{stage}" for project, guarded in config.projects.items() for stage in guarded.stages]
    return f"guarding {', '.join(stages)}"


def _ended(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: see `serve`."""
