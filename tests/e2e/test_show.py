"""`kargo-notify --show` on a real docker-registry that has lost parts of a commit."""

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.containers import network
from devtools.registry import registry
from kargo_notify.__main__ import PLUGIN
from plugin_kit.cli import main
from plugin_kit.http import Http
from plugin_kit.manifest import Manifest
from plugin_kit.reference import parse_registry
from plugin_kit.registry import Registry
from tests.support.project_store import project_store, sha

HELD = 2


@pytest.fixture(scope="module")
def client() -> Iterator[Registry]:
    """Start a registry that allows deletes, and open a client for it."""
    with network("show") as net, registry(net) as started, Http(connections=4) as http:
        yield Registry(parse_registry(started.host), http)


@pytest.fixture
def project(client: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Store a released and a held commit in a project that no other test has; return its name."""
    monkeypatch.chdir(tmp_path)
    name = f"show-{secrets.token_hex(3)}"
    with project_store(project=name) as store:
        store.commit(1, more=["latest"], host=client.host)
        store.commit(HELD, host=client.host, held=True)
        for path, blobs in store.blobs.items():
            for content in blobs.values():
                client.put_blob(path, content)
            for tag, digest in store.tags[path].items():
                client.put_manifest(path, tag, store.manifests[path][digest])
    return name


Shown = Callable[[int, int], dict[str, Any]]


@pytest.fixture
def shown(client: Registry, project: str, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Return what gives the document of a commit, and expects an exit code."""

    def run(number: int, code: int) -> dict[str, Any]:
        environ = {"PLUGIN_REGISTRY": client.host, "PLUGIN_PROJECT": project}
        assert main(PLUGIN, ["--show", sha(number), "--json"], environ) == code
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return run


def there(client: Registry, path: str, tag: str) -> Manifest:
    """Return a manifest that is there."""
    found = client.manifest(path, tag)
    assert found is not None
    return found


def test_what_is_all_there_is_released_or_held(shown: Shown) -> None:
    """With exit code 0."""
    assert [shown(number, 0)["state"] for number in (1, HELD)] == ["released", "held"]


@pytest.mark.parametrize("number", [1, HELD])
def test_an_image_that_was_deleted_is_gone(client: Registry, project: str, shown: Shown, number: int) -> None:
    """By digest, as people and other tools tidy up docker-registry."""
    digest = there(client, f"{project}/api", f"candidate-{sha(number)}").digest
    assert client.delete(f"{project}/api", digest)
    document = shown(number, 1)
    assert (document["state"], document["problems"]) == ("incomplete", [f"api: gone ({digest})"])


@pytest.mark.parametrize("number", [1, HELD])
def test_a_layer_that_was_deleted_is_named(client: Registry, project: str, shown: Shown, number: int) -> None:
    """The manifest still answers, and no node could pull it."""
    layer = there(client, f"{project}/web", f"candidate-{sha(number)}").layers[0].digest
    httpx.delete(f"http://{client.host}/v2/{project}/web/blobs/{layer}").raise_for_status()
    assert shown(number, 1)["problems"] == [f"web: layer {layer[:19]} is gone"]


def test_a_tag_that_was_set_to_another_image_is_told(client: Registry, project: str, shown: Shown) -> None:
    """With what it names."""
    other = there(client, f"{project}/web", f"candidate-{sha(HELD)}")
    client.put_manifest(f"{project}/web", sha(1), other)
    assert shown(1, 1)["problems"] == [f"web:{sha(1)} names {other.digest}"]
