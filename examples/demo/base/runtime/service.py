"""The frame of every service: an HTTP server with /healthz and JSON routes, and a self-test that asks it over HTTP."""

import argparse
import json
import os
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

Query = Mapping[str, str]
Route = Callable[[Query], object]


def run(name: str, routes: Mapping[str, Route], *, self_test: Mapping[str, object]) -> None:
    """Serve the routes; with --self-test ask each path of `self_test` once, compare the answers, and stop."""
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--self-test", action="store_true", help="ask the service itself, exit 0 if it answers as it should")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    arguments = parser.parse_args()
    if arguments.self_test:
        raise SystemExit(_self_test(name, routes, self_test))
    server = _server(name, routes, arguments.port)
    print(f"{name}: listening on port {server.server_port}")
    server.serve_forever()


def _self_test(name: str, routes: Mapping[str, Route], expected: Mapping[str, object]) -> int:
    server = _server(name, routes, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    failures = 0
    for path, wanted in {"/healthz": {"service": name, "status": "ok"}, **expected}.items():
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        good = answer == wanted
        failures += not good
        print(f"{name}: GET {path}: {'ok' if good else f'{answer!r}, expected {wanted!r}'}")
    server.shutdown()
    return 1 if failures else 0


def _server(name: str, routes: Mapping[str, Route], port: int) -> ThreadingHTTPServer:
    def health(_query: Query) -> object:
        return {"service": name, "status": "ok"}

    table: dict[str, Route] = {"/healthz": health, **routes}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            route = table.get(url.path)
            if route is None:
                self._answer(404, {"error": f"no such path: {url.path}"})
                return
            try:
                self._answer(200, route(dict(parse_qsl(url.query))))
            except (KeyError, ValueError, ArithmeticError) as error:
                self._answer(400, {"error": f"{type(error).__name__}: {error}"})

        def _answer(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the signature of http.server
            if "/healthz" not in self.path:
                super().log_message(format, *args)

    return ThreadingHTTPServer(("", port), Handler)
