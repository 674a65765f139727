"""What a caller that can wait must know of a registry: what passes, what is final; and how it deletes a tag."""

from collections.abc import Iterator

import pytest

from plugin_kit.errors import RegistryError, RegistryUnavailable, WrongBytes
from plugin_kit.http import Http
from plugin_kit.reference import RegistryHost, digest_of
from plugin_kit.registry import Registry
from tests.support.manifests import CONFIG, image_manifest
from tests.support.scripted_server import Answer, ScriptedServer

IMAGE = image_manifest()


@pytest.fixture
def registry(server: ScriptedServer) -> Iterator[Registry]:
    """Open a client for the scripted server that tries once."""
    with Http(verify=False, retry_for=0.01) as http:
        yield Registry(RegistryHost(host=server.host), http)


@pytest.mark.parametrize("answer", [*(Answer(status=status) for status in (429, 500, 502, 503, 504)), Answer(drop=True)])
def test_what_may_pass_is_told_apart(server: ScriptedServer, registry: Registry, answer: Answer) -> None:
    """A restart, a proxy in front of it, too many requests: who can wait asks again."""
    server.on("GET", "/manifests/", answer)
    with pytest.raises(RegistryUnavailable) as caught:
        registry.manifest("shop/api", "latest")
    assert caught.value.wait is None


@pytest.mark.parametrize("status", [400, 401, 403, 507])
def test_what_does_not_pass_is_final(server: ScriptedServer, registry: Registry, status: int) -> None:
    """A refusal, or a full disk."""
    server.on("GET", "/manifests/", Answer(status=status))
    with pytest.raises(RegistryError) as caught:
        registry.manifest("shop/api", "latest")
    assert not isinstance(caught.value, RegistryUnavailable)


def test_how_long_to_wait_is_passed_on(server: ScriptedServer, registry: Registry) -> None:
    """For who has more patience than one request."""
    server.on("GET", "/manifests/", Answer(status=429, headers={"Retry-After": "40"}))
    with pytest.raises(RegistryUnavailable) as caught:
        registry.manifest("shop/api", "latest")
    assert caught.value.wait == 40


def test_a_token_server_that_is_down_may_come_back(server: ScriptedServer, registry: Registry) -> None:
    """It restarts with the registry."""
    server.on("GET", "/v2/", Answer(status=401, headers={"WWW-Authenticate": f'Bearer realm="{server.url}/token",service="r"'}))
    server.on("GET", "/token", Answer(drop=True))
    with pytest.raises(RegistryUnavailable, match="token server"):
        registry.manifest("shop/api", "latest")


def test_wrong_bytes_say_what_was_promised_and_what_came(server: ScriptedServer, registry: Registry) -> None:
    """Of manifests and of blobs."""
    promised = digest_of(b"right")
    server.on("GET", "/manifests/", Answer(headers={"Docker-Content-Digest": promised}, body=IMAGE.content))
    server.on("GET", "/blobs/", Answer(body=CONFIG))
    with pytest.raises(WrongBytes) as of_manifest:
        registry.manifest("shop/api", "latest")
    with pytest.raises(WrongBytes) as of_blob:
        registry.blob("shop/api", promised)
    assert (of_manifest.value.promised, of_manifest.value.received) == (promised, IMAGE.digest)
    assert (of_blob.value.promised, of_blob.value.received) == (promised, digest_of(CONFIG))


@pytest.mark.parametrize(("status", "gone"), [(200, True), (202, True), (204, True), (404, True), (400, False), (405, False), (501, False)])
def test_a_tag_is_removed_where_the_registry_can(server: ScriptedServer, registry: Registry, status: int, gone: bool) -> None:
    """One that is gone already is gone; one that the registry can't remove stays."""
    server.on("DELETE", "/manifests/candidate$", Answer(status=status))
    assert registry.delete("shop/api", "candidate") is gone
    assert [asked.path for asked in server.asked(method="DELETE")] == ["/v2/shop/api/manifests/candidate"]


def test_a_manifest_is_removed_by_its_digest(server: ScriptedServer, registry: Registry) -> None:
    """With all its tags; an error names it as people write it."""
    server.on("DELETE", "/manifests/", Answer(status=202), Answer(status=403))
    assert registry.delete("shop/api", IMAGE.digest)
    assert [asked.path for asked in server.asked(method="DELETE")] == [f"/v2/shop/api/manifests/{IMAGE.digest}"]
    with pytest.raises(RegistryError, match=f"refused the removal of shop/api@{IMAGE.digest}"):
        registry.delete("shop/api", IMAGE.digest)


@pytest.mark.parametrize("status", [401, 403])
def test_a_removal_that_is_refused_is_an_error(server: ScriptedServer, registry: Registry, status: int) -> None:
    """The caller decides whether it matters."""
    server.on("DELETE", "/manifests/", Answer(status=status))
    with pytest.raises(RegistryError, match=rf"refused the removal of shop/api:candidate \({status}"):
        registry.delete("shop/api", "candidate")


def test_a_removal_asks_for_the_right_to_delete(server: ScriptedServer, registry: Registry) -> None:
    """Tokens are made for what they are used for."""
    challenge = Answer(status=401, headers={"WWW-Authenticate": f'Bearer realm="{server.url}/token",service="r"'})
    server.on("DELETE", "/manifests/", challenge, Answer(status=202))
    server.on("GET", "/token", Answer(body=b'{"token": "t"}'))
    registry.delete("shop/api", "candidate")
    assert "scope=repository%3Ashop%2Fapi%3Apull%2Cpush%2Cdelete" in server.asked("/token")[0].path.replace(":", "%3A").replace(
        "/", "%2F"
    ).replace(",", "%2C")


@pytest.mark.engine
def test_docker_registry_can_not_remove_a_tag(docker_registry: str) -> None:
    """It says so, and the tag stays."""
    with Http(verify=False, retry_for=2) as http:
        real = Registry(RegistryHost(host=docker_registry), http)
        real.put_blob("deletion/api", CONFIG)
        real.put_manifest("deletion/api", "candidate", IMAGE)
        assert not real.delete("deletion/api", "candidate")
        assert real.manifest("deletion/api", "candidate") == IMAGE
