"""An HTTP(S) server in a thread that answers as a test says: for the bad days of a registry that no real one has on demand."""

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server says; `drop` resets the connection instead, after `delay` seconds like any answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float


Reply = Answer | Callable[[Asked], Answer]


class ScriptedServer:
    """The script and the memory of one server."""

    def __init__(self, port: int, scheme: str) -> None:
        self.host = f"127.0.0.1:{port}"
        self.url = f"{scheme}://{self.host}"
        self.connections = 0
        self._asked: list[Asked] = []
        self._script: list[tuple[str, re.Pattern[str], list[Reply]]] = []
        self._lock = threading.Lock()

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Give these replies in turn, the last one for ever, where method (`*`: any) and a regular expression for the path fit."""
        self._script.append((method, re.compile(path), list(replies)))

    def asked(self, path: str = "", method: str = "*") -> list[Asked]:
        """Return the requests so far whose path holds the regular expression."""
        with self._lock:
            return [each for each in self._asked if re.search(path, each.path) and method in {"*", each.method}]

    def reply(self, asked: Asked) -> Answer:
        """Find the answer to a request: 404 where the script has none."""
        with self._lock:
            self._asked.append(asked)
            for method, path, replies in self._script:
                if method in {"*", asked.method} and path.search(asked.path):
                    reply = replies.pop(0) if len(replies) > 1 else replies[0]
                    break
            else:
                return Answer(status=404)
        return reply if isinstance(reply, Answer) else reply(asked)


@contextmanager
def scripted_server(tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Serve on a free port of 127.0.0.1, by https with a TLS context."""
    with _Server(("127.0.0.1", 0), _Connection) as server:
        server.tls = tls
        server.script = ScriptedServer(server.server_address[1], "https" if tls else "http")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.script
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    # A client that keeps its connections open must not keep the test from ending.
    daemon_threads = True
    script: ScriptedServer
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Serve a connection in its own thread; who breaks it off, or refuses the certificate, is part of the test."""
        assert isinstance(request, socket.socket)
        self.script.connections += 1
        with contextlib.suppress(OSError):
            connection = self.tls.wrap_socket(request, server_side=True) if self.tls else request
            with connection:
                super().finish_request(connection, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer are two packets; the second must not wait for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    server: _Server

    def answer(self) -> None:
        """Serve a request of any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(method=self.command, path=self.path, headers=dict(self.headers.items()), body=body, at=time.monotonic())
        reply = self.server.script.reply(asked)
        time.sleep(reply.delay)
        if reply.drop:
            self._reset()
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
        """Say nothing: the requests are remembered."""

    def _reset(self) -> None:
        self.close_connection = True
        # Lingering for no time makes the close a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
