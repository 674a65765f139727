"""Asking the market gate about another moment; no promotion is let through by that."""

import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from bootstrap.components.market_gate.address import NAME
from bootstrap.core.errors import BootstrapError, ClusterError
from bootstrap.core.objects import Ref
from bootstrap.gitea.errors import WebError
from bootstrap.verify.scene import Scene
from bootstrap.verify.web import web

_PATH = "/v1/gate"


class GateError(BootstrapError):
    """The gate can't be asked."""


def ask(scene: Scene, project: str, stage: str, at: datetime) -> Mapping[str, Any]:
    """Ask whether a promotion might run at a moment; GateError where there is no answer that says so."""
    query = {"project": project, "stage": stage, "at": at.isoformat()}
    status, text = _by_name(scene, query) if scene.platform.market_gate.host else _through(scene, query)
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if status == HTTPStatus.OK and isinstance(said, Mapping) and isinstance(said.get("would_allow"), bool):
        return said
    namespace = scene.platform.market_gate.namespace
    look = f"kubectl -n {namespace} get pods -l app.kubernetes.io/name={NAME}"
    if isinstance(said, Mapping) and "reason" in said and said.get("kind") != "Status":
        hint = f"bootstrap up gives it its configuration; it must know {stage} of {project}"
        raise GateError(f"the gate answers {status}: {said['reason']}", hint=hint)
    why = said.get("message") if isinstance(said, Mapping) else ""
    raise GateError(
        f"the gate does not answer ({status}{f', {why}' if why else ''})",
        hint=f"{look}; where a NetworkPolicy keeps the API server from asking it, give it a name: `market_gate.host`",
    )


def when(moment: datetime, scene: Scene) -> str:
    """Write a moment in the time of the exchange."""
    return f"{moment.astimezone(ZoneInfo(scene.platform.market_gate.zone)):%a %d %b %H:%M:%S} New York"


def _by_name(scene: Scene, query: Mapping[str, str]) -> tuple[int, str]:
    client = web(scene.context, f"https://{scene.platform.market_gate.host}", "market-gate", "market_gate")
    try:
        response = client.request("GET", f"{_PATH}?{urlencode(query)}")
    except WebError as error:
        raise GateError(error.message, hint=_pods(scene)) from error
    return response.status_code, response.text


def _through(scene: Scene, query: Mapping[str, str]) -> tuple[int, str]:
    service = Ref(api_version="v1", kind="Service", name=NAME, namespace=scene.platform.market_gate.namespace)
    try:
        return scene.context.cluster.ask(service, _PATH, params=query)
    except ClusterError as error:
        raise GateError(f"the gate can't be asked through the API server: {error.message}", hint=_pods(scene)) from error


def _pods(scene: Scene) -> str:
    return f"kubectl -n {scene.platform.market_gate.namespace} get pods,service {NAME}; bootstrap status"
