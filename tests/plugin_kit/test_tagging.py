"""Tags are set by PUT of the same bytes and read back, and a failure says what moved and what did not."""

import threading
import time
from collections.abc import Iterator

import pytest

from plugin_kit.errors import RegistryError
from plugin_kit.http import Http
from plugin_kit.reference import RegistryHost
from plugin_kit.registry import Registry
from plugin_kit.tagging import Move, set_tags
from tests.support.manifests import CONFIG, image_manifest
from tests.support.scripted_server import Answer, Asked, ScriptedServer

IMAGE = image_manifest(revision="a" * 40)
OTHER = image_manifest(revision="b" * 40)
STORED = Answer(body=IMAGE.content)


@pytest.fixture
def registry(server: ScriptedServer) -> Iterator[Registry]:
    """Open a client for the scripted server."""
    with Http(verify=False, retry_for=0.3) as http:
        yield Registry(RegistryHost(host=server.host), http)


def moves(registry: Registry, *paths: str) -> list[Move]:
    """Tag the image `latest` in each repository."""
    return [Move(registry=registry, path=path, tag="latest", manifest=IMAGE) for path in paths]


def test_every_tag_is_put_and_read_back(server: ScriptedServer, registry: Registry) -> None:
    """Each tag costs one PUT of the manifest's bytes and one GET that proves it."""
    server.on("PUT", "/manifests/latest$", Answer(status=201))
    server.on("GET", "/manifests/latest$", STORED)
    set_tags(moves(registry, "shop/api", "shop/web", "shop/worker"))
    for path in ("shop/api", "shop/web", "shop/worker"):
        assert [asked.method for asked in server.asked(f"/v2/{path}/")] == ["PUT", "GET"]
    assert {asked.body for asked in server.asked(method="PUT")} == {IMAGE.content}


def test_nothing_to_move_asks_nothing(server: ScriptedServer) -> None:
    """No tags, no requests."""
    set_tags([])
    assert server.asked() == []


def test_a_failure_says_what_moved_and_what_did_not(server: ScriptedServer, registry: Registry) -> None:
    """The others are still tried: setting a tag again is harmless, and the rerun has less to do."""
    server.on("PUT", "/shop/web/", Answer(status=507))
    server.on("PUT", "/manifests/", Answer(status=201))
    server.on("GET", "/manifests/", STORED)
    with pytest.raises(RegistryError) as caught:
        set_tags(moves(registry, "shop/api", "shop/web", "shop/worker"))
    host = server.host
    assert caught.value.message == (
        f"1 of 3 tags could not be set: {host} answered the push of shop/web:latest with 507 Insufficient Storage"
    )
    assert caught.value.details == (
        f"not moved: {host}/shop/web:latest",
        f"moved: {host}/shop/api:latest",
        f"moved: {host}/shop/worker:latest",
    )
    assert caught.value.hint == "the registry's disk is full"


def test_all_failures_are_listed_under_the_first_reason(server: ScriptedServer, registry: Registry) -> None:
    """The reason shown is that of the first tag in order, whichever failed first in time."""
    server.on("PUT", "/shop/api/", Answer(status=403, delay=0.05))
    server.on("PUT", "/shop/web/", Answer(status=500))
    with pytest.raises(RegistryError) as caught:
        set_tags(moves(registry, "shop/api", "shop/web"))
    assert caught.value.message.startswith(f"2 of 2 tags could not be set: {server.host} refused the push of shop/api:latest (403")
    assert [detail for detail in caught.value.details if detail.startswith("moved")] == []


def test_a_long_list_of_failures_is_cut(server: ScriptedServer, registry: Registry) -> None:
    """The first line of the error must stay in view; how many more there are is said."""
    server.on("PUT", "/manifests/", Answer(status=403))
    with pytest.raises(RegistryError) as caught:
        set_tags(moves(registry, *(f"shop/image-{number}" for number in range(35))))
    listed = [detail for detail in caught.value.details if detail.startswith("not moved: ")]
    assert len(listed) == 31
    assert listed[-1] == "not moved: 5 more"


@pytest.mark.parametrize(("answer", "found"), [(Answer(body=OTHER.content), OTHER.digest), (Answer(status=404), "nothing")])
def test_a_write_that_is_not_there_afterwards_is_a_failure(server: ScriptedServer, registry: Registry, answer: Answer, found: str) -> None:
    """A registry that takes the tag and then answers with something else is not believed."""
    server.on("PUT", "/manifests/", Answer(status=201))
    server.on("GET", "/manifests/", answer)
    with pytest.raises(RegistryError) as caught:
        set_tags(moves(registry, "shop/api"))
    assert f"took {server.host}/shop/api:latest and then answered with {found}" in caught.value.message
    assert caught.value.details == (f"not moved: {server.host}/shop/api:latest",)


def test_a_dropped_connection_while_tagging_costs_nothing_but_time(server: ScriptedServer, registry: Registry) -> None:
    """The PUT is sent again."""
    server.on("PUT", "/manifests/", Answer(drop=True), Answer(status=201))
    server.on("GET", "/manifests/", STORED)
    with Http(verify=False, retry_for=2) as patient:
        set_tags(moves(Registry(RegistryHost(host=registry.host), patient), "shop/api"))
    assert len(server.asked(method="PUT")) == 2


def test_who_wants_less_at_once_says_so(server: ScriptedServer, registry: Registry) -> None:
    """One after the other is the slowest way, and the gentlest."""
    server.on("PUT", "/manifests/", Answer(status=201))
    server.on("GET", "/manifests/", STORED)
    set_tags(moves(registry, *(f"shop/image-{number}" for number in range(3))), at_once=1)
    assert [asked.method for asked in server.asked()] == ["PUT", "GET"] * 3


def test_many_tags_are_set_at_once(server: ScriptedServer, registry: Registry) -> None:
    """Fourteen tags on a slow registry are not set one after the other."""
    inside = most = 0
    lock = threading.Lock()

    def slow(_: Asked) -> Answer:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.02)
        with lock:
            inside -= 1
        return Answer(status=201)

    server.on("PUT", "/manifests/", slow)
    server.on("GET", "/manifests/", STORED)
    set_tags(moves(registry, *(f"shop/image-{number}" for number in range(14))))
    assert most > 3


@pytest.mark.engine
def test_a_retag_keeps_the_digest_in_a_real_registry(docker_registry: str) -> None:
    """Debian's docker-registry gives the same digest under the new tag, and the old one stays."""
    with Http(verify=False, retry_for=2) as http:
        registry = Registry(RegistryHost(host=docker_registry), http)
        registry.put_blob("tagging/api", CONFIG)
        registry.put_manifest("tagging/api", "candidate", IMAGE)
        candidate = registry.manifest("tagging/api", "candidate")
        assert candidate is not None
        tags = ("a" * 40, "latest")
        set_tags([Move(registry=registry, path="tagging/api", tag=tag, manifest=candidate) for tag in tags])
        for tag in ("candidate", *tags):
            found = registry.manifest("tagging/api", tag)
            assert found is not None
            assert found.digest == IMAGE.digest
        assert set(registry.tags("tagging/api")) == {"candidate", *tags}


@pytest.mark.engine
def test_a_tag_of_an_image_that_is_not_there_cannot_be_set(docker_registry: str) -> None:
    """A real registry refuses a manifest without its blobs; the error says that nothing moved."""
    with Http(verify=False, retry_for=1) as http:
        registry = Registry(RegistryHost(host=docker_registry), http)
        move = Move(registry=registry, path="tagging/nowhere", tag="latest", manifest=image_manifest())
        with pytest.raises(RegistryError, match="1 of 1 tags could not be set") as caught:
            set_tags([move])
    assert f"not moved: {docker_registry}/tagging/nowhere:latest" in caught.value.details
