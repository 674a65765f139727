"""A proxy by which a program's requests to a server go over a faulty line: for those that can't be given a transport, as Helm and git."""

import contextlib
import http.client
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from devtools.controlplane import ControlPlane
from tests.support.faulty_line import BOTH, Fate, Line

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How it is known to those who call, and how it knows who it calls."""

    server: ssl.SSLContext
    client: ssl.SSLContext

    @classmethod
    def of(cls, plane: ControlPlane) -> "Tls":
        """Stand before an API server with its own certificate."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(plane.files.server_cert, plane.files.server_key)
        return cls(server=server, client=ssl.create_default_context(cafile=str(plane.ca_cert)))


class LineProxy(ThreadingHTTPServer):
    """It listens on loopback and passes requests on as they are."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, line: Line, upstream: str, tls: Tls | None, fates: Sequence[Fate]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.line = line
        self.fates = fates
        self._upstream = urlsplit(upstream)
        self._tls = tls
        self.url = f"{self._upstream.scheme}://127.0.0.1:{self.server_address[1]}"

    @classmethod
    @contextmanager
    def before(cls, upstream: str, line: Line, *, tls: Tls | None = None, fates: Sequence[Fate] = BOTH) -> Iterator["LineProxy"]:
        """Serve as long as the block runs; `tls` is for an upstream with https, `fates` are what changes meet."""
        with cls(line, upstream, tls, fates) as proxy:
            thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield proxy
            finally:
                proxy.shutdown()
                thread.join()

    def finish_request(self, request: Any, client_address: object) -> None:  # noqa: ANN401  socketserver's own signature
        """Serve a connection; who breaks it off is no news."""
        with contextlib.suppress(OSError):
            connection = self._tls.server.wrap_socket(request, server_side=True) if self._tls else request
            with connection:
                super().finish_request(connection, client_address)

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection to the server behind it."""
        host, port = self._upstream.hostname or "", self._upstream.port
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=_SECONDS)
        return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=self._tls.client)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LineProxy

    def pass_on(self) -> None:
        """Pass a request on, if it is to arrive, and its answer, if that is to arrive."""
        body = self._body()
        fate = self.server.line.fate(self.command, self.path, body, fates=self.server.fates)
        if fate in {Fate.NOBODY_THERE, Fate.NEVER_ARRIVES}:
            self.close_connection = True
            return
        try:
            with contextlib.closing(self.server.connect()) as upstream:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                upstream.request(self.command, self.path, body=body or None, headers={**headers, "Content-Length": str(len(body))})
                answer = upstream.getresponse()
                content = answer.read()
        except (OSError, http.client.HTTPException):
            # Nobody is there: Gitea, while it starts again.
            self.close_connection = True
            return
        if fate is Fate.ANSWER_LOST:
            self.close_connection = True
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815  names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
        """Say nothing."""

    def _body(self) -> bytes:
        if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content
