"""`kargo-notify --show`: what it says of a commit that the registry has no longer as its record has it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kargo_notify.__main__ import PLUGIN
from plugin_kit.cli import main
from tests.support.project_store import IMAGES, ProjectStore, project_store, sha
from tests.support.scripted_server import Answer

HELD = 5
Show = Callable[..., str]


@pytest.fixture
def store() -> Iterator[ProjectStore]:
    """Serve a registry with three released commits and one that is held."""
    with project_store() as served:
        for number in (1, 2, 3):
            served.commit(number, more=["latest"])
        served.commit(HELD, more=["latest"], held=True)
        yield served


@pytest.fixture
def show(store: ProjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """Return what runs the command for a commit and gives its log."""
    monkeypatch.chdir(tmp_path)

    def run(number: int, *, code: int = 1, project: str = "shop") -> str:
        environ = {"PLUGIN_REGISTRY": store.host, "PLUGIN_PROJECT": project, "PLUGIN_REGISTRY_TIMEOUT": "0s"}
        assert main(PLUGIN, ["--show", sha(number)], environ) == code
        return capsys.readouterr().out

    return run


def forget(store: ProjectStore, name: str, digest: str) -> None:
    """Delete a manifest with all its tags."""
    del store.manifests[f"shop/{name}"][digest]
    store.tags[f"shop/{name}"] = {tag: named for tag, named in store.tags[f"shop/{name}"].items() if named != digest}


def problems(log: str) -> list[str]:
    """Return the lines between the error and its hint."""
    lines = log.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("error: "))
    end = next(number for number, line in enumerate(lines) if line.startswith("  hint: "))
    return [line.strip() for line in lines[at + 1 : end]]


def rows(log: str) -> dict[str, str]:
    """Return the table's last column, by image."""
    return {name: line.rsplit("  ", 1)[1] for line in log.splitlines() for name in IMAGES if line.startswith(f"  {name} ")}


@pytest.mark.parametrize("number", [1, HELD])
def test_an_image_that_is_gone_makes_the_commit_incomplete(store: ProjectStore, show: Show, number: int) -> None:
    """Whether it is released or held; its tags, which went with it, are no further news."""
    digest = store.tags["shop/api"][f"candidate-{sha(number)}"]
    forget(store, "api", digest)
    log = show(number)
    assert "state       incomplete: 1 problem, listed at the end\n" in log
    assert f"error: commit {sha(number)} is not all there\n" in log
    assert problems(log) == [f"api: gone ({digest})"]
    assert rows(log) == {"api": "gone", "query-api": "there", "web": "there"}


def test_a_rollback_script_stops_and_can_read_why(store: ProjectStore, show: Show, capsys: pytest.CaptureFixture[str]) -> None:
    """The document stands alone on standard output, whatever is wrong; the error is on the other one."""
    del show  # its working folder is what is needed
    digest = store.tags["shop/api"][sha(1)]
    forget(store, "api", digest)
    assert main(PLUGIN, ["--show", sha(1), "--json"], {"PLUGIN_REGISTRY": store.host, "PLUGIN_PROJECT": "shop"}) == 1
    printed = capsys.readouterr()
    document: dict[str, Any] = json.loads(printed.out)
    said = f"api: gone ({digest})"
    assert (document["state"], document["problems"]) == ("incomplete", [said])
    assert [(image["name"], image["tag"], image["problems"]) for image in document["images"]] == [
        ("api", None, [said]),
        ("query-api", sha(1), []),
        ("web", sha(1), []),
    ]
    assert printed.err.startswith(f"error: commit {sha(1)} is not all there\n")


def test_a_tag_that_names_something_else_is_told_with_its_digest(store: ProjectStore, show: Show) -> None:
    """The digest can be pulled, and is not what the tag would pull."""
    other = store.tags["shop/web"][sha(2)]
    store.tag("web", other, sha(1))
    log = show(1)
    assert problems(log) == [f"web:{sha(1)} names {other}"]
    assert rows(log)["web"] == "wrong tag"
    assert "the digests can be pulled all the same" in log


@pytest.mark.parametrize(("number", "front"), [(1, ""), (HELD, "candidate-")])
def test_a_tag_that_is_missing_is_told(store: ProjectStore, show: Show, number: int, front: str) -> None:
    """The commit's own, or the candidate that a test would run."""
    del store.tags["shop/web"][front + sha(number)]
    assert problems(show(number)) == [f"web:{front}{sha(number)} is missing"]


@pytest.mark.parametrize("number", [1, HELD])
def test_parts_that_are_missing_are_named(store: ProjectStore, show: Show, number: int) -> None:
    """Layers are asked for one by one; their digests are cut to what fits a line."""
    manifest = store.manifests["shop/api"][store.tags["shop/api"][f"candidate-{sha(number)}"]]
    layers = [layer.digest for layer in manifest.layers]
    del store.blobs["shop/api"][layers[0]]
    assert problems(show(number)) == [f"api: layer {layers[0][:19]} is gone"]
    del store.blobs["shop/api"][layers[1]]
    del store.blobs["shop/api"][layers[2]]
    log = show(number)
    assert problems(log) == [f"api: layer {layers[0][:19]}, layer {layers[1][:19]} and 1 more are gone"]
    assert rows(log)["api"] == "in part"


def test_latest_of_an_older_commit_is_no_problem(store: ProjectStore, show: Show) -> None:
    """It has moved on, or never came where `latest: never` is set; versions move as well."""
    store.commit(4, tags=[sha(4), "1"])
    store.commit(6, tags=[sha(6), "1"])
    show(1, code=0)
    show(4, code=0)
    for tags in store.tags.values():
        del tags["latest"]
    show(3, code=0)


def test_latest_that_only_the_record_has_is_told(store: ProjectStore, show: Show) -> None:
    """It is set for all images before the record gets it."""
    del store.tags["shop/web"]["latest"]
    assert problems(show(3)) == ["web:latest is missing"]


def test_a_registry_that_is_broken_for_one_image_hides_no_other(store: ProjectStore, show: Show) -> None:
    """What can't be looked at is not said to be gone."""
    store.fault("GET", "/v2/shop/web/manifests/", Answer(status=403))
    log = show(1)
    assert rows(log) == {"api": "there", "query-api": "there", "web": "not known"}
    assert "refused shop/web@sha256:" in problems(log)[0]
    assert "what could not be looked at may be there" in log


def test_bytes_that_are_not_what_the_digest_promises_are_told(store: ProjectStore, show: Show) -> None:
    """A registry with a broken disk answers all the same."""
    digest = store.tags["shop/web"][sha(1)]
    other = store.manifests["shop/web"][store.tags["shop/web"][sha(2)]]
    store.fault("GET", f"/v2/shop/web/manifests/{digest}", Answer(headers={"Content-Type": other.media_type}, body=other.content))
    log = show(1)
    assert rows(log)["web"] == "in part"
    assert "with other bytes than it promised" in problems(log)[0]


def test_images_are_found_by_whatever_name_their_registry_had(store: ProjectStore, show: Show) -> None:
    """The network of the pipeline calls it otherwise than the person who asks."""
    store.commit(7, host="registry:5000")
    log = show(7, code=0)
    assert f"registry:5000/shop/api@{store.tags['shop/api'][sha(7)]}\n" in log


def test_images_of_different_tags_are_shown_with_theirs(store: ProjectStore, show: Show) -> None:
    """No sentence above the table fits all of them then."""
    del store.tags["shop/web"][sha(1)]
    log = show(1)
    assert "Each image can be pulled" not in log
    assert next(line for line in log.splitlines() if line.startswith("  web ")).split()[1] == f"candidate-{sha(1)}"


def test_all_platforms_are_looked_at(store: ProjectStore, show: Show) -> None:
    """An index is there only with all that it lists."""
    parts = {platform: store.push("shop/api", sha(8), platform=platform) for platform in ("linux/amd64", "linux/arm64")}
    release = store.commit(8)
    index = store.push_index("shop/api", parts, tags=[sha(8), f"candidate-{sha(8)}"])
    api = release.images[0].model_copy(update={"digest": index.digest, "platforms": tuple(parts)})
    store.record(release.model_copy(update={"images": (api, *release.images[1:])}), [sha(8), f"candidate-{sha(8)}"])
    show(8, code=0)
    del store.manifests["shop/api"][parts["linux/arm64"].digest]
    assert problems(show(8)) == [f"api: manifest of linux/arm64 {parts['linux/arm64'].digest[:19]} is gone"]
