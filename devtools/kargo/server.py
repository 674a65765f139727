"""The HTTP side of the stand-in: Kargo's REST API, its generic webhook receiver, and `/control` for who tests from another container."""

import contextlib
import hashlib
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from devtools.kargo import resources
from devtools.kargo.discovery import Registries
from devtools.kargo.resources import Document
from devtools.kargo.world import World

JSON = "application/json; charset=utf-8"
RECEIVER_JSON = "application/json"
TOKEN = "stand-in-token"  # noqa: S105  the stand-in guards nothing
# What the plugin never calls is answered from the recording.
RECORDED = Path(__file__).parents[2] / "tests" / "data" / "kargo" / "recorded-api-v1.11.2.json"
_KEEP_ALIVE = 60
_FORBIDDEN_WORDS = '{plural}.kargo.akuity.io is forbidden: User "system:serviceaccount:{project}:ci" cannot {verb} resource "{plural}"'
_PLURALS = {"warehouse": "warehouses", "refresh": "warehouses", "stages": "stages"}
_VERBS = {"warehouse": "get", "refresh": "patch", "freight": "get", "watch": "watch", "create": "create"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered; without a content type there is no body."""

    status: int
    body: Any = None
    content_type: str | None = JSON


class Refusal(Exception):  # noqa: N818  an answer like any other
    """An answer that ends the handling of a request."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.answer = Answer(status=status, body={"error": error})


@dataclass(slots=True, kw_only=True)
class StandIn:
    """A running stand-in; `asked` are the requests so far, as method and path."""

    url: str
    world: World
    token: str = TOKEN
    receiver: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def webhook_url(self) -> str:
        """The address of the generic receiver."""
        return f"{self.url}{self.receiver}"

    def count(self, method: str, path: str) -> int:
        """Count the requests so far whose path holds the regular expression."""
        return sum(1 for each, asked in list(self.asked) if each == method and re.search(path, asked))


@contextmanager
def stand_in(
    project: str = "shop",
    *,
    registries: Registries | None = None,
    address: tuple[str, int] = ("127.0.0.1", 0),
    token: str = TOKEN,
    tls: ssl.SSLContext | None = None,
) -> Iterator[StandIn]:
    """Run a stand-in with an empty project."""
    world = World(project, registries)
    with _Server(address, _Connection) as server:
        scheme = "https" if tls else "http"
        path = hashlib.sha256(f"{project}ci{token}".encode()).hexdigest()
        server.tls = tls
        server.kargo = StandIn(
            url=f"{scheme}://127.0.0.1:{server.server_address[1]}", world=world, token=token, receiver=f"/generic/{path}"
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.kargo
        finally:
            world.close()
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    kargo: StandIn
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: object) -> None:  # noqa: ANN401  socketserver's own signature
        """Serve a connection; who breaks it off is no news."""
        with contextlib.suppress(OSError):
            connection = self.tls.wrap_socket(request, server_side=True) if self.tls else request
            with connection:
                super().finish_request(connection, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _KEEP_ALIVE
    server: _Server

    def answer(self) -> None:
        """Serve a request of any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kargo = self.server.kargo
        kargo.asked.append((self.command, self.path))
        if kargo.world.faults.web_page and not self.path.startswith("/control"):
            self._send(Answer(status=200, body=b"<!doctype html><title>Kargo</title>", content_type="text/html; charset=utf-8"))
            return
        try:
            found = Api(kargo, self.headers.get("Authorization") or "").answer(self.command, self.path, body)
        except Refusal as refusal:
            found = refusal.answer
        if isinstance(found, Answer):
            self._send(found)
        else:
            self._stream(found)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
        """Say nothing: the requests are remembered."""

    def _send(self, found: Answer) -> None:
        content = b"" if found.content_type is None else found.body if isinstance(found.body, bytes) else json.dumps(found.body).encode()
        self.send_response(found.status)
        if found.content_type:
            self.send_header("Content-Type", found.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, frames: Iterator[str]) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for frame in frames:
            content = frame.encode()
            if content:
                self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


class Api:
    """One request of one caller."""

    def __init__(self, kargo: StandIn, authorization: str) -> None:
        self._kargo = kargo
        self._world = kargo.world
        self._authorization = authorization

    def answer(self, method: str, target: str, body: bytes) -> Answer | Iterator[str]:
        """Answer a request, or give the frames of a watch; raises Refusal."""
        parts = urlsplit(target)
        if parts.path.startswith("/generic/"):
            return self._receive(parts.path, body)
        if parts.path == "/control":
            return self._control(body)
        self._log_in()
        if method == "POST" and parts.path == "/v1beta1/resources":
            return self._create(body)
        match = re.fullmatch(r"/v1beta1/projects/([^/]+)/(.+)", parts.path)
        if not match:
            return Answer(status=404, body=b"404 page not found", content_type="text/plain")
        if match.group(1) != self._world.project:
            raise Refusal(404, f'Project.kargo.akuity.io "{match.group(1)}" not found')
        return self._in_project(method, match.group(2), parse_qs(parts.query), target)

    def _in_project(self, method: str, path: str, query: Mapping[str, list[str]], target: str) -> Answer | Iterator[str]:
        watching = query.get("watch") == ["true"]
        routes: list[tuple[str, str, Callable[[str], Answer | Iterator[str]]]] = [
            ("POST", r"warehouses/([^/]+)/refresh", self._refresh),
            ("GET", r"warehouses/([^/]+)", self._watch_warehouse if watching else self._warehouse),
            ("GET", r"freight()", lambda _: self._watch_freight(query) if watching else self._freights(query)),
            ("GET", r"freight/([^/]+)", self._freight),
            ("GET", r"stages()", lambda _: self._stages()),
        ]
        for verb, pattern, reply in routes:
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                return reply(match.group(1))
        return _recorded(method, target)

    def _log_in(self) -> None:
        if not self._authorization:
            raise Refusal(401, "no token provided")
        if self._authorization != f"Bearer {self._kargo.token}":
            raise Refusal(401, "invalid token")

    def _may(self, call: str) -> None:
        """Raise what the faults have for a call."""
        status = self._world.faults.answer(call)
        if status is None:
            return
        forbidden = _FORBIDDEN_WORDS.format(
            plural=_PLURALS.get(call, "freights"), verb=_VERBS.get(call, "list"), project=self._world.project
        )
        words = {401: "invalid token", 403: forbidden, 404: "not found", 409: "already exists", 422: "denied the request: invalid"}
        raise Refusal(status, words.get(status, "internal server error"))

    def _refresh(self, name: str) -> Answer:
        self._may("refresh")
        if not self._world.refresh(name):
            raise Refusal(404, f'patch annotation: warehouses.kargo.akuity.io "{name}" not found')
        return Answer(status=200, content_type=None)

    def _warehouse(self, name: str) -> Answer:
        self._may("warehouse")
        return Answer(status=200, body=self._find("Warehouse", name))

    def _find(self, kind: str, name: str) -> Document:
        try:
            return self._world.copy(kind, name)
        except KeyError:
            raise Refusal(404, f'{kind} "{name}" not found in project "{self._world.project}"') from None

    def _freight(self, name: str) -> Answer:
        self._may("freight")
        for each in self._world.every("Freight"):
            if name in {each["metadata"]["name"], each["alias"]}:
                return Answer(status=200, body=each)
        raise Refusal(404, f'Freight with name or alias "{name}" not found in project "{self._world.project}"')

    def _freights(self, query: Mapping[str, list[str]]) -> Answer:
        self._may("freights")
        origins = query.get("origins")
        items = [each for each in self._world.every("Freight") if not origins or each["origin"]["name"] in origins]
        return Answer(status=200, body={"groups": {"": {"items": items}}, "resourceVersion": str(self._world.version)})

    def _stages(self) -> Answer:
        self._may("stages")
        return Answer(status=200, body={"metadata": {"resourceVersion": str(self._world.version)}, "items": self._world.every("Stage")})

    def _watch_freight(self, query: Mapping[str, list[str]]) -> Iterator[str]:
        self._may("watch")
        origins = query.get("origins")
        return self._frames("Freight", lambda each: not origins or each["origin"]["name"] in origins)

    def _watch_warehouse(self, name: str) -> Iterator[str]:
        self._may("watch")
        self._find("Warehouse", name)
        return self._frames("Warehouse", lambda each: each["metadata"]["name"] == name)

    def _frames(self, kind: str, wanted: Callable[[Document], bool]) -> Iterator[str]:
        how = self._world.faults.watch
        if how == "end":
            return
        for event in self._world.watch(kind):
            if event is None or how == "hang":
                yield "" if how == "hang" else ": keepalive\n\n"
                continue
            happened, document = event
            if wanted(document):
                # Kargo's watches leave out what a list's items have.
                shown = {key: value for key, value in document.items() if key not in {"kind", "apiVersion"}}
                frame = f"data: {json.dumps({'type': happened, 'object': shown}, separators=(',', ':'))}\n\n"
                if how == "break":
                    yield frame[: len(frame) // 2]
                    return
                yield frame

    def _create(self, body: bytes) -> Answer:
        self._may("create")
        document = _manifest(body)
        if document.get("kind") == "Warehouse":
            made = resources.warehouse(self._world.project, document["metadata"]["name"], document["spec"])
            stored = self._world.add(made)
        else:
            stored = self._new_freight(document)
        shown = {key: value for key, value in stored.items() if key != "status"}
        return Answer(status=201, body={"results": [{"createdResourceManifest": shown}]})

    def _new_freight(self, document: Document) -> Document:
        """Do what the admission webhook and the API server do with a new Freight."""
        if not document.get("metadata", {}).get("name"):
            raise Refusal(500, "internal server error")
        origin, images = document["origin"]["name"], document.get("images") or []
        name = resources.freight_id(f"Warehouse/{origin}", images)
        denied = f'admission webhook "freight.kargo.akuity.io" denied the request: Freight.kargo.akuity.io "{name}" is invalid: '
        if origin not in self._world.objects["Warehouse"]:
            raise Refusal(422, f'{denied}warehouse: Invalid value: "{origin}": warehouse does not exist')
        subscribed = [each["image"]["repoURL"] for each in self._world.copy("Warehouse", origin)["spec"]["subscriptions"]]
        for image in images:
            if image["repoURL"] not in subscribed:
                quoted = json.dumps(image, separators=(",", ":"))
                raise Refusal(
                    422, f'{denied}images: Invalid value: {quoted}: no subscription found for image repository in Warehouse "{origin}"'
                )
        missing = [each for each in subscribed if each not in {image["repoURL"] for image in images}]
        if missing:
            said = f'images: Invalid value: null: no artifact found for subscription "{missing[0]}" of Warehouse "{origin}"'
            raise Refusal(422, f"{denied}{said}")
        made = self._world.create_freight(origin, images)
        if made is None:
            raise Refusal(409, f'freights.kargo.akuity.io "{name}" already exists')
        return made

    def _first_warehouse(self) -> str:
        return next(iter(self._world.objects["Warehouse"]), "")

    def _receive(self, path: str, body: bytes) -> Answer:
        if path != self._kargo.receiver:
            return Answer(status=404, body={}, content_type=RECEIVER_JSON)
        status = self._world.faults.answer("receiver")
        if status is not None:
            return Answer(status=status, body={"error": "internal server error"}, content_type=RECEIVER_JSON)
        try:
            json.loads(body or b"{}")
        except ValueError:
            error = f"invalid request body: invalid character '{body[:1].decode()}' looking for beginning of value"
            return Answer(status=400, body={"error": error}, content_type=RECEIVER_JSON)
        return self._received(self._first_warehouse())

    def _received(self, name: str) -> Answer:
        how = self._world.faults.receiver
        targets = [] if how in {"nothing", "false"} else [{"namespace": self._world.project, "name": name, "success": how != "partial"}]
        result: Document = {
            "action": "Refresh",
            "targetSelectionCriteria": [{"kind": "Warehouse", "name": name, "labelSelector": {}, "indexSelector": {}}],
            "matchedWhenExpression": how != "false",
        }
        if how == "false":
            result |= {"result": "NotApplicable", "summary": "Request did not match whenExpression"}
            return Answer(status=200, body={"results": [result]}, content_type=RECEIVER_JSON)
        good = 0 if how in {"nothing", "partial"} else 1
        if good:
            self._world.refresh(name)
        words = "Failure" if how == "partial" else "Success"
        result |= {"selectedTargets": targets, "result": words, "summary": f"Refreshed {good} of {len(targets)} selected resources"}
        return Answer(status=500 if how == "partial" else 200, body={"results": [result]}, content_type=RECEIVER_JSON)

    def _control(self, body: bytes) -> Answer:
        """Take faults, pushes and holds from another container, and tell what was asked so far."""
        wanted = json.loads(body or b"{}")
        for push in wanted.pop("push", []):
            self._world.push(**push)
        for hold in wanted.pop("hold", []):
            self._world.hold(**hold)
        try:
            self._world.faults.set(wanted)
        except KeyError as error:
            raise Refusal(400, f"no fault {error}") from None
        return Answer(status=200, body={"asked": [list(each) for each in self._kargo.asked]})


def _manifest(body: bytes) -> Document:
    try:
        document = json.loads(body)
    except ValueError:
        import yaml  # noqa: PLC0415  the plugin sends JSON, and a container may have no PyYAML

        document = yaml.safe_load(body)
    found: Document = document
    return found


def _recorded(method: str, target: str) -> Answer:
    calls = json.loads(RECORDED.read_text(encoding="utf-8"))["calls"].values() if RECORDED.is_file() else ()
    for call in calls:
        if call["request"]["method"] == method and call["request"]["path"] == target and "status" in call:
            return Answer(status=call["status"], body=call["body"], content_type=call["content_type"])
    return Answer(status=404, body=b"404 page not found", content_type="text/plain")
