"""The HTTP side of the stand-in."""

import base64
import binascii
import contextlib
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from devtools.gitea.answer import Answer, Refusal, Request
from devtools.gitea.api import Api, health
from devtools.gitea.pages import Pages
from devtools.gitea.world import Settings, World

ADMIN = "platform"
PASSWORD = "stand-in-password"  # noqa: S105  the stand-in guards nothing
_KEEP_ALIVE = 60
_GIT = re.compile(r"/([^/]+/[^/]+?)(?:\.git)?(/info/refs|/git-upload-pack|/git-receive-pack|/HEAD|/objects/.+)")


class StandIn:
    """A stand-in on one port; `asked` are the requests so far, as method and path. It can be stopped and started again."""

    def __init__(self, world: World, address: tuple[str, int], tls: ssl.SSLContext | None) -> None:
        self.world = world
        self.asked: list[tuple[str, str]] = []
        self.public_url = ""
        self._address = address
        self._tls = tls
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._restarting = threading.Event()
        self._ending = threading.Event()
        self._installer = threading.Thread(target=self._finish_installation, daemon=True)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._address[1]}"

    @property
    def root(self) -> str:
        """What it calls itself: ROOT_URL without the slash."""
        return self.public_url or self.url

    @property
    def installed(self) -> threading.Event:
        """Set when the installation page was sent; it restarts then."""
        return self._restarting

    def count(self, method: str, path: str) -> int:
        """Count the requests so far whose path has a match for the regular expression."""
        return sum(1 for each, asked in list(self.asked) if each == method and re.search(path, asked))

    def start(self) -> None:
        """Listen, on the same port as before."""
        server = _Server(self._address, _Connection)
        server.gitea, server.tls = self, self._tls
        self._address = (self._address[0], server.server_address[1])
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        if not self._installer.is_alive() and not self.world.settings.installed:
            self._installer.start()

    def stop(self) -> None:
        """Listen no more: connections are refused, and the open ones closed."""
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.close_all()
            self._server.server_close()
            self._server = self._thread = None

    def close(self) -> None:
        """End for good."""
        self._ending.set()
        self._restarting.set()
        if self._installer.is_alive():
            self._installer.join()
        self.stop()

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        with self.world.lock:
            try:
                return self._answer(request)
            except Refusal as refusal:
                return refusal.answer

    def _answer(self, request: Request) -> Answer:
        if request.path == "/api/healthz":
            return health(self.world)
        pages = Pages(self.world, self.root, request, self._restarting)
        if not self.world.settings.installed:
            return pages.install()
        if request.path.startswith("/api/v1/"):
            return Api(self.world, self.root, request).answer()
        match = _GIT.fullmatch(request.path)
        return self._git(request, match[1], match[2]) if match else pages.answer()

    def _git(self, request: Request, name: str, rest: str) -> Answer:
        token = _credential(request)
        known = any(each.value == token for each in self.world.tokens) or any(user.password == token for user in self.world.users.values())
        if not token or not known:
            return Answer(
                status=401, headers=[("WWW-Authenticate", 'Basic realm="Gitea"')], body=b"Unauthorized\n", content_type="text/plain"
            )
        repository = self.world.repository(name)
        if repository is None:
            return Answer(status=404, body=b"Not found.\n", content_type="text/plain")
        status, headers, body = repository.bare.serve(request.method, rest, request.query, request.headers, request.body)
        return Answer(status=status, headers=headers, body=body)

    def _finish_installation(self) -> None:
        """Go on as the installation page for a while, then listen no more, then come back as Gitea."""
        self._restarting.wait()
        before, refused = self.world.settings.restart
        if not self._ending.wait(before):
            self.stop()
            self.world.settings.installed = True
            self._ending.wait(refused)
            if not self._ending.is_set():
                self.start()


@contextmanager
def stand_in(
    settings: Settings | None = None,
    *,
    address: tuple[str, int] = ("127.0.0.1", 0),
    tls: ssl.SSLContext | None = None,
    admin: bool = True,
) -> Iterator[StandIn]:
    """Run a stand-in; where it is installed and `admin`, with the administrator ADMIN, PASSWORD."""
    with tempfile.TemporaryDirectory(prefix="gitea-") as folder:
        world = World(Path(folder), settings)
        if world.settings.installed and admin:
            world.add_user(ADMIN, PASSWORD, email="admin@example.lan", admin=True)
        gitea = StandIn(world, address, tls)
        gitea.start()
        try:
            yield gitea
        finally:
            gitea.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    gitea: StandIn
    tls: ssl.SSLContext | None = None

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: object) -> None:  # noqa: ANN401  socketserver's own signature
        """Serve a connection; who breaks it off is no news."""
        with contextlib.suppress(OSError):
            connection = self.tls.wrap_socket(request, server_side=True) if self.tls else request
            self._open.add(connection)
            try:
                with connection:
                    super().finish_request(connection, client_address)
            finally:
                self._open.discard(connection)

    def close_all(self) -> None:
        """Break off every connection."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _KEEP_ALIVE
    server: _Server

    def answer(self) -> None:
        """Serve a request of any method."""
        parts = urlsplit(self.path)
        request = Request(method=self.command, path=unquote(parts.path), query=parts.query, headers=self.headers, body=self._body())
        gitea = self.server.gitea
        gitea.asked.append((self.command, self.path))
        fault = gitea.world.faults.take(self.command, self.path)
        if fault and fault.status:
            self._send(Answer(status=fault.status, body=fault.body, content_type=fault.content_type))
            return
        found = gitea.answer(request)
        if fault and fault.lose:
            self.close_connection = True
            return
        self._send(found)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
        """Say nothing: the requests are remembered."""

    def _body(self) -> bytes:
        if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # git sends what is larger than http.postBuffer in chunks.
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _send(self, found: Answer) -> None:
        self.send_response(found.status)
        if found.content_type:
            self.send_header("Content-Type", found.content_type)
        for name, value in found.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(found.body)))
        self.end_headers()
        self.wfile.write(found.body)


def _credential(request: Request) -> str:
    """Return the token or password of a request of git."""
    scheme, _, value = (request.headers.get("Authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return value
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
