"""The repository of release records beside a project's images: `<registry>/<project>/releases`.

A record is an OCI artifact (image specification 1.1, "Guidance for an Empty Descriptor") with the document as its only layer and the
commit's time as annotation, so that a Kargo Warehouse can subscribe to the repository.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from plugin_kit.errors import RegistryError
from plugin_kit.http import Response
from plugin_kit.manifest import CREATED, OCI_MANIFEST, REVISION, SOURCE, Manifest
from plugin_kit.reference import digest_of
from plugin_kit.registry import Registry
from plugin_kit.release import ARTIFACT_TYPE, Release
from plugin_kit.tagging import Move, set_tags

_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


def read_release(registry: Registry, path: str, tag: str) -> tuple[Release, Manifest] | None:
    """Read the record under a tag, with its manifest for tagging; None where there is none."""
    manifest = registry.manifest(path, tag)
    if manifest is None:
        return None
    origin = f"{registry.host}/{path}:{tag}"
    layers = manifest.layers
    if len(layers) != 1 or layers[0].media_type != ARTIFACT_TYPE:
        raise RegistryError(
            f"{origin} is not a release record", hint="the repository name `releases` is reserved; rename the image that uses it"
        )
    content = registry.blob(path, layers[0].digest)
    if content is None:
        raise RegistryError(f"{origin} has lost its document {layers[0].digest}", hint="run the pipeline of the commit again")
    return Release.from_json(content, origin=origin), manifest


def push_release(registry: Registry, path: str, release: Release, tag: str) -> Manifest:
    """Store the record under a tag, and compare what the registry then holds; returns its manifest for further tags."""
    import oras.container  # noqa: PLC0415  requests and jsonschema cost 0.15 s of every start
    import oras.provider  # noqa: PLC0415

    what = f"the push of {path}:{tag}"
    document = release.to_json()
    manifest = _manifest(release, document)

    class Transport(oras.provider.Registry):  # type: ignore[misc]  # oras has no types
        # oras brings the artifact's protocol; its own requests have no timeout and try a refused port for two minutes.
        def do_request(
            self,
            url: str,
            method: str = "GET",
            data: bytes | None = None,
            headers: dict[str, str] | None = None,
            json: dict[str, Any] | None = None,
            stream: bool = False,  # noqa: ARG002  part of the signature
        ) -> Response:
            content = _dumps(json) if json is not None else data
            response = registry.request(method, url, path=path, headers=headers, content=content)
            if method == "POST":
                # oras looks for the address of the upload in whatever comes, and has no words for a refusal.
                registry.demand(response, what)
            return response

    container = oras.container.Container(f"{path}:{tag}", registry=registry.api_host)
    transport = Transport(hostname=registry.api_host, insecure=registry.plain_http)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        for name, content, descriptor in (("config", _EMPTY, manifest["config"]), ("document", document, manifest["layers"][0])):
            part = Path(folder, name)
            part.write_bytes(content)
            registry.demand(transport.upload_blob(str(part), container, descriptor), what)
    registry.demand(transport.upload_manifest(manifest, container), what)
    stored = registry.manifest(path, tag)
    if stored is None or stored.content != _dumps(manifest):
        raise RegistryError(f"{registry.host} took {path}:{tag} and then answered with something else", hint="run the pipeline again")
    return stored


def tag_release(registry: Registry, path: str, manifest: Manifest, tags: tuple[str, ...]) -> None:
    """Give the record the tags that its images have."""
    set_tags([Move(registry=registry, path=path, tag=tag, manifest=manifest) for tag in tags])


def _manifest(release: Release, document: bytes) -> dict[str, Any]:
    annotations = {CREATED: release.created.strftime("%Y-%m-%dT%H:%M:%SZ"), REVISION: release.revision}
    if release.repository:
        annotations[SOURCE] = release.repository
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": ARTIFACT_TYPE,
        "config": {"mediaType": _EMPTY_TYPE, "digest": digest_of(_EMPTY), "size": len(_EMPTY)},
        "layers": [
            {
                "mediaType": ARTIFACT_TYPE,
                "digest": digest_of(document),
                "size": len(document),
                "annotations": {"org.opencontainers.image.title": "release.json"},
            }
        ],
        "annotations": annotations,
    }


def _dumps(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
