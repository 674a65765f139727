"""A registry in the memory of the test: it stores and answers as docker-registry does, but where a test says otherwise.

    with scripted_server() as server:
        store = ImageStore(server)
        image = store.push("shop/api", SHA, tags=["candidate-..."])
        store.fault("GET", "/shop/web/manifests/", Answer(status=503))

tests/e2e/test_image_store.py compares it with a real docker-registry.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from plugin_kit.manifest import CREATED, OCI_INDEX, OCI_MANIFEST, PIPELINE, REVISION, Manifest
from plugin_kit.reference import digest_of
from tests.support.scripted_server import Answer, Asked, Reply, ScriptedServer

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_PATH = re.compile(r"/v2/(?P<path>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/?]+)$")


class Deletion(StrEnum):
    """What a DELETE of a tag does."""

    REFUSED = "as docker-registry 2.8: 400"
    TAG = "as OCI distribution 1.1: the tag, and nothing else"
    MANIFEST = "as some others: the manifest, with all its tags"


class ImageStore:
    """Repositories with their blobs, manifests and tags."""

    def __init__(self, server: ScriptedServer, deletion: Deletion = Deletion.REFUSED) -> None:
        self.server = server
        self.host = server.host
        self.deletion = deletion
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, dict[str, Manifest]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self._faults: list[tuple[str, re.Pattern[str], list[Reply], int]] = []
        self._lock = threading.Lock()
        server.on("*", "", self._reply)

    def fault(self, method: str, path: str, *replies: Reply, skip: int = 0) -> None:
        """Answer requests that fit with these replies in turn, after `skip` of them, the last reply for ever."""
        self._faults.append((method, re.compile(path), list(replies), skip))

    def once(self, method: str, path: str, reply: Reply) -> None:
        """Answer one request that fits with the reply, further ones as always."""
        self.fault(method, path, reply, self.answer)

    def push(
        self,
        path: str,
        revision: str | None,
        *,
        tags: Sequence[str] = (),
        platform: str = "linux/amd64",
        layers: int = 3,
        created: datetime | None = None,
        pipeline: int | None = None,
        annotated: bool = True,
    ) -> Manifest:
        """Store an image of a commit, with layers of its own, and tag it; with `annotated` its manifest says its revision too."""
        system, architecture, *variant = platform.split("/")
        labels = {REVISION: revision} if revision else {}
        config = {
            "os": system,
            "architecture": architecture,
            **({"variant": variant[0]} if variant else {}),
            "config": {"Cmd": [path], **({"Labels": labels} if labels else {})},
        }
        stamps = {
            **(labels if annotated else {}),
            **({CREATED: created.isoformat()} if created else {}),
            **({PIPELINE: str(pipeline)} if pipeline is not None else {}),
        }
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self._blob(path, json.dumps(config).encode(), CONFIG_TYPE),
            "layers": [self._blob(path, f"layer {number} of {path} {platform}".encode(), LAYER_TYPE) for number in range(layers)],
            **({"annotations": stamps} if stamps else {}),
        }
        return self.put(path, document, tags)

    def push_index(self, path: str, children: Mapping[str, Manifest], *, tags: Sequence[str] = ()) -> Manifest:
        """Store an index of images by platform; `unknown/unknown` is what BuildKit files attestations under."""
        entries = []
        for platform, child in children.items():
            system, architecture, *variant = platform.split("/")
            stated = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
            entries.append({"mediaType": child.media_type, "digest": child.digest, "size": len(child.content), "platform": stated})
        return self.put(path, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, tags)

    def put(self, path: str, document: Mapping[str, Any], tags: Sequence[str] = ()) -> Manifest:
        """Store a manifest and tag it."""
        # Not as json.dumps writes it by itself: who parses and writes it again has another digest.
        manifest = Manifest.parse(json.dumps(document, indent=3).encode(), document["mediaType"])
        self.manifests.setdefault(path, {})[manifest.digest] = manifest
        self.tags.setdefault(path, {}).update(dict.fromkeys(tags, manifest.digest))
        return manifest

    def digests(self, tag: str) -> dict[str, str]:
        """Return what the tag names, by repository."""
        return {path: tags[tag] for path, tags in self.tags.items() if tag in tags}

    def answer(self, asked: Asked) -> Answer:
        """Answer as the registry does that nothing is wrong with."""
        if asked.path == "/v2/":
            return Answer()
        found = _PATH.search(asked.path)
        if not found:
            return Answer(status=404)
        with self._lock:
            answers: dict[str, Callable[[str, str, Asked], Answer]] = {"manifests": self._manifest, "blobs": self._blob_answer}
            return answers[found["kind"]](found["path"], found["reference"], asked)

    def _reply(self, asked: Asked) -> Answer:
        reply: Reply = self.answer
        with self._lock:
            for number, (method, path, replies, skip) in enumerate(self._faults):
                if re.fullmatch(method, asked.method) and path.search(asked.path):
                    if skip:
                        self._faults[number] = (method, path, replies, skip - 1)
                        continue
                    reply = replies.pop(0) if len(replies) > 1 else replies[0]
                    break
        return reply if isinstance(reply, Answer) else reply(asked)

    def _manifest(self, path: str, reference: str, asked: Asked) -> Answer:
        if asked.method == "PUT":
            return self._store(path, reference, asked)
        if asked.method == "DELETE":
            return self._delete(path, reference)
        digest = self.tags.get(path, {}).get(reference, reference)
        manifest = self.manifests.get(path, {}).get(digest)
        if manifest is None:
            return _refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return Answer(headers={"Content-Type": manifest.media_type, "Docker-Content-Digest": digest}, body=manifest.content)

    def _store(self, path: str, reference: str, asked: Asked) -> Answer:
        manifest = Manifest.parse(asked.body, asked.headers["Content-Type"])
        named = [manifest.config, *manifest.layers]
        if any(blob.digest not in self.blobs.get(path, {}) for blob in named if blob):
            return _refusal(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        self.manifests.setdefault(path, {})[manifest.digest] = manifest
        if not reference.startswith("sha256:"):
            self.tags.setdefault(path, {})[reference] = manifest.digest
        return Answer(status=201, headers={"Docker-Content-Digest": manifest.digest})

    def _delete(self, path: str, reference: str) -> Answer:
        tags = self.tags.get(path, {})
        if self.deletion is Deletion.REFUSED:
            return _refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        if reference not in tags:
            return _refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")
        digest = tags.pop(reference)
        if self.deletion is Deletion.MANIFEST:
            del self.manifests[path][digest]
            self.tags[path] = {tag: named for tag, named in tags.items() if named != digest}
        return Answer(status=202)

    def _blob_answer(self, path: str, reference: str, asked: Asked) -> Answer:
        blob = self.blobs.get(path, {}).get(reference)
        if blob is None or asked.method not in {"GET", "HEAD"}:
            return _refusal(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return Answer(headers={"Content-Type": "application/octet-stream", "Docker-Content-Digest": reference}, body=blob)

    def _blob(self, path: str, content: bytes, media_type: str) -> dict[str, Any]:
        digest = digest_of(content)
        self.blobs.setdefault(path, {})[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _refusal(status: int, code: str, message: str) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Answer(status=status, headers={"Content-Type": "application/json; charset=utf-8"}, body=body)
