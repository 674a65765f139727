"""The service: routes, and what each answers."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from market_gate import __version__, journal, openapi, query
from market_gate.answer import CalendarHealth, ClusterHealth, HealthAnswer, error_answer, gate_answer, rounded
from market_gate.clock import Clock, JumpWatch
from market_gate.connection import LONGEST_HEAD
from market_gate.decision import Because, Gate, NotGuardedError
from market_gate.metrics import CONTENT_TYPE, Metrics
from market_gate.page.page import HEADERS, PAUSED, render
from market_gate.page.snapshot import snapshot
from market_gate.records import Known, Records, Source
from market_gate.schedule import State
from market_gate.waiting import Promotions
from market_gate.words import duration

log = logging.getLogger("market_gate")

# Until the records have been read for the first time, it is not said to be ready; but a cluster that is gone must not keep it from that.
FIRST_READ = 1.0
# Far more than five names; what is longer was not made by Kargo.
LONGEST_ADDRESS = 4096

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Service:
    """The gate as a web service; it keeps nothing that matters."""

    def __init__(self, gate: Gate, records: Records, clock: Clock) -> None:
        self.gate = gate
        self.records = records
        self.clock = clock
        self.promotions = Promotions()
        calendar = gate.schedule.calendar
        self.metrics = Metrics(self, version=__version__, calendar=calendar.name, source=calendar.source)
        self._jumps = JumpWatch(clock)
        self._begun = clock.monotonic()

    def app(self) -> "Limits":
        """Return the ASGI application."""
        routes = [
            Route("/v1/gate", self.answer),
            Route("/healthz", self.health),
            Route("/healthz/live", self.live),
            Route("/healthz/ready", self.ready),
            Route("/metrics", self.numbers),
            Route("/openapi.json", self.description),
            Route("/", self.page),
        ]
        errors: dict[Any, Any] = {HTTPException: self.refused, Exception: self.broken}
        app = Starlette(routes=routes, exception_handlers=errors)
        # `/v1/gate/` is an address that is not there, and not a redirect: who reads JSON wants an answer.
        app.router.redirect_slashes = False
        return Limits(app, self)

    def market_state(self) -> State:
        """Return what the market does."""
        return self.gate.schedule.market(self.clock.now()).state

    def known(self) -> Known:
        """Return what is known of the cluster."""
        return self.records.known()

    def active_break_glass(self) -> int:
        """Return how many records are in force."""
        return len(self.known().records.active(self.clock.now()))

    def waiting(self) -> int:
        """Return how many promotions wait."""
        return len(self.promotions.waiting(self.clock.now()))

    async def answer(self, request: Request) -> Response:
        """Tell whether a promotion may run."""
        begun = self.clock.monotonic()
        self._look_at_the_clock()
        try:
            question = query.read(request.scope["query_string"])
            now, known = self.clock.now(), self.records.known()
            decision = self.gate.decide(question, known, now)
        except query.BadQueryError as error:
            return self.error(HTTPStatus.BAD_REQUEST, str(error))
        except NotGuardedError as error:
            log.warning("refused: %s", error)
            return self.error(HTTPStatus.NOT_FOUND, str(error))
        if self.promotions.note(decision, now) or decision.because is Because.BREAK_GLASS:
            journal.decided(decision)
        calendar = self.gate.schedule.calendar
        response = _json(gate_answer(decision, known, calendar=calendar.name, zone=calendar.zone))
        self.metrics.decided(decision, self.clock.monotonic() - begun)
        return response

    async def health(self, _request: Request) -> Response:
        """Say how calendar and cluster are."""
        health = self._health()
        return _json(health, HTTPStatus.OK if health.ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def live(self, _request: Request) -> Response:
        """Say that the process answers."""
        return _json(self._health())

    async def ready(self, request: Request) -> Response:
        """Say whether questions should be sent here."""
        return await self.health(request)

    async def numbers(self, _request: Request) -> Response:
        """Return the numbers for Prometheus."""
        return Response(self.metrics.text(), headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})

    async def description(self, _request: Request) -> Response:
        """Return the OpenAPI description."""
        return Response(openapi.text(), media_type="application/json")

    async def page(self, request: Request) -> Response:
        """Return the page."""
        now = self.clock.now()
        shown = snapshot(self.gate, self.records.known(), self.promotions.waiting(now), now)
        return HTMLResponse(render(shown, paused=request.url.query == PAUSED), headers=HEADERS)

    async def refused(self, _request: Request, error: Exception) -> Response:
        """Answer where there is no such address or method."""
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
        message = {
            HTTPStatus.NOT_FOUND: "there is nothing at this address; the gate is at /v1/gate",
            HTTPStatus.METHOD_NOT_ALLOWED: "only GET is answered here",
        }.get(HTTPStatus(status), HTTPStatus(status).phrase)
        return self.error(status, message, headers=dict(getattr(error, "headers", None) or {}))

    async def broken(self, _request: Request, _error: Exception) -> Response:
        """Answer where the gate itself failed; the log has the traceback."""
        return self.error(HTTPStatus.INTERNAL_SERVER_ERROR, "the gate failed on this question, and what it can't answer is not allowed")

    def error(self, status: int, message: str, *, headers: dict[str, str] | None = None) -> Response:
        """Answer with an error."""
        self.metrics.failed(status)
        return _json(error_answer(status, message), status, headers=headers)

    def _look_at_the_clock(self) -> None:
        jump = self._jumps.look()
        if jump is not None:
            ahead = "forward" if jump > timedelta(0) else "back"
            log.warning("the clock was set %s by %s; the gate decides by the time that it shows now", ahead, duration(abs(jump)))

    def _health(self) -> HealthAnswer:
        known, calendar = self.known(), self.gate.schedule.calendar
        market = self.gate.schedule.market(self.clock.now())
        ready = known.source is not Source.STARTING or self.clock.monotonic() - self._begun >= FIRST_READ
        fine = market.state is not State.UNKNOWN and known.source in {Source.CURRENT, Source.OFF} and not known.clocks_differ
        return HealthAnswer(
            status="starting" if not ready else "ok" if fine else "degraded",
            live=True,
            ready=ready,
            version=__version__,
            calendar=CalendarHealth(
                name=calendar.name,
                source=calendar.source,
                known=market.state is not State.UNKNOWN,
                state=market.state,
                problem=market.why,
            ),
            cluster=ClusterHealth(
                source=known.source,
                age_s=rounded(known.age),
                unreachable_since=known.since,
                problem=known.problem,
                records=len(known.records.by_name),
                clock_skew_s=rounded(known.skew),
            ),
        )


class Limits:
    """Refuses what no question needs: a body, which would have to be read before the next question, and long addresses and headers.

    The connection refuses those, too, but only where they don't arrive at once.
    """

    def __init__(self, app: Starlette, service: Service) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is within the limits."""
        problem = _beyond(scope) if scope["type"] == "http" else None
        if problem is None:
            await self.app(scope, receive, send)
            return
        response = self.service.error(*problem, headers={"connection": "close"})
        await response(scope, receive, send)


def _beyond(scope: Scope) -> tuple[HTTPStatus, str] | None:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if any(name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0") for name, value in headers):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a question is asked by GET and brings no body"
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
        return HTTPStatus.REQUEST_URI_TOO_LONG, f"the address is longer than {LONGEST_ADDRESS} characters"
    if sum(len(name) + len(value) for name, value in headers) > LONGEST_HEAD:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the headers are longer than {LONGEST_HEAD} characters"
    return None


def _json(answer: BaseModel, status: int = HTTPStatus.OK, *, headers: dict[str, str] | None = None) -> Response:
    return Response(
        answer.model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store", **(headers or {})},
    )
