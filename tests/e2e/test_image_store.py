"""The registry in memory of the unit tests answers what a real docker-registry answers."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from plugin_kit.http import Http
from plugin_kit.manifest import ACCEPTED
from plugin_kit.reference import RegistryHost, digest_of
from plugin_kit.registry import Registry
from tests.support.image_store import ImageStore
from tests.support.project import Project
from tests.support.scripted_server import scripted_server

# What an answer is compared by.
_HEADERS = ("content-type", "content-length", "docker-content-digest")
_SHA = "4c1f0d0a7e5b9d1c2f3a4b5c6d7e8f9012345678"


@pytest.fixture
def store() -> Iterator[ImageStore]:
    """Serve a registry in memory."""
    with scripted_server() as server:
        yield ImageStore(server)


def answers(host: str, requests: list[tuple[str, str, bytes | None, str]]) -> list[dict[str, Any]]:
    """Send the requests and return what came, as far as clients look at it."""
    found = []
    with httpx.Client(base_url=f"http://{host}", timeout=30, verify=False) as client:
        for method, path, body, media_type in requests:
            headers = {"Content-Type": media_type} if body else {"Accept": ", ".join(ACCEPTED)}
            answer = client.request(method, path, headers=headers, content=body)
            found.append({"asked": f"{method} {path}", "status": answer.status_code, **_seen(method, answer)})
    return found


def _seen(method: str, answer: httpx.Response) -> Mapping[str, Any]:
    if answer.is_error:
        # The `detail` of an error is not for programs.
        code = None if method == "HEAD" else answer.json()["errors"][0]["code"]
        return {"code": code}
    names = _HEADERS if method in {"GET", "HEAD"} else ("docker-content-digest",)
    body = {"body": answer.content} if method == "GET" else {}
    return {**{name: answer.headers.get(name) for name in names}, **body}


def test_the_registry_in_memory_answers_as_the_real_one(store: ImageStore, project: Project) -> None:
    """Manifests by tag and digest, blobs, what is missing, tags set anew, and tags that can't be deleted."""
    path = f"{project.name}/api"
    manifest = store.push(path, _SHA, tags=["candidate"])
    assert manifest.config
    host = project.services.registry.host
    with Http(verify=False, retry_for=5) as http:
        registry = Registry(RegistryHost(host=host), http)
        for blob in store.blobs[path].values():
            registry.put_blob(path, blob)
        registry.put_manifest(path, "candidate", manifest)
    nothing = digest_of(b"nothing")
    unknown = json.dumps({**manifest.document, "layers": [{**manifest.document["layers"][0], "digest": nothing}]}).encode()
    manifests, blobs = f"/v2/{path}/manifests", f"/v2/{path}/blobs"
    requests: list[tuple[str, str, bytes | None, str]] = [
        ("GET", f"{manifests}/candidate", None, ""),
        ("GET", f"{manifests}/{manifest.digest}", None, ""),
        ("GET", f"{manifests}/latest", None, ""),
        ("GET", f"{manifests}/{nothing}", None, ""),
        ("GET", f"/v2/{project.name}/nowhere/manifests/latest", None, ""),
        ("GET", f"{blobs}/{manifest.config.digest}", None, ""),
        ("HEAD", f"{blobs}/{manifest.layers[0].digest}", None, ""),
        ("HEAD", f"{blobs}/{nothing}", None, ""),
        ("GET", f"{blobs}/{nothing}", None, ""),
        ("PUT", f"{manifests}/latest", manifest.content, manifest.media_type),
        ("GET", f"{manifests}/latest", None, ""),
        ("PUT", f"{manifests}/broken", unknown, manifest.media_type),
        ("DELETE", f"{manifests}/latest", None, ""),
        ("GET", f"{manifests}/latest", None, ""),
    ]
    assert answers(store.host, requests) == answers(host, requests)
