"""`kargo-notify --show`: what a person and a program read of a release record."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kargo_notify.__main__ import PLUGIN
from plugin_kit.cli import main
from tests.support.project_store import ProjectStore, project_store, sha
from tests.support.scripted_server import Answer


@pytest.fixture
def store() -> Iterator[ProjectStore]:
    """Serve a registry with three commits: one of long ago, the newest, and one that is held."""
    with project_store() as served:
        served.commit(1)
        served.commit(2, more=["latest"])
        served.commit(0x2F3, held=True)
        yield served


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def show(store: ProjectStore, *arguments: str, code: int = 0) -> None:
    """Run the command as `docker run` does: two settings, no checkout."""
    assert main(PLUGIN, ["--show", *arguments], {"PLUGIN_REGISTRY": store.host, "PLUGIN_PROJECT": "shop"}) == code


def test_a_commit_is_shown_with_whole_digests(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Each reference stands on its own line, from its beginning, and can be pulled as it is copied."""
    show(store, sha(1))
    lines = capsys.readouterr().out.splitlines()
    for name in ("api", "query-api", "web"):
        assert f"{store.host}/shop/{name}@{store.tags[f'shop/{name}'][sha(1)]}" in lines


def test_the_head_says_where_it_comes_from(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Commit, repository, time, pipeline, state, and the record itself."""
    show(store, sha(1))
    assert capsys.readouterr().out.splitlines()[:7] == [
        f"commit      {sha(1)}",
        "repository  https://git.example.lan/acme/shop",
        "created     2026-05-04 12:01:00 UTC",
        "pipeline    1 https://ci.example.lan/1",
        "state       released",
        f"tags        {sha(1)}, candidate-{sha(1)}",
        f"record      {store.host}/shop/releases@{store.tags['shop/releases'][sha(1)]}",
    ]


def test_the_table_has_size_platforms_and_state(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Under the tag that all of them can be pulled by."""
    show(store, sha(1))
    lines = capsys.readouterr().out.splitlines()
    at = lines.index(f"Each image can be pulled as {sha(1)}:")
    size = next(image["size"] for image in json.loads(_record(store, 1))["images"])
    assert lines[at + 1].split() == ["image", "size", "platforms", "build", "now"]
    assert lines[at + 2].split() == ["api", str(size), "B", "linux/amd64", "built", "there"]


@pytest.mark.parametrize("wanted", [sha(2)[:4], sha(2)[:12].upper(), sha(2), "latest", f"candidate-{sha(2)}", f"  {sha(2)} "])
def test_a_commit_goes_by_many_names(store: ProjectStore, wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The beginning of its SHA, or any tag of the record."""
    show(store, wanted)
    assert f"commit      {sha(2)}" in capsys.readouterr().out


def test_a_held_commit_is_shown_as_such(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Its images can only be pulled by their candidate tag."""
    show(store, sha(0x2F3))
    out = capsys.readouterr().out
    assert f"state       held: kargo-notify has not set {sha(0x2F3)}\n" in out
    assert f"Each image can be pulled as candidate-{sha(0x2F3)}:\n" in out


def test_a_commit_that_was_released_from_hold_is_released(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """The record still says that it was held: its tags tell."""
    for tags in store.tags.values():
        tags[sha(0x2F3)] = tags[f"candidate-{sha(0x2F3)}"]
    show(store, sha(0x2F3))
    assert "state       released\n" in capsys.readouterr().out


def test_tags_that_never_came_are_told(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """A registry-push that failed in the middle leaves a record without its tag."""
    store.commit(9, more=["latest"])
    for tag in (sha(9), "latest"):
        del store.tags["shop/releases"][tag]
    show(store, sha(9), code=1)
    out = capsys.readouterr().out
    assert "state       incomplete: 1 problem, listed at the end\n" in out
    assert f"\n  releases:{sha(9)} is missing\n" in out


def test_a_version_is_a_name_too(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Also one that could be the beginning of a SHA."""
    store.commit(0x1234, tags=["1.4.2", "1.4", "1"])
    for wanted in ("1.4.2", "1"):
        show(store, wanted)
        assert f"commit      {sha(0x1234)}" in capsys.readouterr().out


def test_a_beginning_that_fits_two_commits_lists_them(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest first, with their times."""
    other = store.commit(3)
    twin = f"{sha(1)[:6]}{'9' * 34}"
    store.record(other.model_copy(update={"revision": twin}), [twin])
    show(store, sha(1)[:5], code=1)
    assert capsys.readouterr().out.splitlines() == [
        f"error: 00010 is the beginning of 2 commits of {store.host}/shop/releases",
        f"  {twin}  2026-05-04 12:03",
        f"  {sha(1)}  2026-05-04 12:01",
        "  hint: give some more digits",
    ]
    show(store, sha(1)[:7])


def test_json_is_the_only_thing_on_stdout(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """In the shape that the documentation gives."""
    show(store, sha(2), "--json")
    out = capsys.readouterr().out
    document = json.loads(out)
    digest = store.tags["shop/api"][sha(2)]
    image = document["images"].pop(0)
    assert document | {"images": []} == {
        "schema_version": 1,
        "revision": sha(2),
        "repository": "https://git.example.lan/acme/shop",
        "created": "2026-05-04T12:02:00Z",
        "pipeline": {"number": 2, "url": "https://ci.example.lan/2"},
        "state": "released",
        "tags": [sha(2), "latest", f"candidate-{sha(2)}"],
        "record": f"{store.host}/shop/releases@{store.tags['shop/releases'][sha(2)]}",
        "problems": [],
        "images": [],
    }
    assert image == {
        "name": "api",
        "repository": f"{store.host}/shop/api",
        "tag": sha(2),
        "digest": digest,
        "reference": f"{store.host}/shop/api@{digest}",
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "platforms": ["linux/amd64"],
        "size": image["size"],
        "state": "built",
        "problems": [],
    }


def test_what_is_not_there_is_answered_with_what_is(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest five commits."""
    for number in range(3, 9):
        store.commit(number)
    show(store, "beef", code=1)
    assert capsys.readouterr().out.splitlines() == [
        f"error: {store.host}/shop/releases has no record of beef",
        "  the newest commits there:",
        f"  {sha(0x2F3)}  2026-05-05 00:35",
        *(f"  {sha(number)}  2026-05-04 12:0{number}" for number in (8, 7, 6, 5)),
        "  hint: give a commit (4 digits or more) or a tag of the record, such as `latest`; --prune removes old ones",
    ]


def test_a_project_without_records_is_told_which_projects_have_some(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be misspelt."""
    assert main(PLUGIN, ["--show", "latest"], {"PLUGIN_REGISTRY": store.host, "PLUGIN_PROJECT": "shpo"}) == 1
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"error: {store.host}/shpo/releases has no release records",
        f"  {store.host} has records of: shop",
    ]


def test_a_registry_that_lists_no_repositories_says_less(store: ProjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Many keep the list to themselves, or to administrators."""
    store.fault("GET", "/v2/_catalog", Answer(status=401))
    assert main(PLUGIN, ["--show", "latest"], {"PLUGIN_REGISTRY": store.host, "PLUGIN_PROJECT": "shpo"}) == 1
    assert [line[:7] for line in capsys.readouterr().out.splitlines()[:2]] == ["error: ", "  hint:"]


def test_without_registry_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """A missing setting is exit code 2."""
    assert main(PLUGIN, ["--show", "latest"], {"PLUGIN_PROJECT": "shop"}) == 2
    assert "registry: required" in capsys.readouterr().out


def _record(store: ProjectStore, number: int) -> bytes:
    manifest = store.manifests["shop/releases"][store.tags["shop/releases"][sha(number)]]
    return store.blobs["shop/releases"][manifest.layers[0].digest]
