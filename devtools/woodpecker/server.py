"""The HTTP side of the stand-in: the pages of the login, and the API behind them."""

import contextlib
import json
import re
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from devtools.woodpecker import jwt
from devtools.woodpecker.api import JSON, Answer, Api, Refusal
from devtools.woodpecker.forge import Forge, ForgeError
from devtools.woodpecker.world import World

HTML = "text/html; charset=utf-8"
_KEEP_ALIVE = 60
_CHANGES = frozenset({"POST", "PATCH", "PUT", "DELETE"})
_PAGE = b"<!doctype html><html><head><title>Gateway</title></head><body>Log in to the proxy</body></html>"


@dataclass(slots=True, kw_only=True)
class StandIn:
    """A running stand-in; `asked` are the requests so far, as method and path."""

    url: str
    world: World
    asked: list[tuple[str, str]] = field(default_factory=list)

    def count(self, method: str, path: str) -> int:
        """Count the requests so far whose path holds the regular expression."""
        return sum(1 for each, asked in list(self.asked) if each == method and re.search(path, asked))


@contextmanager
def stand_in(
    *,
    gitea: str,
    client_id: str,
    client_secret: str,
    host: str = "",
    oauth_host: str = "",
    webhook_host: str = "",
    admins: Sequence[str] = ("platform",),
    address: tuple[str, int] = ("127.0.0.1", 0),
    tls: ssl.SSLContext | None = None,
) -> Iterator[StandIn]:
    """Run a server that was just installed.

    `gitea` is how it reaches Gitea; `host`, `oauth_host` and `webhook_host` are its WOODPECKER_HOST, WOODPECKER_EXPERT_FORGE_OAUTH_HOST and
    WOODPECKER_EXPERT_WEBHOOK_HOST, by default where it listens and `gitea`.
    """
    with _Server(address, _Connection) as server:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        host = host or url
        world = World(
            host=host,
            forge=Forge(gitea, client_id, client_secret),
            oauth_host=oauth_host or gitea,
            webhook_host=webhook_host or host,
            admins=admins,
        )
        server.tls = tls
        server.woodpecker = StandIn(url=url, world=world)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.woodpecker
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    woodpecker: StandIn
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
        woodpecker = self.server.woodpecker
        woodpecker.asked.append((self.command, self.path))
        faults = woodpecker.world.faults
        if faults.is_restarting():
            self._send(Answer(status=502, body=b"Bad Gateway", content_type="text/plain"))
            return
        if faults.web_page:
            self._send(Answer(status=200, body=_PAGE, content_type=HTML))
            return
        page = Site(woodpecker.world, {name.lower(): value for name, value in self.headers.items()})
        try:
            found = page.answer(self.command, self.path, body)
        except Refusal as refusal:
            found = refusal.answer
        if self.command in _CHANGES and faults.loses(page.call):
            self.close_connection = True
            return
        self._send(found)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
        """Say nothing: the requests are remembered."""

    def _send(self, found: Answer) -> None:
        content = b"" if found.content_type is None else found.body if isinstance(found.body, bytes) else json.dumps(found.body).encode()
        self.send_response(found.status)
        if found.content_type:
            self.send_header("Content-Type", found.content_type)
        for name, value in found.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Site:
    """One request of one caller to the whole server."""

    def __init__(self, world: World, headers: dict[str, str]) -> None:
        self._world = world
        self._headers = headers
        self.call = ""

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        """Answer a request; raises Refusal."""
        parts = urlsplit(target)
        pages = {"/healthz": self._health, "/version": self._version, "/web-config.js": self._config}
        if parts.path.startswith("/api/"):
            api = Api(self._world, self._headers)
            try:
                return api.answer(method, target, body)
            finally:
                self.call = api.call
        if parts.path == "/authorize":
            self._may("authorize")
            return self._authorize({name: values[-1] for name, values in parse_qs(parts.query).items()})
        if method == "GET" and parts.path in pages:
            return pages[parts.path]()
        # Every other path is the web interface, which finds out by itself what to show.
        return Answer(status=200, body=b"<!doctype html><title>Woodpecker</title>", content_type=HTML)

    def _may(self, call: str) -> None:
        self.call = call
        if refused := self._world.faults.answer(call):
            raise Refusal(*refused)

    def _health(self) -> Answer:
        self._may("health")
        return Answer(status=204, content_type=None)

    def _version(self) -> Answer:
        source = "https://github.com/woodpecker-ci/woodpecker"
        return Answer(status=200, body={"source": source, "version": self._world.version}, content_type=JSON)

    def _authorize(self, query: dict[str, str]) -> Answer:
        world = self._world
        if world.faults.login_error and "code" in query:
            described = {"error_description": world.faults.error_description} if world.faults.error_description else {}
            return _away(f"/login?{urlencode({'error': world.faults.login_error, **described})}")
        if "error" in query:
            passed = {name: value for name, value in query.items() if name.startswith("error")}
            return _away(f"/login?{urlencode(passed)}")
        if "code" not in query or "state" not in query:
            asked = {
                "client_id": world.forge.client_id,
                "redirect_uri": f"{world.host}/authorize",
                "response_type": "code",
                "state": world.state(),
            }
            return _away(f"{world.oauth_host}/login/oauth/authorize?{urlencode(asked)}")
        return self._enter(query)

    def _enter(self, query: dict[str, str]) -> Answer:
        world = self._world
        if not jwt.is_valid(query["state"], world.signing_key, "oauth-state"):
            return _away("/login?error=invalid_state")
        try:
            forge_token = world.forge.exchange(query["code"], f"{world.host}/authorize")
            remote = world.forge.user(forge_token)
        except ForgeError:
            return _away("/login?error=oauth_error")
        with world.lock:
            account = world.enter(remote, forge_token)
            if account is None:
                return _away("/login?error=registration_closed")
            # httputil.SetCookie: Secure where the request came over TLS, by what the proxy says.
            secure = "; Secure" if self._headers.get("x-forwarded-proto") == "https" else ""
            cookie = f"user_sess={world.session(account)}; Path=/; Max-Age=2147483647; HttpOnly{secure}"
        return _away("/", *(() if world.faults.no_cookie else (("Set-Cookie", cookie),)))

    def _config(self) -> Answer:
        self._may("config")
        world = self._world
        session = next(
            (part.partition("=")[2] for part in self._headers.get("cookie", "").split("; ") if part.startswith("user_sess=")), ""
        )
        account = world.whose(session, "sess")
        sign = world.sign(account) if account and not world.faults.no_csrf else ""
        lines = (
            "",
            f"window.WOODPECKER_USER = {json.dumps(account.document if account else None, separators=(',', ':'))};",
            f'window.WOODPECKER_CSRF = "{sign}";',
            f'window.WOODPECKER_VERSION = "{world.version}";',
            'window.WOODPECKER_ROOT_PATH = "";',
            "window.WOODPECKER_ENABLE_SWAGGER = true;",
            "",
        )
        return Answer(status=200, body="\n".join(lines).encode(), content_type="text/javascript; charset=utf-8")


def _away(location: str, *headers: tuple[str, str]) -> Answer:
    return Answer(status=303, body=b"", content_type=HTML, headers=(("Location", location), *headers))
