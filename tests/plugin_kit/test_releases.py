"""Release records in a real registry, as OCI artifacts that other tools understand."""

import json
from collections.abc import Iterator

import httpx
import pytest

from plugin_kit.credentials import Login
from plugin_kit.errors import RegistryError
from plugin_kit.http import Http
from plugin_kit.manifest import OCI_MANIFEST
from plugin_kit.reference import RegistryHost, digest_of
from plugin_kit.registry import Registry
from plugin_kit.release import ARTIFACT_TYPE, candidate_tag
from plugin_kit.releases import push_release, read_release, tag_release
from tests.support.manifests import CONFIG, image_manifest
from tests.support.releases import RELEASE, SHA
from tests.support.scripted_server import Answer, Reply, ScriptedServer

CANDIDATE = candidate_tag(SHA)


@pytest.fixture
def registry(docker_registry: str) -> Iterator[Registry]:
    """Open a client for the real registry."""
    with Http(verify=False, retry_for=2) as http:
        yield Registry(RegistryHost(host=docker_registry), http)


@pytest.mark.engine
class TestRealRegistry:
    """Debian's docker-registry takes, keeps and gives the records."""

    def test_a_record_can_be_read_from_another_machine(self, registry: Registry) -> None:
        """What one workflow pushed, the next one reads, and the manifest is the one that was stored."""
        pushed = push_release(registry, "shop/releases", RELEASE, CANDIDATE)
        found = read_release(registry, "shop/releases", CANDIDATE)
        assert found == (RELEASE, pushed)

    def test_released_tags_name_the_same_record(self, registry: Registry) -> None:
        """`<sha>` and `latest` have the candidate's digest."""
        pushed = push_release(registry, "tagged/releases", RELEASE, CANDIDATE)
        tag_release(registry, "tagged/releases", pushed, (SHA, "latest"))
        digests = {tag: found.digest for tag in (CANDIDATE, SHA, "latest") if (found := registry.manifest("tagged/releases", tag))}
        assert digests == dict.fromkeys((CANDIDATE, SHA, "latest"), pushed.digest)
        assert set(registry.tags("tagged/releases")) == {CANDIDATE, SHA, "latest"}

    def test_the_manifest_is_an_artifact_of_the_image_specification(self, registry: Registry, docker_registry: str) -> None:
        """Read by plain HTTP: artifact type, empty config, one layer, and the annotations that Kargo orders by."""
        push_release(registry, "spec/releases", RELEASE, CANDIDATE)
        answer = httpx.get(
            f"http://{docker_registry}/v2/spec/releases/manifests/{CANDIDATE}", headers={"Accept": OCI_MANIFEST}, verify=False
        )
        document = answer.json()
        assert answer.headers["Content-Type"] == OCI_MANIFEST
        assert document["artifactType"] == ARTIFACT_TYPE
        assert document["config"] == {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
        assert [(layer["mediaType"], layer["size"]) for layer in document["layers"]] == [(ARTIFACT_TYPE, len(RELEASE.to_json()))]
        assert document["annotations"] == {
            "org.opencontainers.image.created": "2026-05-04T10:00:00Z",
            "org.opencontainers.image.revision": SHA,
            "org.opencontainers.image.source": "https://git.example.lan/acme/shop",
        }

    def test_the_document_is_the_record_itself(self, registry: Registry, docker_registry: str) -> None:
        """`curl` of the layer gives the JSON as it stands in the workspace."""
        manifest = push_release(registry, "curl/releases", RELEASE, CANDIDATE)
        url = f"http://{docker_registry}/v2/curl/releases/blobs/{manifest.layers[0].digest}"
        assert httpx.get(url, verify=False).content == RELEASE.to_json()

    def test_the_same_record_twice_is_the_same_manifest(self, registry: Registry) -> None:
        """A rerun changes nothing."""
        first = push_release(registry, "twice/releases", RELEASE, CANDIDATE)
        assert push_release(registry, "twice/releases", RELEASE, CANDIDATE) == first

    def test_a_new_record_replaces_the_candidate_and_no_released_tag(self, registry: Registry) -> None:
        """A forced rebuild writes another candidate; `<sha>` moves only when somebody says so."""
        first = push_release(registry, "forced/releases", RELEASE, CANDIDATE)
        tag_release(registry, "forced/releases", first, (SHA,))
        second = push_release(registry, "forced/releases", RELEASE.model_copy(update={"held": True}), CANDIDATE)
        released = registry.manifest("forced/releases", SHA)
        assert second.digest != first.digest
        assert released == first

    def test_no_record_is_none(self, registry: Registry) -> None:
        """Neither a missing tag nor a missing repository is an error."""
        push_release(registry, "some/releases", RELEASE, CANDIDATE)
        assert read_release(registry, "some/releases", "latest") is None
        assert read_release(registry, "none/releases", "latest") is None

    def test_an_image_under_the_reserved_name_is_told_apart(self, registry: Registry) -> None:
        """Somebody's image called `releases` is no record, and the error says why that name is reserved."""
        registry.put_blob("taken/releases", CONFIG)
        registry.put_manifest("taken/releases", "latest", image_manifest())
        with pytest.raises(RegistryError, match="taken/releases:latest is not a release record") as caught:
            read_release(registry, "taken/releases", "latest")
        assert "`releases` is reserved" in (caught.value.hint or "")

    def test_a_locked_registry_takes_the_record_with_a_login(self, locked_registry: str) -> None:
        """The artifact's requests carry our login, over https."""
        with Http(verify=False, retry_for=2) as http:
            host = RegistryHost(host=locked_registry, scheme="https")
            registry = Registry(host, http, login=Login(username="ada", password="correct horse"))
            pushed = push_release(registry, "locked/releases", RELEASE, CANDIDATE)
            assert read_release(registry, "locked/releases", CANDIDATE) == (RELEASE, pushed)

    def test_a_locked_registry_refuses_the_record_without_login(self, locked_registry: str) -> None:
        """The refusal is told like every other, not by a traceback of the library."""
        with Http(verify=False, retry_for=1) as http, pytest.raises(RegistryError, match="401 Unauthorized") as caught:
            push_release(Registry(RegistryHost(host=locked_registry, scheme="https"), http), "locked/releases", RELEASE, CANDIDATE)
        assert "`username` and `password`" in (caught.value.hint or "")


def memory(server: ScriptedServer, *put: Reply, manifest: Reply | None = None) -> None:
    """Script a registry that takes every blob, and answers PUT and GET of the manifest as told."""
    server.on("HEAD", "/blobs/", Answer(status=404))
    server.on("POST", "/blobs/uploads/", Answer(status=202, headers={"Location": "/upload/1"}))
    server.on("PUT", "^/upload/1", Answer(status=201))
    server.on("PUT", "/manifests/", *(put or [Answer(status=201)]))
    server.on("GET", "/manifests/", manifest or Answer(status=404))


@pytest.fixture
def scripted(server: ScriptedServer) -> Iterator[Registry]:
    """Open a client for the scripted server."""
    with Http(verify=False, retry_for=1) as http:
        yield Registry(RegistryHost(host=server.host), http)


@pytest.mark.parametrize("manifest", [Answer(status=404), Answer(body=image_manifest().content)])
def test_a_record_that_is_not_there_afterwards_is_an_error(server: ScriptedServer, scripted: Registry, manifest: Answer) -> None:
    """The bytes in the registry are compared with those that were sent."""
    memory(server, manifest=manifest)
    with pytest.raises(RegistryError, match="then answered with something else"):
        push_release(scripted, "shop/releases", RELEASE, CANDIDATE)


def test_a_registry_that_is_full_refuses_the_record_in_words(server: ScriptedServer, scripted: Registry) -> None:
    """507 for the manifest is the registry's error with our hint."""
    memory(server, Answer(status=507))
    with pytest.raises(RegistryError, match="with 507 Insufficient Storage") as caught:
        push_release(scripted, "shop/releases", RELEASE, CANDIDATE)
    assert caught.value.hint == "the registry's disk is full"


def test_a_dropped_connection_does_not_lose_the_record(server: ScriptedServer, scripted: Registry) -> None:
    """Requests of the library go through our client: they are tried again and have a deadline."""
    memory(
        server,
        Answer(drop=True),
        Answer(status=201),
        manifest=lambda _: Answer(body=server.asked("/manifests/", "PUT")[-1].body),
    )
    pushed = push_release(scripted, "shop/releases", RELEASE, CANDIDATE)
    assert [asked.body for asked in server.asked("/manifests/", "PUT")] == [pushed.content, pushed.content]


@pytest.mark.parametrize("status", [401, 403, 500, 507])
def test_an_upload_that_is_refused_is_told_in_words(server: ScriptedServer, scripted: Registry, status: int) -> None:
    """A refusal at the first request of the push is a registry's error like any other, whatever its body."""
    server.on("HEAD", "/blobs/", Answer(status=404))
    server.on("POST", "/blobs/uploads/", Answer(status=status, body=b"<html>no</html>"))
    with pytest.raises(RegistryError, match=rf"the push of shop/releases:{CANDIDATE}.*\b{status} "):
        push_release(scripted, "shop/releases", RELEASE, CANDIDATE)


def test_a_record_whose_document_is_gone_says_what_to_do(server: ScriptedServer, scripted: Registry) -> None:
    """A registry that has lost the blob leads to an error that names the digest."""
    layer = {"mediaType": ARTIFACT_TYPE, "digest": digest_of(b"gone"), "size": 4}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [layer]}
    server.on("GET", "/manifests/", Answer(body=json.dumps(document).encode()))
    with pytest.raises(RegistryError, match=f"has lost its document {digest_of(b'gone')}"):
        read_release(scripted, "shop/releases", SHA)
