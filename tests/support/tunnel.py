"""A proxy that opens tunnels (CONNECT, RFC 9110 9.3.6), all to one port of this machine, whatever name is asked for."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Tunnel:
    """A running proxy, and what it was asked for: host:port and Proxy-Authorization. A `refusal` is its status for all who ask."""

    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    refusal: int | None = None


@contextmanager
def tunnel_to(port: int) -> Iterator[Tunnel]:
    """Serve on a free port of 127.0.0.1."""
    made = Tunnel()

    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            made.asked.append((self.path, self.headers.get("Proxy-Authorization")))
            if made.refusal:
                self.send_error(made.refusal)
                return
            with socket.create_connection(("127.0.0.1", port)) as far:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pump, args=(far, self.connection))
                back.start()
                _pump(self.connection, far)
                back.join()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
            """Say nothing: the requests are remembered."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
