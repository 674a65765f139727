"""The release record is found in the workspace, else in the registry; where there is none, the user reads where it was looked for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kargo_notify import records
from kargo_notify.records import Record
from plugin_kit.ci import CI, Event
from plugin_kit.errors import PluginError, RegistryUnavailable, SettingsError
from plugin_kit.reference import RegistryHost
from plugin_kit.release import WORKSPACE_FILE, Release, candidate_tag, write_workspace
from tests.support.held_commit import CANDIDATE, OTHER, SHA, HeldCommit
from tests.support.scripted_server import Answer


def found(held: HeldCommit, ci: CI | None = None, **given: Any) -> Record | None:  # noqa: ANN401  the fields of Settings
    """Look for the record with these settings."""
    settings = held.settings(**given)
    return records.find(settings, ci or held.ci, held.access(settings), held.console)


def asked(held: HeldCommit) -> list[str]:
    """Return which tags of the records' repository were asked for."""
    return [each.path.rpartition("/")[2] for each in held.store.server.asked("/releases/manifests/")]


class TestWorkspace:
    """An earlier step of the same workflow has left it."""

    def test_it_is_taken(self, held: HeldCommit) -> None:
        """With its manifest in the registry, which is tagged later."""
        write_workspace(held.release(), held.workspace)
        manifest = held.push_record()
        record = found(held)
        assert record
        assert (record.release, record.in_workspace, record.manifest) == (held.release(), True, manifest)
        assert str(record.releases) == f"{held.store.host}/shop/releases"
        assert str(WORKSPACE_FILE) in record.origin

    def test_a_record_that_is_nowhere_else(self, held: HeldCommit) -> None:
        """registry-push with `record: workspace`."""
        write_workspace(held.release(), held.workspace)
        record = found(held)
        assert record
        assert (record.releases, record.manifest) == (None, None)

    def test_its_registry_is_the_default(self, held: HeldCommit) -> None:
        """Neither `registry` nor `project` has to be repeated."""
        write_workspace(held.release(), held.workspace)
        manifest = held.push_record()
        record = found(held, replace(held.ci, repo="acme/another-name"), registry="")
        assert record
        assert record.manifest == manifest

    @pytest.mark.parametrize(
        ("name", "path", "releases"),
        [
            ("api", "group/shop/api", "group/shop/releases"),
            ("backend/api", "shop/backend/api", "shop/releases"),
            ("{host}/team/api", "team/api", "team/releases"),
            ("team/api", "team/api", "team/releases"),
        ],
    )
    def test_the_records_repository_is_beside_the_images(self, held: HeldCommit, name: str, path: str, releases: str) -> None:
        """As registry-push puts it there: of `<project>/<name>` and of `repo`."""
        changes = {"name": name.format(host=held.store.host), "repository": f"{held.store.host}/{path}"}
        release = held.release(images=(held.released("api").model_copy(update=changes),))
        write_workspace(release, held.workspace)
        manifest = held.push_record(release, path=releases)
        record = found(held)
        assert record
        assert (record.manifest, str(record.releases)) == (manifest, f"{held.store.host}/{releases}")

    def test_a_record_of_another_commit_is_not_taken(self, held: HeldCommit) -> None:
        """The registry is asked instead, and the log says so."""
        write_workspace(held.release(revision=OTHER), held.workspace)
        held.push_record()
        record = found(held)
        assert record
        assert not record.in_workspace
        assert ".local-cicd/release.json in the workspace is of commit bbbbbbbbbbbb, not of 4c1f0d0a7e5b" in held.log

    def test_a_record_that_says_something_else_in_the_registry_is_not_tagged(self, held: HeldCommit) -> None:
        """The commit was built again meanwhile; the workspace counts."""
        write_workspace(held.release(), held.workspace)
        other = held.released("api").model_copy(update={"digest": f"sha256:{'1' * 64}"})
        held.push_record(held.release(images=(other,)))
        record = found(held)
        assert record
        assert (record.release, record.manifest) == (held.release(), None)
        assert "names other images than the release record in the workspace" in held.log

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"registry": "other.lan:5000"}, "registry: the record in the workspace is of {host}/shop, the setting says other.lan:5000"),
            ({"project": "shop2"}, "project: the record in the workspace is of {host}/shop, the setting says shop2"),
            ({"project": "sho"}, "project: the record in the workspace is of {host}/shop, the setting says sho"),
        ],
    )
    def test_settings_that_say_something_else_are_a_mistake(self, held: HeldCommit, given: dict[str, Any], problem: str) -> None:
        """One of the two is wrong, and nobody can tell which."""
        write_workspace(held.release(), held.workspace)
        with pytest.raises(SettingsError) as caught:
            found(held, **given)
        assert caught.value.problems == (problem.format(host=held.store.host),)
        assert "as in registry-push" in (caught.value.hint or "")
        assert asked(held) == []

    @pytest.mark.parametrize(
        ("name", "path", "project"),
        [("api", "group/shop/api", "group/shop"), ("api", "group/shop/api", "group"), ("team/api", "team/api", "shop")],
    )
    def test_settings_that_say_the_same_are_none(self, held: HeldCommit, name: str, path: str, project: str) -> None:
        """A part of the path will do; images of `repo` may be anywhere."""
        changes = {"name": name, "repository": f"{held.store.host}/{path}"}
        write_workspace(held.release(images=(held.released("api").model_copy(update=changes),)), held.workspace)
        assert found(held, project=project)

    def test_an_image_of_repo_may_be_in_another_registry(self, held: HeldCommit) -> None:
        """`registry` is then where the login is for."""
        changes = {"name": "other.lan/team/api", "repository": "other.lan/team/api"}
        release = held.release(images=(held.released("api").model_copy(update=changes), held.released("web")))
        records._demand_agreement(release, held.settings(project="shop"), held.ci, RegistryHost(host=held.store.host))

    def test_what_was_released_before_is_known(self, held: HeldCommit) -> None:
        """The first run has written into the workspace that its tags are no longer held; the registry's record knows better."""
        held.push_record()
        write_workspace(held.release(held=False), held.workspace)
        record = found(held)
        assert record
        assert record.release.held

    def test_half_a_file_is_told(self, held: HeldCommit) -> None:
        """Rather than guessed at."""
        write_workspace(held.release(), held.workspace).write_bytes(held.release().to_json()[:50])
        with pytest.raises(PluginError, match=r"release\.json in the workspace is not a release record"):
            found(held)


class TestRegistry:
    """Another workflow, on another machine."""

    @pytest.mark.parametrize("tag", [CANDIDATE, SHA, f"feature-x-{SHA}"])
    def test_it_is_found_by_each_of_its_tags(self, held: HeldCommit, tag: str) -> None:
        """Held, released, and released from a branch."""
        manifest = held.push_record(tags=[tag])
        record = found(held, replace(held.ci, branch="feature/x"))
        assert record
        assert (record.release, record.manifest, record.in_workspace) == (held.release(), manifest, False)
        assert record.origin == f"the release record {held.store.host}/shop/releases:{tag}"

    def test_a_candidate_is_newer_than_a_released_record(self, held: HeldCommit) -> None:
        """A commit that was built again with `force: true` has both."""
        held.push_record(held.release(held=False), tags=[SHA])
        held.push_record(held.release(forced=True))
        record = found(held)
        assert record
        assert record.release.forced

    def test_a_record_of_another_commit_under_our_tag(self, held: HeldCommit) -> None:
        """Somebody tagged by hand: nothing of it is released under our name."""
        held.push_record(held.release(revision=OTHER))
        with pytest.raises(PluginError, match=f"is the release record of another commit, {OTHER}"):
            found(held)

    def test_another_commit_may_be_asked_for(self, held: HeldCommit) -> None:
        """`revision` says which."""
        held.push_record(held.release(revision=OTHER), tags=[candidate_tag(OTHER)])
        record = found(held, revision=OTHER)
        assert record
        assert record.release.revision == OTHER

    def test_a_registry_that_restarts_is_waited_for(self, held: HeldCommit) -> None:
        """As long as for images."""
        held.push_record()
        held.store.fault("GET", "/releases/", Answer(drop=True), Answer(status=503), held.store.answer)
        assert found(held, timeout=60)

    def test_a_registry_that_is_down_is_an_error(self, held: HeldCommit) -> None:
        """Of the registry, not of the record."""
        held.store.fault("GET", "/releases/", Answer(status=503))
        with pytest.raises(RegistryUnavailable, match="503"):
            found(held)


class TestNone:
    """There is no record."""

    def test_the_error_says_where_it_was_looked_for(self, held: HeldCommit) -> None:
        """And what may be the reason."""
        with pytest.raises(PluginError) as caught:
            found(held)
        assert caught.value.message == "there is no release record of commit 4c1f0d0a7e5b: it is not known which images it has"
        assert caught.value.details == (
            "looked at: .local-cicd/release.json in the workspace (not there)",
            *(f"looked at: {held.store.host}/shop/releases:{tag} (not there)" for tag in (CANDIDATE, SHA, f"main-{SHA}")),
        )
        for words in ("run registry-push before this step", "`record: workspace`", "`images`"):
            assert words in (caught.value.hint or "")
        assert asked(held) == [CANDIDATE, SHA, f"main-{SHA}"]

    def test_a_stale_workspace_is_part_of_it(self, held: HeldCommit) -> None:
        """It was looked at, and is of another commit."""
        write_workspace(held.release(revision=OTHER), held.workspace)
        with pytest.raises(PluginError) as caught:
            found(held)
        assert caught.value.details[0] == "looked at: .local-cicd/release.json in the workspace (of commit bbbbbbbbbbbb)"

    def test_images_by_hand_need_none(self, held: HeldCommit) -> None:
        """The registry is not asked for one."""
        assert found(held, images=["api"]) is None
        assert asked(held) == []


class TestHome:
    """Which registry the run is about."""

    @pytest.mark.parametrize(
        ("given", "host"),
        [
            ({"registry": "registry.lan:5000"}, RegistryHost(host="registry.lan:5000")),
            ({"registry": "https://registry.lan/v2/"}, RegistryHost(host="registry.lan", scheme="https")),
            ({"registry": "", "images": ["api", "other.lan/shop/web"]}, RegistryHost(host="other.lan")),
        ],
    )
    def test_it_is_that_of_the_settings(self, held: HeldCommit, given: dict[str, Any], host: RegistryHost) -> None:
        """`registry`, or the first full name in `images`."""
        assert records.home(held.settings(**given), held.ci) == host

    def test_it_is_that_of_the_workspace(self, held: HeldCommit) -> None:
        """Where registry-push has pushed to."""
        write_workspace(held.release(), held.workspace)
        assert records.home(held.settings(registry=""), held.ci) == RegistryHost(host=held.store.host)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"registry": ""}, "registry: required, but not set"),
            ({"registry": "", "images": ["api"]}, "registry: required, but not set"),
            ({"registry": "", "images": ["other.lan/Shop"]}, "images: .* lower case"),
            ({"registry": "", "images": ["other.lan/shop/app:1.4.3"]}, r"images: .*its tag belongs into `tags`, as in `tags: \[1.4.3\]`"),
            ({"registry": "a/b"}, "registry: .* has a path"),
            ({"registry": "http://registry.lan", "insecure": False}, "`insecure: true`"),
        ],
    )
    def test_a_registry_that_is_not_known(self, held: HeldCommit, given: dict[str, Any], words: str) -> None:
        """It is a matter of settings."""
        with pytest.raises(SettingsError, match=words):
            records.home(held.settings(**given), held.ci)


def test_tags_belong_to_images(held: HeldCommit) -> None:
    """Those of a record are in it: who writes them expects something that would not happen."""
    held.push_record()
    with pytest.raises(SettingsError, match="tags: it belongs to `images`"):
        found(held, tags=["1.4.3"])
    assert asked(held) == []


@pytest.mark.parametrize("event", list(Event))
def test_pull_requests_release_nothing(held: HeldCommit, event: Event) -> None:
    """registry-push has pushed nothing for them."""
    reason = records.skipped(replace(held.ci, event=event))
    assert (reason is not None) is event.name.startswith("PULL_REQUEST")


@pytest.mark.parametrize(("revision", "words"), [("abc1234", "no full commit id"), ("", "the commit is not known")])
def test_a_commit_must_be_known_in_full(held: HeldCommit, revision: str, words: str) -> None:
    """Tags are made of it."""
    with pytest.raises(SettingsError, match=words):
        records.commit_of(held.settings(revision=revision), replace(held.ci, sha=None))


def test_a_record_without_images_is_read(held: HeldCommit, tmp_path: Path) -> None:
    """What it means is not decided here."""
    write_workspace(Release(revision=SHA, created=held.release().created, images=()), tmp_path)
    record = found(held)
    assert record
    assert record.release.images == ()
