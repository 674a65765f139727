"""Telling a Kargo of a commit: every way that it can end, as the log and the exit code show it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kargo_notify.freight import Freight
from kargo_notify.kargo import KargoError
from kargo_notify.notify import Ending, _whereabouts, demand_watched, subscribed
from plugin_kit.errors import SettingsError
from tests.support.kargo_scene import CREATED, EARLIER, LATER, OTHER, REPOSITORY, REVISION, Scene, commit_of, digest_for, scene

ZEROES, NINES = "0" * 40, "9" * 40


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Scene]:
    """Run a Kargo that has discovered an earlier commit."""
    with scene(tmp_path) as made:
        yield made


def test_the_freight_is_found_and_told(there: Scene) -> None:
    """By alias and name, with the Stages that it is in: promoted by itself, as the real one did at once."""
    there.push()
    outcome = there.tell()
    assert outcome.ending is Ending.FOUND
    assert outcome.freight
    assert outcome.freight.images[0].tag == REVISION
    assert outcome.message.startswith(f"Freight {outcome.freight.alias} ({outcome.freight.name[:12]}) of {REVISION[:12]}: in beta")
    assert there.kargo.count("POST", "/refresh") == 1


@pytest.mark.parametrize(
    ("running", "verified", "words"),
    [
        ((), (), "in no Stage yet"),
        (("beta",), (), "in beta"),
        (("beta", "prod"), ("beta",), "in beta, prod, verified in beta"),
        ((), ("beta",), "verified in beta, running in no Stage"),
    ],
)
def test_where_the_freight_is(running: tuple[str, ...], verified: tuple[str, ...], words: str) -> None:
    """One that a later Freight has replaced has been somewhere."""
    made = Freight(name="f" * 40, alias="", warehouse="w", images=(), discovered_at=None, in_stages=running, verified_in=verified)
    assert _whereabouts(made, ()) == words


def test_a_second_run_changes_nothing(there: Scene) -> None:
    """The Freight is there already: Kargo is not even refreshed."""
    there.push()
    there.tell()
    outcome = there.tell()
    assert outcome.ending is Ending.FOUND
    assert there.kargo.count("POST", "/refresh") == 1
    assert "there already" in there.log


def test_without_a_wait_kargo_is_told_and_that_is_all(there: Scene) -> None:
    """One refresh, and the step goes on."""
    there.push()
    outcome = there.tell(wait=0)
    assert (outcome.ending, outcome.freight) == (Ending.REFRESHED, None)
    assert there.kargo.count("POST", "/refresh") == 1


def test_kargo_is_not_told_where_nothing_says_how(there: Scene) -> None:
    """`via: auto` without any address is `none`: nothing is asked, and the log says when Kargo will see it."""
    outcome = there.tell(kargo_url="", kargo_token=None)
    assert outcome.ending is Ending.OFF
    assert "5 minutes by default" in outcome.message
    assert there.kargo.asked == []


def test_a_branch_build_is_no_business_of_the_warehouse(there: Scene) -> None:
    """Its tags pass no filter: that is said, nothing is refreshed, and the step succeeds even with `strict`."""
    outcome = there.tell(commit_of(tags=(f"feature-{REVISION}",)), strict=True)
    assert outcome.ending is Ending.NOT_ACCEPTED
    assert f"takes none of the tags feature-{REVISION} (it takes ^[0-9a-f]{{40}}$)" in there.log.replace("\n  ", " ")
    assert there.kargo.count("POST", "/refresh") == 0


def test_a_warehouse_of_other_images_is_a_mistake(there: Scene) -> None:
    """What it watches and what the commit has stand side by side."""
    with pytest.raises(KargoError, match="watches none of the images") as caught:
        there.tell(commit_of(OTHER), strict=True)
    assert f"it watches {REPOSITORY}" in caught.value.details
    assert f"this commit has {OTHER}" in caught.value.details
    assert there.tell(commit_of(OTHER)).ending is Ending.NOT_TOLD
    assert "will see the images" not in there.log


def test_watch_must_name_what_the_warehouse_subscribes_to(there: Scene) -> None:
    """Told before any tag moves."""
    kargo = there.connected()
    known = subscribed(kargo, there.settings(), there.console)
    assert known == (REPOSITORY,)
    demand_watched(kargo, ["other-name.lan/shop/query-api"], known)
    with pytest.raises(KargoError, match="does not watch") as caught:
        demand_watched(kargo, [OTHER], known)
    assert caught.value.details == (f"it watches {REPOSITORY}",)


def test_a_kargo_that_cannot_be_asked_leaves_watch_alone(there: Scene) -> None:
    """That it could not be checked is said; what is wrong is told when Kargo is to be told of the commit."""
    assert subscribed(there.connected(kargo_token="wrong"), there.settings(watch=["query-api"]), there.console) is None
    assert "whether `watch` is right could not be checked: Kargo at 127.0.0.1:" in there.log
    assert "warning" not in there.log


def test_a_registry_of_two_names_is_one(there: Scene) -> None:
    """Kargo reads by address what is pushed by name; the Freight is found by path, tag and digest."""
    address = "192.168.1.5:5000/shop/query-api"
    there.push(address)
    there.kargo.world.add_warehouse("by-address", [address])
    outcome = there.tell(warehouse="by-address")
    assert outcome.ending is Ending.FOUND
    assert f"Kargo knows {REPOSITORY} as {address}" in there.log


class TestSuperseded:
    """Another commit's image stands before ours."""

    def test_by_a_newer_commit_is_a_notice(self, there: Scene) -> None:
        """Nothing is wrong: that commit's own pipeline sees to it."""
        there.push()
        there.push(revision=NINES, created=LATER)
        outcome = there.tell(strict=True)
        assert (outcome.ending, outcome.said) == (Ending.SUPERSEDED, True)
        assert there.log.count("superseded by the newer 999999999999") == 1

    @pytest.mark.parametrize("strict", [True, False])
    def test_by_a_tie_is_an_error(self, there: Scene, *, strict: bool) -> None:
        """Kargo sorts images of one second by tag: this one would never be deployed, and nobody would notice."""
        there.push()
        there.push(revision="f" * 40, created=CREATED)
        with pytest.raises(KargoError, match="same second"):
            there.tell(strict=strict)

    def test_by_an_older_commit_is_an_error(self, there: Scene) -> None:
        """Under another order than NewestBuild age does not count."""
        there.push(revision="f" * 40, created=EARLIER)
        there.push()
        there.kargo.world.add_warehouse("lexical", [REPOSITORY], imageSelectionStrategy="Lexical")
        with pytest.raises(KargoError, match="sorts by Lexical"):
            there.tell(warehouse="lexical")


class TestManual:
    """A Warehouse that makes no Freight by itself."""

    def test_is_told_how_to_get_freight(self, there: Scene) -> None:
        """A warning, no refresh, no error."""
        there.push()
        there.kargo.world.add_warehouse("by-hand", [REPOSITORY], manual=True)
        outcome = there.tell(warehouse="by-hand")
        assert outcome.ending is Ending.MANUAL
        assert "set `create_freight: true`" in there.log
        assert outcome.said
        assert there.kargo.count("POST", "") == 0

    def test_gets_its_freight_with_every_image(self, there: Scene) -> None:
        """With the verified digests, at once and without a refresh; a rerun finds it."""
        there.kargo.world.add_warehouse("by-hand", [REPOSITORY, OTHER], manual=True, allowTagsRegexes=[])
        commit = commit_of(REPOSITORY, OTHER, "registry.lan:5000/shop/web", tags=("latest", REVISION))
        outcome = there.tell(commit, warehouse="by-hand", create_freight=True)
        assert outcome.freight
        assert {(image.repo_url, image.tag, image.digest) for image in outcome.freight.images} == {
            (repository, REVISION, digest_for(REVISION)) for repository in (REPOSITORY, OTHER)
        }
        assert there.kargo.count("POST", "/refresh") == 0
        assert there.tell(commit, warehouse="by-hand", create_freight=True).freight == outcome.freight
        assert there.kargo.count("POST", "/resources") == 1

    def test_takes_no_freight_of_half_a_commit(self, there: Scene) -> None:
        """A subscription that the commit has no image for is named before Kargo is asked."""
        there.kargo.world.add_warehouse("by-hand", [REPOSITORY, OTHER], manual=True)
        with pytest.raises(KargoError, match="subscribes to more than this commit has") as caught:
            there.tell(warehouse="by-hand", create_freight=True, strict=True)
        assert caught.value.details[0] == f"nothing of this commit for image {OTHER}"
        assert there.kargo.count("POST", "") == 0

    def test_takes_no_branch_builds(self, there: Scene) -> None:
        """What the filters refuse is not put in by hand."""
        there.kargo.world.add_warehouse("by-hand", [REPOSITORY], manual=True)
        outcome = there.tell(commit_of(tags=(f"feature-{REVISION}",)), warehouse="by-hand", create_freight=True)
        assert outcome.ending is Ending.NOT_ACCEPTED

    def test_says_that_it_never_will(self, there: Scene) -> None:
        """There is no poll interval to wait for."""
        there.kargo.world.add_warehouse("by-hand", [REPOSITORY], manual=True)
        there.kargo.world.faults.set({"answers": {"create": (422, -1)}})
        assert there.tell(warehouse="by-hand", create_freight=True).ending is Ending.NOT_TOLD
        assert "won't make this Freight by itself" in there.log

    def test_an_automatic_one_is_refreshed_all_the_same(self, there: Scene) -> None:
        """`create_freight` makes no second Freight where Kargo makes its own."""
        there.push()
        assert there.tell(create_freight=True).ending is Ending.FOUND
        assert there.kargo.count("POST", "/resources") == 0


class TestHolds:
    """A Stage whose auto-promotion somebody has stopped by promoting other Freight."""

    def test_is_told_with_actor_and_remedy(self, there: Scene) -> None:
        """The Freight is there, and will not come in by itself."""
        there.push()
        there.kargo.world.hold("beta", "shop-images", "e" * 40, actor="email:ada@shop.lan")
        outcome = there.tell()
        assert (outcome.ending, outcome.blocked) == (Ending.FOUND, ("beta",))
        assert "in no Stage yet" in outcome.message
        assert "Stage beta does not take this Freight by itself: email:ada@shop.lan on" in there.log
        assert "kargo promote --project=shop --warehouse=shop-images --stage=beta" in there.log

    def test_of_another_warehouse_is_none_of_ours(self, there: Scene) -> None:
        """Holds are by origin."""
        there.push()
        there.kargo.world.hold("beta", "other", "e" * 40)
        assert there.tell().blocked == ()

    def test_cannot_be_seen_without_the_right(self, there: Scene) -> None:
        """The Freight counts; that Stages may not be listed is said in passing."""
        there.push()
        there.kargo.world.faults.set({"answers": {"stages": (403, -1)}})
        assert there.tell(strict=True).ending is Ending.FOUND
        assert "whether a Stage holds it back can't be seen" in there.log


class TestForgiven:
    """Kargo polls the registry by itself: what is wrong with it is a warning with a time, or an error with `strict`."""

    @pytest.mark.parametrize(
        ("changes", "sign"),
        [
            ({"kargo_token": "wrong"}, "does not accept `kargo_token`"),
            ({"kargo_project": "nope"}, "has no project 'nope'"),
            ({"warehouse": "nope"}, "has no Warehouse 'nope'"),
        ],
    )
    def test_what_is_written_wrong(self, there: Scene, changes: dict[str, str], sign: str) -> None:
        """It stands at the very end of the log, with the remedy; of a Warehouse that is not there nothing is promised."""
        outcome = there.tell(commit_of(), **changes)
        assert (outcome.ending, outcome.said) == (Ending.NOT_TOLD, True)
        assert there.log.rstrip().split("warning: ")[-1].replace("\n  ", " ").count(sign)
        polls = "it will see the images within its poll interval, 5 minutes by default" in there.log
        assert polls is ("kargo_token" in changes)
        with pytest.raises(KargoError):
            there.tell(commit_of(), **changes, strict=True)

    def test_what_is_missing_is_an_error_before_anything_is_asked(self, there: Scene) -> None:
        """A setting that is not there is no trouble of Kargo's."""
        with pytest.raises(SettingsError):
            there.tell(kargo_token=None)

    @pytest.mark.parametrize("status", [403, 500])
    def test_a_refresh_that_is_refused(self, there: Scene, status: int) -> None:
        """Once the Warehouse could be read, its own interval gives the time."""
        there.kargo.world.add_warehouse("slow", [REPOSITORY], interval="15m0s")
        there.kargo.world.faults.set({"answers": {"refresh": (status, -1)}})
        assert there.tell(warehouse="slow", wait=0.5).ending is Ending.NOT_TOLD
        assert "by itself every 15m: it will see the images by" in there.log
        with pytest.raises(KargoError):
            there.tell(warehouse="slow", wait=0.5, strict=True)

    def test_a_warehouse_that_goes_before_it_is_refreshed(self, there: Scene) -> None:
        """It won't see anything any more."""
        there.kargo.world.faults.set({"answers": {"refresh": (404, -1)}})
        assert there.tell().ending is Ending.NOT_TOLD
        assert "has no Warehouse 'shop-images'" in there.log
        assert "will see the images" not in there.log

    @pytest.mark.parametrize("wait", [0, 0.5])
    def test_a_kargo_that_is_gone(self, there: Scene, monkeypatch: pytest.MonkeyPatch, wait: float) -> None:
        """It is asked as long as `wait` says, else for a few seconds; that it is asked again is said once, under the heading."""
        monkeypatch.setattr("kargo_notify.notify.PATIENCE", 0.5)
        outcome = there.tell(kargo_url="http://127.0.0.1:1", wait=wait)
        assert outcome.ending is Ending.NOT_TOLD
        heading, again, *_ = there.log.splitlines()
        assert heading.startswith("==> Waiting up to 0.5s" if wait else "==> Telling Kargo at 127.0.0.1:1")
        assert again == "    can't reach Kargo at 127.0.0.1:1: connection refused; asking again for up to 0.5s"
        assert there.log.count("asking again") == 1
        with pytest.raises(KargoError):
            there.tell(kargo_url="http://127.0.0.1:1", wait=wait, strict=True)

    def test_a_kargo_that_restarts_is_waited_for(self, there: Scene) -> None:
        """`wait` is there for that, too: neither its first answer nor the refresh has to come at once."""
        there.push()
        there.kargo.world.faults.set({"answers": {"warehouse": (503, 2), "freight": (503, 1), "refresh": (502, 1)}})
        assert there.tell().ending is Ending.FOUND
        assert there.log.count("answered the Warehouse with 503 Service Unavailable; asking again for up to 10s") == 1

    def test_a_token_that_may_only_refresh(self, there: Scene) -> None:
        """Kargo lets any token refresh: the Warehouse can't be read, and the Freight is found all the same."""
        there.push()
        there.kargo.world.faults.set({"answers": {"warehouse": (403, -1)}})
        assert there.tell().ending is Ending.FOUND
        assert "may not read the Warehouse" in there.log

    def test_a_warehouse_that_may_not_be_read_promises_nothing(self, there: Scene) -> None:
        """Nobody knows what it watches."""
        there.kargo.world.faults.set({"answers": {"warehouse": (403, -1), "refresh": (403, -1)}})
        assert there.tell().ending is Ending.NOT_TOLD
        assert "whether it sees these images is not known" in there.log
        assert "it will see" not in there.log

    def test_no_secret_is_in_the_log(self, there: Scene) -> None:
        """The token appears nowhere, whatever happens."""
        there.push()
        there.tell()
        there.tell(kargo_project="nope")
        assert there.kargo.token not in there.log


def test_several_images_of_one_freight(there: Scene) -> None:
    """A Warehouse may subscribe to several; the Freight has ours for each of them."""
    there.push(REPOSITORY, OTHER)
    there.kargo.world.add_warehouse("both", [REPOSITORY, OTHER])
    commit = commit_of(REPOSITORY, OTHER)
    outcome = there.tell(commit, warehouse="both")
    assert outcome.freight
    assert len(outcome.freight.images) == 2


def test_criteria_that_are_not_met_are_told_at_once(there: Scene) -> None:
    """Which image differs; waiting longer would not help."""
    there.push(REPOSITORY, OTHER, revision=ZEROES, created=EARLIER)
    there.kargo.world.add_warehouse("both", [REPOSITORY, OTHER], criteria=f"imageFrom('{REPOSITORY}').Tag == imageFrom('{OTHER}').Tag")
    there.push(REPOSITORY)
    with pytest.raises(KargoError, match=r"^the criteria of Warehouse both are not met") as caught:
        there.tell(warehouse="both", wait=30, strict=True)
    assert any(line.startswith(f"{REPOSITORY} has {REVISION[:12]}") for line in caught.value.details)
    assert any(line.startswith(f"{OTHER} has {ZEROES[:12]}") for line in caught.value.details)
