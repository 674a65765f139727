"""A stand-in for the API server as market-gate uses it: ConfigMaps of one namespace, listed in pages and watched.

tests/cluster compares it with a real one. What it can do besides is fail: be gone, refuse, hang, and forget what it has said.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

LABEL = "local-cicd.dev/break-glass"
JUSTIFICATION = "the price feed is wrong and the fix has to go out"
# The API server keeps etcd's revision and says an older one is gone.
_TOO_OLD = "too old resource version"


def stamp(moment: datetime) -> str:
    """Write a moment as Kubernetes does."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def record(
    name: str, *, now: datetime, lasts: timedelta = timedelta(hours=1), data: Mapping[str, str] | None = None, immutable: bool = True
) -> dict[str, Any]:
    """Make a break-glass ConfigMap as bootstrap does."""
    fields = {"project": "shop-cd", "stage": "paper", "operator": "anna", "justification": JUSTIFICATION, "expires": stamp(now + lasts)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "creationTimestamp": stamp(now), "labels": {LABEL: "true"}},
        "immutable": immutable,
        "data": {**fields, **(data or {})},
    }


@dataclass(slots=True)
class World:
    """What the cluster holds; every change has a revision."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    revision: int = 1
    oldest: int = 0
    """Revisions before this one are forgotten."""
    refuse: int = 0
    """Status that every request is answered with, 0 for none."""
    silent: bool = False
    """Whether requests are taken and never answered."""
    requests: list[dict[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    stopped: bool = False

    def put(self, manifest: dict[str, Any]) -> None:
        """Create or change an object, and tell who watches."""
        name = manifest["metadata"]["name"]
        self.tell("MODIFIED" if name in self.objects else "ADDED", manifest)

    def delete(self, name: str) -> None:
        """Delete an object, and tell who watches."""
        self.tell("DELETED", self.objects[name])

    def tell(self, kind: str, manifest: dict[str, Any]) -> None:
        """Make an event of whatever kind."""
        with self.changed:
            self.revision += 1
            manifest = {**manifest, "metadata": {**manifest.get("metadata", {}), "resourceVersion": str(self.revision)}}
            name = manifest["metadata"].get("name", "")
            if kind == "DELETED":
                self.objects.pop(name, None)
            else:
                self.objects[name] = manifest
            self.events.append((self.revision, kind, manifest))
            self.changed.notify_all()

    def forget(self) -> None:
        """Compact: whoever goes on from an older revision is told that it is gone."""
        with self.changed:
            self.revision += 1
            self.oldest = self.revision
            self.events.clear()
            self.changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: ClassVar[World]

    def do_GET(self) -> None:
        """Answer a list or a watch."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        world = self.world
        world.requests.append(query)
        world.tokens.append(self.headers.get("Authorization", ""))
        if world.silent:
            with world.changed:
                world.changed.wait_for(lambda: world.stopped)
            self.close_connection = True
        elif world.refuse:
            self._answer(world.refuse, {"kind": "Status", "code": world.refuse, "message": "the stand-in was told to refuse"})
        elif query.get("watch") == "1":
            self._watch(query)
        else:
            self._list(query)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""

    def _list(self, query: Mapping[str, str]) -> None:
        world = self.world
        limit, start = int(query.get("limit", "0")) or None, 0
        if further := query.get("continue"):
            start, revision = map(int, further.split("@"))
            if revision < world.oldest:
                message = "The provided continue parameter is too old"
                self._answer(410, {"kind": "Status", "code": 410, "reason": "Expired", "message": message})
                return
        names = sorted(world.objects)
        page = names[start : start + limit if limit else None]
        metadata = {"resourceVersion": str(world.revision)}
        if start + len(page) < len(names):
            metadata["continue"] = f"{start + len(page)}@{world.revision}"
        self._answer(200, {"kind": "ConfigMapList", "metadata": metadata, "items": [world.objects[name] for name in page]})

    def _watch(self, query: Mapping[str, str]) -> None:
        world = self.world
        seen = int(query["resourceVersion"])
        end = monotonic() + float(query.get("timeoutSeconds", "300"))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not world.stopped:
            with world.changed:
                if seen < world.oldest:
                    gone = {"kind": "Status", "code": 410, "message": f"{_TOO_OLD}: {seen} ({world.oldest})"}
                    self._chunk(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
                    break
                for revision, kind, manifest in [event for event in world.events if event[0] > seen]:
                    self._chunk(json.dumps({"type": kind, "object": manifest}).encode() + b"\n")
                    seen = revision
                if monotonic() >= end:
                    break
                world.changed.wait(max(0.0, end - monotonic()))
        if world.stopped:
            self.close_connection = True
            return
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are normal."""


@dataclass(slots=True)
class StandIn:
    """The stand-in; it can go away and come back at the same port."""

    world: World
    port: int = 0
    _server: _Server | None = None

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self.world.stopped = False
        self._server = _Server(("127.0.0.1", self.port), type("Handler", (_Handler,), {"world": self.world}))
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Go away, in the middle of every answer."""
        if self._server is not None:
            with self.world.changed:
                self.world.stopped = True
                self.world.changed.notify_all()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def kubeconfig(self, folder: Path) -> Path:
        """Write the kubeconfig of who may read here."""
        content = {
            "current-context": "tests",
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "gate"}}],
            "clusters": [{"name": "tests", "cluster": {"server": self.address}}],
            "users": [{"name": "gate", "user": {"tokenFile": "token"}}],
        }
        (folder / "token").write_text("first\n")
        file = folder / "kubeconfig"
        file.write_text(json.dumps(content))
        return file


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Run an empty one."""
    cluster = StandIn(World())
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
