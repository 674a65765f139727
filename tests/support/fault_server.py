"""The program of the fault proxy: a reverse proxy for one registry that breaks what its rules say, and remembers what it was asked.

    python3 fault_server.py PORT UPSTREAM_HOST UPSTREAM_PORT

It runs in a container beside the registry, so it needs nothing but the standard library. The Host header goes upstream as it came: a
registry makes the Location of an upload from it, which then leads through the proxy again. Paths below /-/ steer it:

    POST /-/rules              a JSON list of rules, added behind the others
    GET  /-/requests?prefix    what was asked for, as a JSON list; only paths that hold the prefix
"""

import http.client
import io
import json
import re
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

Rule = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

_TLS_HANDSHAKE = b"\x16"
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"})


class Script:
    """The rules and the memory; used by all connections at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._requests: list[dict[str, Any]] = []

    def add(self, rules: list[Rule]) -> None:
        """Take further rules."""
        with self._lock:
            self._rules += [{"seen": 0, **rule} for rule in rules]

    def match(self, method: str, path: str) -> Rule | None:
        """Return the first rule that fits and is due; each one that fits counts the request."""
        due = None
        with self._lock:
            for rule in self._rules:
                if not re.fullmatch(rule["method"], method) or not re.search(rule["path"], path):
                    continue
                rule["seen"] += 1
                number = rule["seen"] - rule["skip"]
                if due is None and number > 0 and (rule["times"] is None or number <= rule["times"]):
                    due = rule
        return due

    def remember(self, method: str, path: str, status: int) -> None:
        """Write down a request; status 0 is one that got no answer."""
        with self._lock:
            self._requests.append({"method": method, "path": path, "status": status})

    def recall(self, part: str) -> list[dict[str, Any]]:
        """Return what was asked for below a path."""
        with self._lock:
            return [request for request in self._requests if part in request["path"]]


class Handler(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    script: Script
    upstream: tuple[str, int]

    def setup(self) -> None:
        """Open a connection upstream for each one from a client: kept alive like it."""
        super().setup()
        self._registry = http.client.HTTPConnection(*self.upstream, timeout=60)

    def finish(self) -> None:
        """Close both."""
        self._registry.close()
        super().finish()

    def handle_one_request(self) -> None:
        """Serve the next request, or answer a TLS handshake in plain HTTP: this is how clients find out that there is no TLS here."""
        assert isinstance(self.rfile, io.BufferedReader)
        if self.rfile.peek(1)[:1] == _TLS_HANDSHAKE:
            self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\nplain HTTP only\n")
            self.close_connection = True
            return
        super().handle_one_request()

    def answer(self) -> None:
        """Serve a request of any method."""
        body = self._body()
        if self.path.startswith("/-/"):
            self._steer(body)
            return
        rule = self.script.match(self.command, self.path) or {}
        time.sleep(rule.get("delay") or 0)
        if rule.get("drop"):
            self.script.remember(self.command, self.path, 0)
            self._reset()
            return
        status, headers, content = self._ruled(rule) if rule.get("status") else self._forward(body)
        if rule.get("corrupt") and content:
            content = content[:-2] + bytes([content[-2] ^ 1, content[-1]])
        self.script.remember(self.command, self.path, status)
        self._send(status, headers, content, cut=rule.get("cut"))

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
        """Say nothing: the requests are remembered."""

    def _steer(self, body: bytes) -> None:
        if self.command == "POST":
            self.script.add(json.loads(body))
            self._send(204, {}, b"")
            return
        _, _, part = self.path.partition("?")
        found = json.dumps(self.script.recall(unquote(part)))
        self._send(200, {"Content-Type": "application/json"}, found.encode())

    def _ruled(self, rule: Rule) -> Answer:
        return rule["status"], dict(rule.get("headers") or {}), (rule.get("body") or "").encode()

    def _forward(self, body: bytes) -> Answer:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        for last in (False, True):
            try:
                self._registry.request(self.command, self.path, body=body or None, headers={**headers, "Content-Length": str(len(body))})
                response = self._registry.getresponse()
                content = response.read()
                break
            except (http.client.HTTPException, OSError):
                # The registry closed a connection that had been idle.
                self._registry.close()
                if last:
                    return 502, {}, b""
        kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP - {"content-length"}}
        return response.status, kept, content

    def _send(self, status: int, headers: dict[str, str], content: bytes, cut: int | None = None) -> None:
        length = headers.pop("Content-Length", str(len(content))) if self.command == "HEAD" else str(len(content))
        headers.pop("Content-Length", None)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:cut])
        self.wfile.flush()
        if cut is not None:
            self._reset()

    def _reset(self) -> None:
        """End the connection as a crash would: with a reset instead of a goodbye."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)


class Server(ThreadingHTTPServer):
    """Keeps quiet about clients that hang up."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that give up are what this proxy is made for."""


def main(port: str, host: str, upstream_port: str) -> None:
    """Serve until killed."""
    Handler.script = Script()
    Handler.upstream = (host, int(upstream_port))
    Server(("", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
