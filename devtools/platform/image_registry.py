"""A container registry in memory: as much of OCI distribution 1.1 as copying images into it, and reading them back, takes.

tests/bootstrap/components/test_images_in_a_registry.py runs the same copies into it and into a real docker-registry.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from plugin_kit.reference import digest_of

_PLACE = re.compile(r"/v2/(?P<path>.+)/(?P<kind>manifests|blobs)/(?P<name>[^/]+|uploads/[^/]*)")


class ImageRegistry(ThreadingHTTPServer):
    """It listens on loopback, without TLS and without a login; `tags` are digests by repository and tag."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"http://{self.host}"
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.lock = threading.Lock()

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator["ImageRegistry"]:
        """Serve an empty one as long as the block runs."""
        with cls() as registry:
            thread = threading.Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield registry
            finally:
                registry.shutdown()
                thread.join()

    def lose(self) -> None:
        """Be empty again."""
        with self.lock:
            for held in (self.blobs, self.manifests, self.tags):
                held.clear()


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ImageRegistry

    def do_GET(self) -> None:
        """Answer for the registry itself, a list of tags, a manifest or a blob; HEAD without its body."""
        url = urlsplit(self.path).path
        place = _PLACE.fullmatch(url)
        with self.server.lock:
            if url == "/v2/":
                self._send(HTTPStatus.OK)
            elif place is None:
                path = url.removeprefix("/v2/").removesuffix("/tags/list")
                tags = self.server.tags.get(path)
                listed = None if tags is None else json.dumps({"name": path, "tags": sorted(tags)}).encode()
                self._found("application/json", listed)
            elif place["kind"] == "blobs":
                self._found("application/octet-stream", self.server.blobs.get(place["path"], {}).get(place["name"]), place["name"])
            else:
                digest = self.server.tags.get(place["path"], {}).get(place["name"], place["name"])
                media_type, content = self.server.manifests.get(place["path"], {}).get(digest, ("", None))
                self._found(media_type, content, digest)

    do_HEAD = do_GET  # noqa: N815  a name that http.server looks for

    def do_POST(self) -> None:
        """Begin an upload, or mount a blob of another repository where it is known."""
        url = urlsplit(self.path)
        asked = parse_qs(url.query)
        place = _PLACE.fullmatch(url.path)
        self._body()
        if place is None:
            self._send(HTTPStatus.NOT_FOUND)
            return
        with self.server.lock:
            digest = asked.get("mount", [""])[0]
            known = self.server.blobs.get(asked.get("from", [""])[0], {}).get(digest)
            if known is not None:
                self.server.blobs.setdefault(place["path"], {})[digest] = known
                self._send(HTTPStatus.CREATED, {"Docker-Content-Digest": digest})
            else:
                self._send(HTTPStatus.ACCEPTED, {"Location": f"/v2/{place['path']}/blobs/uploads/one"})

    def do_PUT(self) -> None:
        """Take a blob at the end of its upload, or a manifest."""
        url, body = urlsplit(self.path), self._body()
        place = _PLACE.fullmatch(url.path)
        if place is None:
            self._send(HTTPStatus.NOT_FOUND)
            return
        digest = digest_of(body)
        with self.server.lock:
            if place["kind"] == "blobs":
                right = parse_qs(url.query).get("digest") == [digest]
                if right:
                    self.server.blobs.setdefault(place["path"], {})[digest] = body
            else:
                right = place["name"] == digest or not place["name"].startswith("sha256:")
                if right:
                    media_type = self.headers.get("Content-Type") or ""
                    self.server.manifests.setdefault(place["path"], {})[digest] = (media_type, body)
                    if place["name"] != digest:
                        self.server.tags.setdefault(place["path"], {})[place["name"]] = digest
            self._send(HTTPStatus.CREATED if right else HTTPStatus.BAD_REQUEST, {"Docker-Content-Digest": digest})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
        """Say nothing."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _found(self, media_type: str, content: bytes | None, digest: str | None = None) -> None:
        if content is None:
            self._send(HTTPStatus.NOT_FOUND)
        else:
            named = {"Docker-Content-Digest": digest} if digest else {}
            self._send(HTTPStatus.OK, {"Content-Type": media_type, **named}, content)

    def _send(self, status: HTTPStatus, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
