"""A forge's https side: git's own http-backend behind basic authentication."""

import base64
import gzip
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from tests.support.lfs_server import LfsServer


@dataclass(kw_only=True)
class Forge:
    """What the server serves and whom; and what it was asked."""

    home: Path
    login: tuple[str, str] | None = None
    lfs: LfsServer | None = None
    """Serves the objects of LFS, with the forge's login."""

    scheme: str = "http"
    host: str = "localhost"
    port: int = 0
    fetches: int = 0
    logins: set[str] = field(default_factory=set)

    def url(self, path: str) -> str:
        """Give the address of a repository below `home`."""
        return f"{self.scheme}://{self.host}:{self.port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    forge: ClassVar[Forge]

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self._body())

    do_PUT = do_POST  # noqa: N815  the name that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        if self.forge.login and not self._may():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if b"command=fetch" in (gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body):
            self.forge.fetches += 1
        path, _, query = self.path.partition("?")
        if self.forge.lfs and "/info/lfs/" in path:
            status, answer = self.forge.lfs.answer(
                self.command, path, body, f"{self.forge.url(path.partition('/info/lfs')[0].strip('/'))}/info/lfs"
            )
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.git-lfs+json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            return
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.forge.home),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        answer = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=False).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _may(self) -> bool:
        given = self.headers.get("Authorization", "")
        self.forge.logins.add(given)
        return given == f"Basic {base64.b64encode(':'.join(self.forge.login or ()).encode()).decode()}"

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)


@contextmanager
def git_forge(
    home: Path, login: tuple[str, str] | None = None, tls: ssl.SSLContext | None = None, *, address: tuple[str, int] = ("localhost", 0)
) -> Iterator[Forge]:
    """Serve the repositories of a folder."""
    forge = Forge(home=home, login=login, scheme="https" if tls else "http", host=address[0])
    handler = type("Handler", (_Handler,), {"forge": forge})
    with ThreadingHTTPServer(address, handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        forge.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield forge
        finally:
            server.shutdown()
            thread.join()
