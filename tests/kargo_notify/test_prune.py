"""`kargo-notify --prune` on registries of every kind, with a Kargo that holds something."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from kargo_notify import prune
from kargo_notify.__main__ import PLUGIN
from kargo_notify.freight import Artifact
from plugin_kit.cli import main
from tests.support.holding_kargo import HoldingKargo, freight, goes_away, stage
from tests.support.project_store import IMAGES, Removal, project_store, sha
from tests.support.prune_scene import REPOSITORIES, Scene, reasons, states
from tests.support.scripted_server import Answer

EVERYWHERE = [Removal.DIGESTS, Removal.TAGS, Removal.GREEDY]
Making = Callable[..., "AbstractContextManager[Scene]"]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Making:
    """Return what makes a scene on a registry of some kind."""
    monkeypatch.chdir(tmp_path)

    @contextmanager
    def make(removal: Removal = Removal.DIGESTS) -> Iterator[Scene]:
        with project_store(removal) as store:
            for number in range(1, 11):
                store.commit(number, more=["latest"])
            kargo = HoldingKargo(watched=f"{store.host}/shop/query-api")
            monkeypatch.setattr(prune, "connect", lambda *_: kargo)
            yield Scene(store=store, kargo=kargo, printed=lambda: capsys.readouterr().out)

    return make


@pytest.mark.parametrize("removal", EVERYWHERE)
def test_old_commits_lose_all_their_tags(scene: Making, removal: Removal) -> None:
    """In every image, candidates and records too; the newest keep theirs, and latest is where it was."""
    with scene(removal) as there:
        latest = there.store.tags["shop/api"]["latest"]
        log = there.prune()
        assert there.left() == {7, 8, 9, 10}
        assert there.store.names("api") == {"latest", *(front + sha(n) for n in range(7, 11) for front in ("", "candidate-"))}
        assert there.store.tags["shop/api"]["latest"] == latest
        assert "/shop: 4 released commits kept, 0 protected, 6 removed" in log


@pytest.mark.parametrize("removal", EVERYWHERE)
def test_the_rest_can_be_pulled(scene: Making, removal: Removal) -> None:
    """Each tag has its manifest: one without stops Kargo's discovery."""
    with scene(removal) as there:
        there.store.tag("api", there.store.tags["shop/api"][sha(2)], "1.4.2")
        there.prune()
        assert all(digest in there.store.manifests[path] for path, tags in there.store.tags.items() for digest in tags.values())
        assert "1.4.2" in there.store.names("api")


def test_a_dry_run_shows_the_same_and_removes_nothing(scene: Making) -> None:
    """Commits, numbers and reasons."""
    with scene() as there:
        there.kargo.held.append(freight(there.image(2)))
        before = there.store.everything()
        shown = there.prune("--dry-run")
        assert (there.store.everything(), there.store.deleted) == (before, [])
        assert "/shop: 4 released commits kept, 1 protected, 5 would be removed" in shown
        done = there.prune()
        rows = [line.replace("would go", "removed ") for line in shown.splitlines() if "2026-05-04" in line]
        assert [row.split() for row in rows] == [line.split() for line in done.splitlines() if "2026-05-04" in line]


def test_the_log_says_what_stays_and_why(scene: Making) -> None:
    """By Freight alias and Stage, for every old commit; and where the disk space is."""
    with scene() as there:
        there.kargo.held.append(freight(there.image(2), alias="lolling-mongoose"))
        there.kargo.running.append(stage("live", there.image(3)))
        there.store.tag("web", there.store.tags["shop/web"][sha(5)], "1.4.2")
        log = there.prune()
        assert there.left() == {2, 3, 5, 7, 8, 9, 10}
        assert reasons(log) == {
            2: "Freight lolling-mongoose (92be33f0e96a)",
            3: "Stage live",
            5: "the same digest as web:1.4.2",
        }
        assert "docker-registry garbage-collect /etc/docker/registry/config.yml" in log


def test_a_tag_goes_by_itself_where_the_registry_can(scene: Making) -> None:
    """Then a version on the same digest protects nothing, and stays."""
    with scene(Removal.TAGS) as there:
        there.store.tag("web", there.store.tags["shop/web"][sha(5)], "1.4.2")
        log = there.prune()
        assert there.left() == {7, 8, 9, 10}
        assert "1.4.2" in there.store.names("web")
        assert not any(reference.startswith("sha256:") for _, reference in there.store.deleted)
        assert "--delete-untagged" in log


def test_a_registry_that_takes_the_manifest_along_is_found_out(scene: Making) -> None:
    """What it took is put back, and the rest goes by digest, as far as no other tag has it."""
    with scene(Removal.GREEDY) as there:
        digest = there.store.tags["shop/api"][sha(1)]
        there.store.tag("api", digest, "1.4.2")
        there.prune()
        assert there.left() == {1, 7, 8, 9, 10}
        assert there.store.tags["shop/api"]["1.4.2"] == there.store.tags["shop/api"][sha(1)] == digest


def test_each_kind_of_reason_is_said_once(scene: Making) -> None:
    """With how many more there are: a commit that five versions and three Freights name would fill the screen."""
    with scene() as there:
        for alias in ("full-marmot", "giddy-goat", "lolling-mongoose"):
            there.kargo.held.append(freight(there.image(2), alias=alias))
        there.kargo.running.append(stage("live", there.image(2)))
        for name in IMAGES:
            for version in ("1", "1.4", "1.4.2"):
                there.store.tag(name, there.store.tags[f"shop/{name}"][sha(2)], version)
        log = there.prune()
        assert reasons(log) == {2: "Freight full-marmot (92be33f0e96a) and 2 more; Stage live; the same digest as query-api:1 and 8 more"}
        assert all(len(line) < 120 for line in log.splitlines() if "protected" in line)


def test_failed_commits_do_not_count(scene: Making) -> None:
    """Those older than the oldest that is kept go with it; newer ones stay and are listed by themselves."""
    with scene() as there:
        for number in (11, 12, 13):
            there.store.commit(number, held=True, more=["latest"])
        for name in REPOSITORIES:
            there.store.tags[f"shop/{name}"] = {
                tag: digest for tag, digest in there.store.tags[f"shop/{name}"].items() if tag not in {sha(3), sha(8)}
            }
        log = there.prune()
        assert there.left() == {6, 7, 8, 9, 10, 11, 12, 13}
        old, unreleased = (part.split("tags of")[0] for part in log.split("Unreleased, which --keep does not count"))
        assert states(old) == {1: "released", 2: "released", 3: "incomplete", 4: "released", 5: "released"}
        assert states(unreleased) == {13: "held", 12: "held", 11: "held", 8: "incomplete"}
        assert "/shop: 4 released and 4 unreleased commits kept, 0 protected, 5 removed\n" in log


def test_a_branch_counts_and_is_called_so(scene: Making) -> None:
    """Its tags tell."""
    with scene() as there:
        there.store.commit(0, tags=[f"feature-x-{sha(0)}"])
        there.store.commit(11, tags=[f"feature-x-{sha(11)}"])
        log = there.prune()
        assert states(log)[0] == "branch"
        assert there.left() == {8, 9, 10, 11}


def test_what_was_released_from_hold_counts(scene: Making) -> None:
    """Its record still says that it is held; a version is a release, too."""
    with scene() as there:
        for number, tag in ((11, sha(11)), (12, "1.4.2")):
            there.store.commit(number, held=True)
            for name in REPOSITORIES:
                there.store.tag(name, there.store.tags[f"shop/{name}"][f"candidate-{sha(number)}"], tag)
        assert "4 released commits kept" in there.prune()
        assert there.left() == {9, 10, 11, 12}


def test_another_project_is_an_error(scene: Making) -> None:
    """A misspelt `project` would tidy up nothing, week after week."""
    with scene() as there:
        environ = {"PLUGIN_REGISTRY": there.store.host, "PLUGIN_PROJECT": "shopp"}
        assert main(PLUGIN, ["--prune"], environ) == 1
        log = there.printed()
        assert f"error: {there.store.host}/shopp/releases has no release records\n  {there.store.host} has records of: shop\n" in log


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_deletes_that_are_off_are_told_with_the_setting(scene: Making, option: tuple[str, ...]) -> None:
    """docker-registry comes so; nothing has been removed. A dry run shows its plan, and ends as the run would."""
    with scene(Removal.OFF) as there:
        before = there.store.everything()
        log = there.prune(*option, code=1)
        assert there.store.everything() == before
        assert f"error: {there.store.host} does not allow anything to be removed\n" in log
        assert "storage.delete.enabled: true" in log
        assert ("6 would be removed" in log) == bool(option)


def test_a_dry_run_that_may_not_remove_says_so(scene: Making) -> None:
    """As the run would."""
    with scene() as there:
        there.store.fault("DELETE", "/manifests/", Answer(status=403))
        assert "refused the removal of" in there.prune("--dry-run", code=1)


def test_freight_that_comes_meanwhile_keeps_its_commit(scene: Making) -> None:
    """Kargo is asked again before each commit."""
    with scene() as there:
        image = there.image(3)
        there.kargo.events = [lambda: None, lambda: None, lambda: there.kargo.held.append(freight(image))]
        log = there.prune()
        assert there.left() == {3, 7, 8, 9, 10}
        assert "Freight full-marmot" in log


def test_a_tag_that_comes_meanwhile_keeps_its_commit(scene: Making) -> None:
    """A release of an old commit in the same minute is not lost with its digest."""
    with scene() as there:
        digest = there.store.tags["shop/api"][sha(3)]
        there.kargo.events = [lambda: None, lambda: there.store.tag("api", digest, "1.4.2")]
        log = there.prune()
        assert there.left() == {3, 7, 8, 9, 10}
        assert "the same digest as api:1.4.2" in log


def test_a_commit_that_is_built_again_meanwhile_stays(scene: Making) -> None:
    """Somebody wants it."""
    with scene(Removal.TAGS) as there:

        def build_again() -> None:
            there.store.push("shop/api", sha(4), platform="linux/arm64", tags=[sha(4)])

        there.kargo.events = [lambda: None, build_again]
        log = there.prune()
        assert there.left() == {4, 7, 8, 9, 10}
        assert "its tags changed while this ran" in log


def test_without_kargo_nothing_is_removed(scene: Making) -> None:
    """Nobody knows then what it holds."""
    with scene() as there:
        there.kargo.events = [goes_away]
        log = there.prune(code=1)
        assert there.left() == set(range(1, 11))
        assert "can't reach Kargo at kargo.lan" in log


def test_a_kargo_that_goes_away_stops_the_run(scene: Making) -> None:
    """It says how far it came, and the next run finishes."""
    with scene() as there:
        there.kargo.events = [lambda: None, lambda: None, lambda: None, goes_away]
        log = there.prune(code=1)
        assert there.left() == set(range(3, 11))
        assert "  2 commits removed before that\n" in log
        assert f"  {sha(3)} may have lost some of its tags; all others are whole\n" in log
        there.prune()
        assert there.left() == {7, 8, 9, 10}


def test_a_registry_that_goes_away_leaves_a_run_that_can_be_repeated(scene: Making) -> None:
    """What Kargo watches goes first and the record last, so the commit is known to be unfinished."""
    with scene() as there:
        there.store.fault("DELETE", "/shop/web/manifests/", Answer(status=500), skip=1)
        log = there.prune(code=1)
        assert "1 commit removed before that" in log
        assert (2 in there.store.commits("query-api"), 2 in there.store.commits("web"), 2 in there.store.commits("releases")) == (
            False,
            True,
            True,
        )
        there.store.heal()
        there.prune()
        assert there.left() == {7, 8, 9, 10}


def test_a_second_run_has_nothing_to_do(scene: Making) -> None:
    """And does not even ask what the registry can do."""
    with scene() as there:
        there.prune()
        asked = len(there.store.server.asked(method="DELETE"))
        assert "4 released commits kept, 0 protected, 0 removed" in there.prune()
        assert len(there.store.server.asked(method="DELETE")) == asked


@pytest.mark.parametrize("settings", [{}, {"PLUGIN_VIA": "none"}, {"PLUGIN_WEBHOOK_URL": "https://kargo.lan/generic/abc"}])
def test_a_kargo_that_cant_be_asked_is_refused(settings: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """With what to set instead."""
    assert main(PLUGIN, ["--prune"], {"PLUGIN_REGISTRY": "registry.lan:5000", "PLUGIN_PROJECT": "shop", **settings}) == 2
    log = " ".join(capsys.readouterr().out.split())
    assert "--prune has to ask Kargo which images it still needs; a webhook can't be asked, nor can `via: none`" in log
    assert "set `kargo_url`, `kargo_token`, `kargo_project` and `warehouse`" in log


def test_another_kargo_project_is_refused(scene: Making) -> None:
    """Its Freight would protect nothing here."""
    with scene() as there:
        there.kargo.watched = "registry.lan:5000/blog/web"
        there.kargo.held.append(freight(Artifact(repo_url="registry.lan:5000/blog/web", tag="f" * 40, digest="sha256:1")))
        log = " ".join(there.prune(code=1).split())
        assert there.left() == set(range(1, 11))
        assert "the Kargo project shop-cd has nothing to do with" in log


@pytest.mark.parametrize("keep", ["0", "-1", "many", "1.5"])
def test_a_number_that_is_none_is_refused(scene: Making, keep: str) -> None:
    """Before anything is asked."""
    with scene() as there:
        environ = {"PLUGIN_REGISTRY": there.store.host, "PLUGIN_PROJECT": "shop"}
        assert main(PLUGIN, ["--prune", f"--keep={keep}"], environ) == 2
        assert f"--keep: '{keep}' is no number of commits" in there.printed()
        assert there.kargo.asked == 0


@pytest.mark.parametrize("removal", [Removal.DIGESTS, Removal.TAGS])
def test_a_tag_without_manifest_goes_with_its_commit(scene: Making, removal: Removal) -> None:
    """Also where it can't be removed by itself."""
    with scene(removal) as there:
        there.store.tag("api", "sha256:gone", sha(2))
        there.prune()
        assert there.left() == {7, 8, 9, 10}
        assert all(digest in there.store.manifests[path] for path, tags in there.store.tags.items() for digest in tags.values())


def test_a_tag_that_lost_its_way_is_set_as_the_record_says(scene: Making) -> None:
    """The manifest is there, and the record has its digest."""
    with scene() as there:
        digest = there.store.tags["shop/api"][sha(9)]
        there.store.tag("api", "sha256:gone", sha(9))
        log = there.prune()
        assert there.store.tags["shop/api"][sha(9)] == digest
        assert f"shop/api:{sha(9)} led nowhere and was set again" in log


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_a_tag_that_stays_without_manifest_is_an_error(scene: Making, option: tuple[str, ...]) -> None:
    """Nobody else would say why Kargo sees nothing new."""
    with scene() as there:
        there.store.tag("api", "sha256:gone", "stable")
        log = " ".join(there.prune(*option, code=1).split())
        assert (
            f"error: 1 tag without a manifest: while there is one in a repository, Kargo discovers nothing new there {there.store.host}"
            in log
        )
        assert f"{there.store.host}/shop/api:stable" in log


def test_the_parts_of_an_index_go_with_it(scene: Making) -> None:
    """docker-registry 2.8 would keep them for ever: its garbage collection can't be let loose on what has no tag."""
    with scene() as there:
        parts = {
            number: [there.store.push("shop/api", sha(number), platform=platform) for platform in ("linux/amd64", "linux/arm64")]
            for number in (1, 9)
        }
        for number, (amd, arm) in parts.items():
            there.store.push_index("shop/api", {"linux/amd64": amd, "linux/arm64": arm}, tags=[sha(number), f"candidate-{sha(number)}"])
        there.prune()
        present = there.store.manifests["shop/api"]
        assert [part.digest in present for part in parts[1]] == [False, False]
        assert [part.digest in present for part in parts[9]] == [True, True]


def test_a_broken_record_keeps_its_commit_and_no_other(scene: Making) -> None:
    """Nobody can tell what it is made of."""
    with scene() as there:
        manifest = there.store.manifests["shop/releases"][there.store.tags["shop/releases"][sha(2)]]
        del there.store.blobs["shop/releases"][manifest.layers[0].digest]
        log = there.prune()
        assert there.left() == {2, 7, 8, 9, 10}
        assert "its release record can't be read" in log


def test_images_elsewhere_are_told_and_left_alone(scene: Making) -> None:
    """Only what lies beside the records is the project's own, by whatever name its registry went when it was built."""
    with scene() as there:
        release = there.store.commit(11, host="registry:5000")
        strange = release.images[0].model_copy(update={"repository": "ghcr.io/acme/tools"})
        there.store.record(release.model_copy(update={"images": (strange, *release.images)}), [sha(11)])
        log = there.prune()
        assert "ghcr.io/acme/tools is outside" in log
        assert there.left() == {8, 9, 10, 11}
