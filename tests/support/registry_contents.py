"""What a registry holds, read by plain HTTP: nothing of the code under test is asked."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import httpx

_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A manifest as it is stored."""

    digest: str
    media_type: str
    document: dict[str, Any]

    @property
    def annotations(self) -> dict[str, str]:
        """Its annotations."""
        return dict(self.document.get("annotations") or {})

    @property
    def layers(self) -> list[str]:
        """The digests of its layers."""
        return [layer["digest"] for layer in self.document["layers"]]


class RegistryContents:
    """A registry at an address of this machine."""

    def __init__(self, host: str, *, scheme: str = "http", login: tuple[str, str] | None = None) -> None:
        """Certificates are not looked at: they are what other tests are about."""
        self._client = httpx.Client(base_url=f"{scheme}://{host}", auth=login, verify=False, timeout=30)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def repositories(self, project: str) -> set[str]:
        """Return the repositories of a project, without its name."""
        names: list[str] = []
        page = "/v2/_catalog?n=1000"
        while page:
            answer = self._client.get(page).raise_for_status()
            names += answer.json()["repositories"] or []
            page = answer.links.get("next", {}).get("url", "")
        return {name.removeprefix(f"{project}/") for name in names if name.startswith(f"{project}/")}

    def tags(self, path: str) -> set[str]:
        """Return the tags of a repository; none where there is no such repository."""
        answer = self._client.get(f"/v2/{path}/tags/list")
        return set() if answer.status_code == httpx.codes.NOT_FOUND else set(answer.raise_for_status().json()["tags"] or [])

    def manifest(self, path: str, reference: str) -> Stored:
        """Return a manifest, its digest computed from its bytes."""
        answer = self._client.get(f"/v2/{path}/manifests/{reference}", headers={"Accept": _MANIFESTS}).raise_for_status()
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        return Stored(digest=digest, media_type=answer.headers["Content-Type"], document=answer.json())

    def blob(self, path: str, digest: str) -> bytes:
        """Return a blob."""
        return self._client.get(f"/v2/{path}/blobs/{digest}").raise_for_status().content

    def config(self, path: str, reference: str) -> dict[str, Any]:
        """Return an image's config."""
        config: dict[str, Any] = json.loads(self.blob(path, self.manifest(path, reference).document["config"]["digest"]))
        return config
