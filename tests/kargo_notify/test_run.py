"""A whole run against a registry and a Kargo: what is tagged, what is told, and how it ends."""

from collections.abc import Iterator
from typing import Any

import pytest

from devtools.kargo.discovery import Registries
from devtools.kargo.server import StandIn, stand_in
from kargo_notify.kargo import KargoError, KargoMissing
from kargo_notify.run import run
from plugin_kit.errors import PluginError, SettingsError
from plugin_kit.release import write_workspace
from tests.support.held_commit import NOON, OTHER, SHA, WATCHED, HeldCommit

LATER = NOON.replace(year=NOON.year + 1)
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def kargo(held: HeldCommit) -> Iterator[StandIn]:
    """Run a Kargo whose Warehouse `images` subscribes to the watched image."""
    with stand_in("shop-cd", registries=Registries({held.store.host: "127.0.0.1:1"})) as running:
        running.world.add_warehouse("images", [f"{held.store.host}/shop/{WATCHED}"])
        yield running


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kargo_notify.notify.PATIENCE", 0.5)


def step(held: HeldCommit, kargo: StandIn | None = None, *, dry_run: bool = False, **given: Any) -> str:  # noqa: ANN401  of Settings
    """Run the step, end its log as the plugin does, and return what it said this time."""
    told = {"kargo_url": kargo.url, "kargo_token": kargo.token, "kargo_project": "shop-cd", "warehouse": "images"} if kargo else {}
    before = len(held.log)
    try:
        run(held.settings(**{"project": "shop", "watch": [WATCHED], **told, **given}), held.ci, held.console, dry_run)
    finally:
        held.console.finish()
    return held.log[before:]


def failed(held: HeldCommit, kargo: StandIn | None = None, *, dry_run: bool = False, **given: Any) -> PluginError:  # noqa: ANN401
    """Run the step, and return what it failed with."""
    with pytest.raises(PluginError) as caught:
        step(held, kargo, dry_run=dry_run, **given)
    return caught.value


def puts(held: HeldCommit) -> int:
    """Count the tags that were set."""
    return len(held.store.server.asked(method="PUT"))


class TestDryRun:
    """It says what a run would do, and what it would find wrong with Kargo."""

    def test_a_kargo_that_answers_is_one_line(self, held: HeldCommit, kargo: StandIn) -> None:
        """Which image the Warehouse watches; nothing is set and nothing is refreshed."""
        held.push_record()
        log = step(held, kargo, dry_run=True, strict=True)
        assert f"Kargo answers: Warehouse images watches {WATCHED}" in log
        assert log.endswith("DRY RUN: the images were verified, and nothing was changed")
        assert (puts(held), kargo.count("POST", "")) == (0, 0)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"kargo_token": "wrong"}, "does not accept `kargo_token`"),
            ({"kargo_url": NOWHERE}, "can't reach Kargo at 127.0.0.1:1: connection refused"),
        ],
    )
    def test_what_is_wrong_with_kargo_ends_it_as_a_run(self, held: HeldCommit, kargo: StandIn, changes: dict[str, str], words: str) -> None:
        """A warning, and an error with `strict`."""
        held.push_record()
        warning = step(held, kargo, dry_run=True, **changes).rpartition("warning: ")[2]
        assert words in warning
        assert "hint: " in warning
        error = failed(held, kargo, dry_run=True, strict=True, **changes)
        assert (isinstance(error, KargoError), error.exit_code, words in error.message) == (True, 1, True)

    def test_a_warehouse_of_other_images(self, held: HeldCommit, kargo: StandIn) -> None:
        """What a run would warn of after it has set the tags."""
        held.push_record()
        kargo.world.add_warehouse("others", ["registry.lan/other/thing"])
        assert "watches none of the images" in step(held, kargo, dry_run=True, warehouse="others", watch=[])
        assert "watches none of the images" in failed(held, kargo, dry_run=True, strict=True, warehouse="others", watch=[]).message

    def test_a_branch_is_told_to_have_no_freight(self, held: HeldCommit, kargo: StandIn) -> None:
        """Which is no error."""
        held.wanted = (f"feature-{SHA}",)
        held.push_record()
        log = step(held, kargo, dry_run=True, strict=True)
        assert f"takes none of the tags feature-{SHA}" in log
        assert "Kargo answers" not in log

    def test_without_kargo_nothing_is_asked(self, held: HeldCommit) -> None:
        """Nothing says how."""
        held.push_record()
        assert "would tell Kargo: no (`via: none`)" in step(held, dry_run=True)


class TestBeforeTheRelease:
    """What is known to be wrong is said before a tag is set."""

    @pytest.mark.parametrize("dry_run", [False, True])
    @pytest.mark.parametrize(("setting", "words"), [("warehouse", "has no Warehouse 'nope'"), ("kargo_project", "has no project 'nope'")])
    def test_a_misspelt_name_fails_the_step(self, held: HeldCommit, kargo: StandIn, setting: str, words: str, *, dry_run: bool) -> None:
        """Exit code 1, with or without `strict`: nobody would ever see the images."""
        held.push_record()
        error = failed(held, kargo, dry_run=dry_run, **{setting: "nope"})
        assert isinstance(error, KargoMissing)
        assert words in error.message
        assert error.message.endswith("; nothing was tagged")
        assert f"check `{setting}`" in (error.hint or "")
        assert (error.exit_code, puts(held), held.tags(SHA)) == (1, 0, set())

    def test_a_wrong_watch_fails_the_step(self, held: HeldCommit, kargo: StandIn) -> None:
        """The Warehouse watches another image."""
        held.push_record()
        assert "does not watch" in failed(held, kargo, watch=["api"]).message
        assert puts(held) == 0

    @pytest.mark.parametrize(
        ("watch", "words"),
        [
            ([WATCHED], "whether `watch` is right could not be checked: can't reach Kargo at 127.0.0.1:1: connection refused"),
            ([], "which images Warehouse images watches could not be checked: can't reach Kargo at 127.0.0.1:1: connection refused"),
        ],
    )
    def test_a_kargo_that_is_down_is_asked_once(self, held: HeldCommit, kargo: StandIn, watch: list[str], words: str) -> None:
        """The release goes on, and what could not be checked is said; its retries stand under their heading, once."""
        held.push_record()
        log = step(held, kargo, kargo_url=NOWHERE, watch=watch)
        before, _, after = log.partition(f"==> Telling Kargo at 127.0.0.1:1 of {SHA[:12]}")
        assert words in before
        assert "again" not in before
        assert after.count("can't reach Kargo at 127.0.0.1:1: connection refused; asking again for up to 0.5s") == 1
        assert held.tags(SHA) == {*held.names, "releases"}

    def test_a_token_that_is_wrong_is_a_warning_once(self, held: HeldCommit, kargo: StandIn) -> None:
        """At the end, and not once more as the outcome."""
        held.push_record()
        log = step(held, kargo, kargo_token="wrong")
        assert log.partition("==> Telling")[2].count("does not accept `kargo_token`") == 1
        assert "it will see the images within its poll interval" in log


class TestHalfOfKargo:
    """Settings that need a Kargo to be told, and nothing that says how."""

    @pytest.mark.parametrize(
        "given", [{"warehouse": "images"}, {"kargo_token": "x"}, {"kargo_project": "shop-cd"}, {"wait": 120}, {"create_freight": True}]
    )
    def test_they_are_a_mistake(self, held: HeldCommit, given: dict[str, Any]) -> None:
        """Exit code 2, before anything is asked."""
        error = failed(held, **given)
        (name,) = given
        assert isinstance(error, SettingsError)
        assert error.problems == (f"{name}: nobody is told, since nothing says how",)
        assert "`via: none`" in (error.hint or "")
        assert held.store.server.asked() == []

    def test_all_of_them_are_told_at_once(self, held: HeldCommit) -> None:
        """One run shows everything."""
        error = failed(held, warehouse="images", wait=120)
        assert isinstance(error, SettingsError)
        assert [problem.partition(":")[0] for problem in error.problems] == ["warehouse", "wait"]

    def test_who_says_that_kargo_is_not_told_is_believed(self, held: HeldCommit) -> None:
        """What then does nothing is a warning; the names of Kargo's parts are none."""
        held.push_record()
        log = step(held, via="none", warehouse="images", kargo_token="x", wait=120)
        assert "warning: `wait` does nothing with `via: none`" in log
        assert log.count("warning:") == 1


class TestReleasedBefore:
    """A run of what is released already."""

    def test_the_record_of_the_workspace_is_as_good_as_the_registrys(self, held: HeldCommit) -> None:
        """The first run has rewritten it; the second one knows all the same that there is nothing to do."""
        write_workspace(held.release(), held.workspace)
        held.push_record()
        assert f"released as {SHA}, latest" in step(held)
        before = puts(held)
        second = step(held)
        assert f"{SHA[:12]} is released already: nothing was changed" in second
        assert f"in the registry as {SHA}, latest" in second
        assert f"{SHA[:12]} is released already: no tag would be set" in step(held, dry_run=True)
        assert puts(held) == before

    def test_a_latest_that_is_forced_does_not_hide_the_commit(self, held: HeldCommit) -> None:
        """The last line names every tag that all images have."""
        held.push_record()
        step(held)
        for name in held.names:
            held.store.push(f"shop/{name}", OTHER, tags=["latest"], created=LATER, layers=1)
        assert f"released as {SHA}, latest" in step(held, latest="force")


def test_the_candidates_are_no_news(held: HeldCommit) -> None:
    """That they stay where the registry can't remove a tag is for those who look closer."""
    held.push_record()
    step(held)
    (line,) = (line for line in held.out.getvalue().splitlines() if "the candidate tags stay" in line)
    assert line.startswith("    ")


@pytest.mark.parametrize(("wait", "words"), [(30, "wait 30s for the Freight"), (120, "wait 2m for the Freight")])
def test_a_time_is_said_as_it_was_written(held: HeldCommit, kargo: StandIn, wait: int, words: str) -> None:
    """Not `30.0s`."""
    held.push_record()
    assert words in step(held, kargo, dry_run=True, wait=wait)
