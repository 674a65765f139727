"""The stand-in for Kargo in a container on a network, where the steps of a pipeline reach it."""

import http.client
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from docker.models.containers import Container

from devtools.containers import container_on, until
from devtools.errors import DevError
from devtools.paths import ROOT
from kargo_notify.freight import Freight

PORT = 8080
ALIAS = "kargo"
_PLACE = "/opt/devtools"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kargo:
    """A running stand-in: a project with one Warehouse, and a token that may read both."""

    container: Container
    inside: str
    """Its address on the network."""
    host: str
    """host:port on this machine."""
    project: str
    warehouse: str
    token: str = field(repr=False)


@contextmanager
def kargo(
    net: str, *, image: str, registry: str, watched: str, project: str = "demo-cd", warehouse: str = "demo-images", alias: str = ALIAS
) -> Iterator[Kargo]:
    """Start one whose Warehouse takes every full commit SHA among the tags of `registry`/`watched`, newest build first.

    `image` is any that has Python with its standard library.
    """
    token = secrets.token_urlsafe(24)
    sources = [ROOT / "devtools/__init__.py", *sorted((ROOT / "devtools/kargo").glob("*.py"))]
    files = {f"{_PLACE}/{file.relative_to(ROOT / 'devtools')}": file.read_bytes() for file in sources}
    names = [f"--project={project}", f"--warehouse={warehouse}", f"--image={registry}/{watched}"]
    command = ["-m", "devtools.kargo", f"--port={PORT}", f"--token={token}", *names, "--plain-http"]
    environment = {"PYTHONPATH": str(Path(_PLACE).parent)}
    with container_on(net, image, command, alias=alias, port=PORT, entrypoint=["python3.13"], files=files, environment=environment) as (
        container,
        port,
    ):
        made = Kargo(
            container=container,
            inside=f"http://{alias}:{PORT}",
            host=f"127.0.0.1:{port}",
            project=project,
            warehouse=warehouse,
            token=token,
        )
        until(lambda: _status(made) == HTTPStatus.OK, container, alias)
        yield made


def freight(running: Kargo) -> list[Freight]:
    """Read all Freight of the project, the oldest first."""
    status, content = _get(running)
    if status != HTTPStatus.OK:
        raise DevError(f"Kargo's stand-in answered {status}: {content.decode(errors='replace')}")
    found = [Freight.read(entry) for group in json.loads(content)["groups"].values() for entry in group["items"]]
    return sorted(found, key=lambda each: (each.discovered_at is not None, each.discovered_at))


def how_to_ask(running: Kargo) -> str:
    """Say how a person at the keyboard asks it for its Freight."""
    return f"curl -H 'Authorization: Bearer {running.token}' http://{running.host}{_path(running)}"


def _path(running: Kargo) -> str:
    return f"/v1beta1/projects/{running.project}/freight"


def _status(running: Kargo) -> int | None:
    try:
        return _get(running)[0]
    except (OSError, http.client.HTTPException):
        return None


def _get(running: Kargo) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(running.host, timeout=10)
    try:
        connection.request("GET", _path(running), headers={"Authorization": f"Bearer {running.token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
