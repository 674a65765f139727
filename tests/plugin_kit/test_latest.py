"""`latest` moves forward only."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plugin_kit.git import Ancestry
from plugin_kit.latest import Verdict, ancestries, judge, judge_all, judge_release
from plugin_kit.manifest import Stamp

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)
OLD, NEW = "a" * 40, "b" * 40


def stamp(created: datetime | None = NOON, revision: str | None = NEW, pipeline: int | None = 7) -> Stamp:
    """Stamp an image of our commit, or of another."""
    return Stamp(created=created, revision=revision, pipeline=pipeline)


UNKNOWN, ANCESTOR, NOT_ANCESTOR = Ancestry.UNKNOWN, Ancestry.ANCESTOR, Ancestry.NOT_ANCESTOR


@pytest.mark.parametrize(
    ("current", "ours", "ancestry", "moves", "reason"),
    [
        pytest.param(None, stamp(), UNKNOWN, True, "there was none", id="first image"),
        pytest.param(stamp(revision=NEW), stamp(), UNKNOWN, True, "same commit", id="rerun"),
        pytest.param(stamp(NOON + A_SECOND, NEW), stamp(), UNKNOWN, True, "same commit", id="rerun with another time"),
        pytest.param(stamp(NOON - A_SECOND, OLD), stamp(), UNKNOWN, True, "it is of aaaaaaaaaaaa, older than this commit", id="older"),
        pytest.param(stamp(NOON + A_SECOND, OLD), stamp(), UNKNOWN, False, "it is of aaaaaaaaaaaa, newer than this commit", id="newer"),
        pytest.param(stamp(NOON + A_SECOND, OLD), stamp(), ANCESTOR, True, "its commit is an ancestor", id="clock wrong, history right"),
        pytest.param(stamp(NOON, OLD), stamp(), ANCESTOR, True, "its commit is an ancestor", id="same second, history right"),
        pytest.param(stamp(NOON + A_SECOND, OLD), stamp(), NOT_ANCESTOR, False, "newer than this commit", id="other branch, newer"),
        pytest.param(stamp(NOON - A_SECOND, OLD), stamp(), NOT_ANCESTOR, True, "older than this commit", id="after a force-push, older"),
        pytest.param(stamp(NOON, OLD, 6), stamp(), UNKNOWN, True, "of the same second, built by pipeline 6", id="same second, earlier"),
        pytest.param(stamp(NOON, OLD, 8), stamp(), UNKNOWN, False, "of the same second, built by pipeline 8", id="same second, later"),
        pytest.param(stamp(NOON, OLD, 7), stamp(), UNKNOWN, False, "of the same second", id="same second and pipeline"),
        pytest.param(stamp(NOON, OLD, None), stamp(), UNKNOWN, False, "of the same second", id="same second, its pipeline unknown"),
        pytest.param(stamp(NOON, OLD, 6), stamp(pipeline=None), UNKNOWN, False, "of the same second", id="same second, ours unknown"),
        pytest.param(stamp(None, None, None), stamp(), UNKNOWN, True, "it carries no time", id="set by another tool"),
        pytest.param(stamp(None, OLD), stamp(None), UNKNOWN, True, "it carries no time", id="neither has a time"),
        pytest.param(stamp(NOON, OLD), stamp(None), UNKNOWN, False, "this commit's time is not known", id="ours has no time"),
        pytest.param(stamp(NOON, OLD), stamp(None), ANCESTOR, True, "its commit is an ancestor", id="ours has no time, history right"),
        pytest.param(stamp(NOON + A_SECOND, None), stamp(), UNKNOWN, False, "it is of an unknown commit, newer", id="unknown commit"),
    ],
)
def test_latest_moves_forward_only(current: Stamp | None, ours: Stamp, ancestry: Ancestry, moves: bool, reason: str) -> None:
    """History decides where it is known, else the commits' times, else the pipelines' numbers; in doubt `latest` stays."""
    verdict = judge(current, ours, ancestry=ancestry)
    assert verdict.moves is moves
    assert reason in verdict.reason


@pytest.mark.parametrize("current", [stamp(NOON + A_SECOND, OLD), stamp(NOON, OLD, 9), stamp(None, None, None)])
def test_force_moves_latest_whatever_it_is(current: Stamp) -> None:
    """After a force-push, or to go back, the user decides."""
    assert judge(current, stamp(), force=True) == Verdict(moves=True, reason="latest: force")


MOVES, STAYS, ALSO = Verdict(moves=True, reason="older"), Verdict(moves=False, reason="newer"), Verdict(moves=True, reason="none")


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [
        ([], Verdict(moves=True, reason="there was none")),
        ([MOVES], MOVES),
        ([MOVES, ALSO], MOVES),
        ([MOVES, STAYS, ALSO], STAYS),
        ([STAYS], STAYS),
    ],
)
def test_one_image_that_must_stay_keeps_all(verdicts: list[Verdict], together: Verdict) -> None:
    """`latest` never names two commits at once."""
    assert judge_all(verdicts) == together


@pytest.mark.parametrize(
    ("current", "ancestry", "force", "moves"),
    [
        pytest.param([], {}, False, True, id="no latest yet"),
        pytest.param([stamp(NOON - A_SECOND, OLD), stamp()], {}, False, True, id="left behind by a run that was cut off"),
        pytest.param([stamp(NOON - A_SECOND, OLD), stamp(NOON + A_SECOND, "c" * 40)], {}, False, False, id="one is newer"),
        pytest.param([stamp(NOON + A_SECOND, OLD)], {OLD: ANCESTOR}, False, True, id="history is looked up by commit"),
        pytest.param([stamp(NOON + A_SECOND, OLD)], {"c" * 40: ANCESTOR}, False, False, id="another commit's history does not count"),
        pytest.param([stamp(NOON + A_SECOND, OLD)], {}, True, True, id="force"),
    ],
)
def test_a_release_is_judged_as_a_whole(current: list[Stamp], ancestry: dict[str, Ancestry], force: bool, moves: bool) -> None:
    """The images' present stamps on one side, the commit on the other."""
    assert judge_release(current, stamp(), ancestry=ancestry, force=force).moves is moves


def test_only_the_history_of_other_commits_is_looked_up(tmp_path: Path) -> None:
    """Our own commit decides nothing, images without revision have none, and without a checkout nothing is known."""
    current = [stamp(revision=OLD), stamp(revision=OLD), stamp(revision=NEW), stamp(revision=None)]
    assert ancestries(tmp_path, current, NEW) == {OLD: UNKNOWN}
