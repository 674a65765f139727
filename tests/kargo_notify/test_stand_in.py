"""The stand-in answers as the real Kargo 1.11.2 did: every recorded call is made again, and compared in status, content type and shape."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from devtools.kargo import resources
from devtools.kargo.discovery import DiscoveryError, Registries
from devtools.kargo.server import StandIn, stand_in
from devtools.paths import ROOT
from tests.support.image_store import ImageStore
from tests.support.kargo_recording import CALLS, DIGEST, RECORDED, REPOSITORY, TAG, differences
from tests.support.scripted_server import Answer

RELEASES = "127.0.0.1:5000/shop/releases"
CREATED = "org.opencontainers.image.created"
OLDER = "c00dbbc9dadfbe1e232e93a729dd4752fade0abf"
NEWER = "c2a6b03f190dfb2b4aa91f8af8d477a9bc3401dc"
WATCH = "freight watch (server-sent events)"
RECORDED_RECEIVER = "/generic/37e548f1c06f49b58f3525fc2814cab239ac896cd630809a997e4b94a21d49f5"


def begin(kargo: StandIn) -> None:
    """Make the project that the recording begins with: a registry without the repository, and a Stage that promotes by itself."""
    kargo.world.add_stage("beta", "shop-images", automatic=True)
    kargo.world.add_warehouse("shop-images", [REPOSITORY])
    image = {"repoURL": RELEASES, "imageSelectionStrategy": "NewestBuild", "allowTagsRegexes": ["^[0-9a-f]{40}$"]}
    kargo.world.add(resources.warehouse("shop", "shop-releases", {"subscriptions": [{"image": image}]}))


STATES: dict[str, Callable[[StandIn], object]] = {
    "freight list, empty project": begin,
    "refresh": lambda kargo: kargo.world.push(REPOSITORY, TAG, DIGEST, "2026-11-23T13:21:21Z"),
    "refresh releases": lambda kargo: kargo.world.push(
        RELEASES, TAG, RECORDED["release_digest"], "2026-11-23T13:21:21Z", {CREATED: "2026-11-23T13:21:21Z"}
    ),
    "refresh after an older image was pushed": lambda kargo: kargo.world.push(REPOSITORY, OLDER, DIGEST, "2020-01-01T00:00:00Z"),
    "refresh, discovery fails": lambda kargo: kargo.world.faults.set({"fail_discovery": 1}),
}
# The recording leaves credentials out.
TOKENS = {"refresh, bad token": {"Authorization": "Bearer wrong"}, "refresh, no token": {}}


@pytest.fixture
def kargo(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Run a stand-in whose clock is a second further at each look, so that no two refreshes fall into one."""
    seconds = itertools.count()

    def tick() -> str:
        number = next(seconds)
        return f"2026-11-23T{13 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"

    monkeypatch.setattr(resources, "timestamp", tick)
    with stand_in(registries=Registries({"127.0.0.1:5000": "127.0.0.1:1", "127.0.0.1:5999": "127.0.0.1:1"})) as running:
        yield running


def test_every_recorded_call_is_answered_alike(kargo: StandIn) -> None:
    """Status, content type, and keys and types of the body are the real Kargo's, call by call in the recorded order."""
    found = []
    with httpx.Client(base_url=kargo.url, timeout=5) as client:
        for name, call in CALLS.items():
            if name in STATES:
                STATES[name](kargo)
            if name == WATCH:
                found += [f"{name}: {line}" for line in differences_of_watch(kargo, client)]
                continue
            request = call["request"]
            content = request["body"] if isinstance(request["body"], str) else json.dumps(request["body"]) if request["body"] else None
            path = request["path"].replace(RECORDED_RECEIVER, kargo.receiver)
            headers = TOKENS.get(name, {"Authorization": f"Bearer {kargo.token}"})
            response = client.request(request["method"], path, content=content, headers=headers)
            assert kargo.world.settle()
            found += [f"{name}: {line}" for line in differences_of(call, response)]
    assert not found, "\n".join(found)


def differences_of(call: dict[str, Any], response: httpx.Response) -> list[str]:
    """Compare an answer with the recorded one."""
    lines = []
    if response.status_code != call["status"]:
        lines.append(f"status {response.status_code}, recorded {call['status']}")
    if response.headers.get("Content-Type") != call["content_type"]:
        lines.append(f"content type {response.headers.get('Content-Type')}, recorded {call['content_type']}")
    answered = response.json() if response.content else ""
    return lines + differences(call["body"], answered)


def differences_of_watch(kargo: StandIn, client: httpx.Client) -> list[str]:
    """Watch while a newer image is pushed, promoted and verified, as it was recorded, and compare frame by frame."""
    recorded = [frame for frame in CALLS[WATCH]["frames"] if isinstance(frame, str) and frame.startswith("data: ")]
    status, code, content_type = CALLS[WATCH]["frames"][0]
    assert status == "status"
    with client.stream("GET", CALLS[WATCH]["request"]["path"], headers={"Authorization": f"Bearer {kargo.token}"}) as response:
        assert (response.status_code, response.headers["Content-Type"]) == (code, content_type)
        lines = response.iter_lines()
        answered = [next(lines)]
        assert next(lines) == ""
        kargo.world.push(REPOSITORY, NEWER, DIGEST, "2026-11-23T13:22:30Z")
        kargo.world.refresh("shop-images")
        answered += [line for line in itertools.islice(lines, 2 * (len(recorded) - 1)) if line]
    found = []
    for index, (old, new) in enumerate(zip(recorded, answered, strict=True)):
        before, after = (json.loads(frame.removeprefix("data: ")) for frame in (old, new))
        if before["type"] != after["type"]:
            found.append(f"frame {index} is {after['type']}, recorded {before['type']}")
        found += differences(before, after, f"frame {index}")
    return found


def test_a_failed_discovery_is_forgotten_a_moment_later(kargo: StandIn) -> None:
    """The trap: the refresh is handled, the Warehouse is Ready, and only `discoveredAt` is still the old one."""
    begin(kargo)
    kargo.world.push(REPOSITORY, TAG, DIGEST, "2026-11-23T13:21:21Z")
    kargo.world.refresh("shop-images")
    assert kargo.world.settle()
    before = kargo.world.copy("Warehouse", "shop-images")["status"]
    kargo.world.faults.fail_discovery = 1
    kargo.world.refresh("shop-images")
    assert kargo.world.settle()
    after = kargo.world.copy("Warehouse", "shop-images")["status"]
    assert after["lastHandledRefresh"] != before["lastHandledRefresh"]
    assert after["discoveredArtifacts"]["discoveredAt"] == before["discoveredArtifacts"]["discoveredAt"]
    assert {each["type"]: each["status"] for each in after["conditions"]}["Ready"] == "True"


def test_two_refreshes_within_a_second_are_one(kargo: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kargo writes whole seconds into the annotation, and reacts to changes of it."""
    begin(kargo)
    monkeypatch.setattr(resources, "timestamp", lambda: "2026-11-23T14:00:00Z")
    for _ in range(2):
        kargo.world.refresh("shop-images")
    versions = [each["metadata"]["annotations"] for each in [kargo.world.copy("Warehouse", "shop-images")]]
    assert versions == [{resources.REFRESH: "2026-11-23T14:00:00Z"}]
    assert kargo.world.settle()
    assert kargo.world.copy("Warehouse", "shop-images")["status"]["lastHandledRefresh"] == "2026-11-23T14:00:00Z"


def test_criteria_keep_mixed_images_apart(kargo: StandIn) -> None:
    """Freight is made only when the images that the criteria name are of one commit."""
    other = "127.0.0.1:5000/shop/ingest"
    kargo.world.push(REPOSITORY, TAG, DIGEST, "2026-11-23T13:21:21Z")
    kargo.world.push(other, OLDER, DIGEST, "2026-11-23T13:00:00Z")
    kargo.world.add_warehouse("both", [REPOSITORY, other], criteria=f"imageFrom('{REPOSITORY}').Tag == imageFrom('{other}').Tag")
    assert kargo.world.every("Freight") == []
    kargo.world.push(other, TAG, DIGEST, "2026-11-23T13:21:21Z")
    kargo.world.refresh("both")
    assert kargo.world.settle()
    (freight,) = kargo.world.every("Freight")
    assert {image["tag"] for image in freight["images"]} == {TAG}


def list_tags(store: ImageStore, *tags: str) -> None:
    """Let the registry list its tags, in two pages as docker-registry does where there are many."""
    first, rest = tags[:1], tags[1:]
    after = {"Link": '</v2/shop/query-api/tags/list?n=1000&last=x>; rel="next"'}
    store.fault("GET", r"/tags/list.*last=", Answer(body=json.dumps({"name": "shop/query-api", "tags": rest}).encode()))
    store.fault("GET", r"/tags/list\?n=1000$", Answer(headers=after, body=json.dumps({"name": "shop/query-api", "tags": first}).encode()))


def test_it_discovers_what_a_registry_has(store: ImageStore) -> None:
    """Tags that the filters take, the newest by its annotation first, with the digest that the registry computes."""
    old = store.push("shop/query-api", OLDER, tags=[OLDER], created=datetime(2026, 11, 23, 12, tzinfo=UTC))
    new = store.push("shop/query-api", NEWER, tags=[NEWER, "latest"], created=datetime(2026, 11, 23, 13, tzinfo=UTC))
    list_tags(store, OLDER, "latest", NEWER)
    subscription = {
        "repoURL": f"{store.host}/shop/query-api",
        "imageSelectionStrategy": "NewestBuild",
        "allowTagsRegexes": ["^[0-9a-f]{40}$"],
    }
    found = Registries().discover(subscription)
    assert [(image.tag, image.digest) for image in found] == [(NEWER, new.digest), (OLDER, old.digest)]
    assert found[0].created.startswith("2026-11-23T13:00:00")


def test_a_tag_without_manifest_stops_the_discovery(store: ImageStore) -> None:
    """As the real Kargo's: whatever else is in the repository."""
    store.push("shop/query-api", NEWER, tags=[NEWER, OLDER])
    list_tags(store, NEWER, OLDER)
    store.fault(
        "GET", f"/manifests/{OLDER}", Answer(status=404, body=b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}')
    )
    with pytest.raises(
        DiscoveryError, match=r"error retrieving images for all matched tags: GET http://.*: MANIFEST_UNKNOWN: manifest unknown"
    ):
        Registries().discover({"repoURL": f"{store.host}/shop/query-api", "imageSelectionStrategy": "NewestBuild"})


def test_it_runs_as_a_program(store: ImageStore) -> None:
    """In a container of the demo: with a Warehouse on a registry, Stages, and faults by `/control`."""
    store.push("shop/query-api", NEWER, tags=[NEWER], created=datetime(2026, 11, 23, 13, tzinfo=UTC))
    list_tags(store, NEWER)
    image = "registry.lan:5000/shop/query-api"
    command = [
        sys.executable,
        "-m",
        "devtools.kargo",
        "--port",
        "0",
        "--image",
        image,
        "--host",
        f"registry.lan:5000={store.host}",
        "--plain-http",
    ]
    with subprocess.Popen([*command, "--stage", "beta", "--stage", "paper"], stdout=subprocess.PIPE, text=True, cwd=ROOT) as program:
        assert program.stdout
        try:
            url, receiver = program.stdout.readline().split()
            assert receiver.startswith("/generic/")
            with httpx.Client(base_url=url, headers={"Authorization": "Bearer stand-in-token"}, timeout=5) as client:
                (freight,) = client.get("/v1beta1/projects/shop/freight").json()["groups"][""]["items"]
                assert freight["images"][0]["tag"] == NEWER
                assert list(freight["status"]["currentlyIn"]) == ["beta"]
                assert client.post("/control", content=b'{"answers": {"stages": [403, 1]}}').status_code == 200
                assert [client.get("/v1beta1/projects/shop/stages").status_code for _ in range(2)] == [403, 200]
        finally:
            program.terminate()
    assert program.returncode == 0
