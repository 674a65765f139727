"""The OpenAPI description is one, and says what is really answered."""

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from market_gate.records import Source
from tests.market_gate.conftest import CLOSED, TRADING, Running, Time
from tests.market_gate.test_gate import Told, a_record

WINDOW = {"name": "freeze", "kind": "blocked", "from": "2026-11-21T00:00", "until": "2026-11-22T00:00"}
GATE = "/v1/gate?project=shop-cd&stage=paper"


@pytest.fixture
def described(gate: Running) -> dict[str, Any]:
    """Read the description as a program does."""
    return gate.get("/openapi.json").json


def check(described: dict[str, Any], path: str, status: int, answer: dict[str, Any]) -> None:
    """Check an answer against what the description says about it."""
    content = described["paths"][path]["get"]["responses"][str(status)]["content"]
    schema = {**content["application/json"]["schema"], "components": described["components"]}
    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(answer)]
    assert errors == []


def test_it_is_openapi(described: dict[str, Any]) -> None:
    """By the specification's own schema."""
    validate(described)


def test_every_address_is_described(described: dict[str, Any], gate: Running) -> None:
    """And none that is not there."""
    assert all(gate.get(path).status in {200, 400} for path in described["paths"])
    assert set(described["paths"]) == {route.path for route in gate.service.app().app.routes}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "query",
    [
        f"{GATE}&promotion=paper.01&rollback=false",
        f"{GATE}&at=2026-11-22T12:00:00Z",
        f"{GATE}&at=2026-11-21T12:00:00Z",
        f"{GATE}&at=2101-11-21T12:00:00Z",
        "/v1/gate?project=shop-cd&stage=live&rollback=true",
    ],
)
@pytest.mark.parametrize("source", Source)
def test_answers_are_as_described(described: dict[str, Any], start: Callable[..., Running], query: str, source: Source) -> None:
    """Held, allowed, blocked by a window, not known, by break-glass; with the cluster and without."""
    since = TRADING if source is Source.UNREACHABLE else None
    gate = start(Told(a_record(), source=source, since=since), windows=[WINDOW])
    check(described, "/v1/gate", 200, gate.get(query).json)
    health = gate.get("/healthz")
    check(described, "/healthz", health.status, health.json)


@pytest.mark.parametrize(("path", "status"), [("/v1/gate", 400), (f"{GATE}x", 404), (f"{GATE}&promotion={'a' * 5000}", 414)])
def test_errors_are_as_described(described: dict[str, Any], gate: Running, path: str, status: int) -> None:
    """With `allow: false`, as every answer has one."""
    reply = gate.get(path)
    assert reply.status == status
    check(described, "/v1/gate", status, reply.json)


def test_every_answer_to_a_program_may_not_be_kept(gate: Running, clock: Time) -> None:
    """A proxy that keeps an allow would open the gate."""
    clock.day = CLOSED
    assert all(
        gate.get(path).headers["cache-control"] == "no-store" for path in (GATE, "/v1/gate", "/healthz", "/metrics", "/", "/nothing")
    )
