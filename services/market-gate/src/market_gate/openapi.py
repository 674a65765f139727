"""The OpenAPI description, made of the types of the answers."""

import json
from functools import lru_cache
from typing import Any

from pydantic.json_schema import models_json_schema

from market_gate import __version__
from market_gate.answer import ErrorAnswer, GateAnswer, HealthAnswer
from market_gate.config import NAME

_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "project",
        "in": "query",
        "required": True,
        "description": "The Kargo project.",
        "schema": {"type": "string", "pattern": NAME},
    },
    {
        "name": "stage",
        "in": "query",
        "required": True,
        "description": "The Kargo stage.",
        "schema": {"type": "string", "pattern": NAME},
    },
    {
        "name": "promotion",
        "in": "query",
        "required": False,
        "allowEmptyValue": True,
        "description": "The Kargo promotion that asks; it stands in the log and on the page.",
        "schema": {"type": "string"},
    },
    {
        "name": "rollback",
        "in": "query",
        "required": False,
        "allowEmptyValue": True,
        "description": "Whether the promotion goes back to an older commit.",
        "schema": {"type": "string", "enum": ["", "false", "true"]},
    },
    {
        "name": "at",
        "in": "query",
        "required": False,
        "allowEmptyValue": True,
        "description": "Another moment to answer for; then `allow` is false and `would_allow` is the answer.",
        "schema": {"type": "string", "examples": ["2026-11-23T10:00:00-05:00"]},
    },
]
_ERRORS = {
    "400": "The question is malformed.",
    "404": "Nobody configured the project or the stage.",
    "405": "Another method than GET.",
    "408": "The request was not complete in time.",
    "413": "The request brings a body.",
    "414": "The request line is too long.",
    "431": "The headers are too long.",
    "500": "The gate failed.",
    "503": "Too many connections.",
}


def document() -> dict[str, Any]:
    """Return the description."""
    models = (GateAnswer, ErrorAnswer, HealthAnswer)
    _, schemas = models_json_schema([(model, "serialization") for model in models], ref_template="#/components/schemas/{model}")
    health = {"200": _body("It is ready.", "HealthAnswer"), "503": _body("It has only just begun.", "HealthAnswer")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "market-gate",
            "version": __version__,
            "description": "May a promotion run now? Whatever is not an answer with `allow: true` is a no.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/gate": {
                "get": {
                    "operationId": "gate",
                    "summary": "May this promotion run?",
                    "parameters": _PARAMETERS,
                    "responses": {
                        "200": _body("The answer.", "GateAnswer"),
                        **{status: _body(text, "ErrorAnswer") for status, text in _ERRORS.items()},
                    },
                }
            },
            "/healthz": {"get": {"operationId": "health", "summary": "How the gate is.", "responses": health}},
            "/healthz/ready": {"get": {"operationId": "ready", "summary": "Whether questions should be sent here.", "responses": health}},
            "/healthz/live": {
                "get": {"operationId": "live", "summary": "Whether it answers.", "responses": {"200": _body("It does.", "HealthAnswer")}}
            },
            "/metrics": {
                "get": {"operationId": "metrics", "summary": "Numbers for Prometheus.", "responses": {"200": _text("text/plain")}}
            },
            "/": {"get": {"operationId": "page", "summary": "The state for people.", "responses": {"200": _text("text/html")}}},
            "/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This description.",
                    "responses": {"200": {"description": "It.", "content": {"application/json": {"schema": {"type": "object"}}}}},
                }
            },
        },
        "components": {"schemas": schemas["$defs"]},
    }


@lru_cache(maxsize=1)
def text() -> str:
    """Return the description as JSON."""
    return json.dumps(document())


def _body(description: str, model: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}}


def _text(kind: str) -> dict[str, Any]:
    return {"description": "The text.", "content": {kind: {"schema": {"type": "string"}}}}
