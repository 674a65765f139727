"""A small Git LFS server: the batch API and basic transfers (git-lfs docs/api/batch.md, docs/api/basic-transfers.md)."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

_TYPE = "application/vnd.git-lfs+json"


@dataclass(kw_only=True)
class LfsServer:
    """The objects of a server; only requests with `token` are served where there is one."""

    token: str = ""
    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)
    downloaded: list[str] = field(default_factory=list)
    batches: int = 0

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, body: bytes, base: str) -> tuple[int, bytes]:
        """Serve a request; `base` is the API's address as the client knows it."""
        oid = path.rpartition("/")[2]
        if method == "POST" and path.endswith("/objects/batch"):
            self.batches += 1
            return 200, json.dumps(self._batch(json.loads(body), base)).encode()
        if method == "PUT" and hashlib.sha256(body).hexdigest() == oid:
            self.objects[oid] = body
            self.uploaded.append(oid)
            return 200, b""
        if method == "GET" and oid in self.objects:
            self.downloaded.append(oid)
            return 200, self.objects[oid]
        return 404, b"{}"

    def authentication(self) -> str:
        """Give what git-lfs-authenticate prints on the ssh side (git-lfs docs/api/server-discovery.md)."""
        return json.dumps({"href": self.url, "header": {"Authorization": self.token}, "expires_in": 600})

    def _batch(self, request: dict[str, object], base: str) -> dict[str, object]:
        wanted = request["objects"]
        assert isinstance(wanted, list)
        header = {"Authorization": self.token} if self.token else {}
        answers: list[dict[str, object]] = []
        for entry in wanted:
            oid, operation = entry["oid"], str(request["operation"])
            answer: dict[str, object] = {"oid": oid, "size": entry["size"]}
            if (oid in self.objects) == (operation == "download"):
                answer["actions"] = {operation: {"href": f"{base}/objects/{oid}", "header": header}}
            elif operation == "download":
                answer["error"] = {"code": 404, "message": "Object does not exist"}
            answers.append(answer)
        return {"transfer": "basic", "objects": answers, "hash_algo": "sha256"}


class _Handler(BaseHTTPRequestHandler):
    server_object: ClassVar[LfsServer]

    def do_GET(self) -> None:
        self._serve()

    do_PUT = do_POST = do_GET  # noqa: N815  names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        served = self.server_object
        status, answer = 401, b"{}"
        if not served.token or self.headers.get("Authorization") == served.token:
            status, answer = served.answer(self.command, self.path, body, served.url)
        self.send_response(status)
        self.send_header("Content-Type", _TYPE)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@contextmanager
def lfs_server(token: str = "") -> Iterator[LfsServer]:
    """Run a server without objects."""
    served = LfsServer(token=token)
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_object": served})) as server:
        served.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
