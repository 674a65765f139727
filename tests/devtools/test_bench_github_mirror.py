"""The pure parts of `./dev bench github-mirror`: what is taken off, the last line, the tables, the histories."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from devtools import bench
from devtools.bench import github_mirror_results as results
from devtools.bench.github_mirror_git import Timed
from devtools.bench.github_mirror_history import Change, changes
from devtools.bench.github_mirror_results import Against, Measured, Run, Span
from devtools.bench.github_mirror_step import read

KEYS = ["noop_ratio", "incremental_ratio", "first_push_ratio", "plan_10000_refs_s"]
BARE = 0.2


def run(seconds: float, *spans: Span, peak_kib: int = 0) -> Run:
    """Return a run that takes so long after a start of 0.3 s."""
    return Run(launched=100.0, begun=100.3, ended=100.3 + seconds - 0.01, gone=100.3 + seconds, spans=spans, peak_kib=peak_kib)


def span(name: str, begun: float, ended: float) -> Span:
    """Return a span, by seconds after the start."""
    return Span(name=name, begun=100.3 + begun, ended=100.3 + ended)


def against(seconds: float, bare: float = BARE) -> Against:
    """Return three runs, of which the one in the middle takes so long."""
    return Against(ours=[run(seconds * 3), run(seconds), run(seconds / 2)], bare=[bare * 5, bare, bare])


GOOD = Measured(
    version=0.05,
    noop=against(0.24),
    incremental=against(0.25),
    first_push=against(2.2, 2.0),
    plan=[run(3.0, span("decide", 0.0, 0.1), span("wishes", 0.2, 0.3), span("git fetch", 0.3, 2.0), peak_kib=60 * 1024)],
    completion=run(2.0),
    fetches=1,
    bare_parts={"git ls-remote": 0.15, "git push": 0.05},
)


def test_last_line_has_exactly_the_promised_keys() -> None:
    """Programs read the last line by these names, in this order."""
    assert list(json.loads(json.dumps(results.summary(GOOD)))) == KEYS


@pytest.mark.parametrize(
    ("key", "value"), [("noop_ratio", 1.2), ("incremental_ratio", 1.25), ("first_push_ratio", 1.1), ("plan_10000_refs_s", 0.2)]
)
def test_numbers_follow_from_the_medians(key: str, value: float) -> None:
    """What is left of a run over bare git; the plan is the sum of its own parts."""
    assert results.summary(GOOD)[key] == pytest.approx(value)


def test_start_is_taken_off() -> None:
    """A container that starts slowly is nothing that git would be quicker with."""
    slow = replace(run(0.5), launched=90.0)
    assert (slow.total, slow.start, slow.own) == pytest.approx((10.8, 10.3, 0.5))


def test_of_the_source_only_the_time_that_it_takes_alone_is_taken_off() -> None:
    """While the mirror is listed at the same time, the listing is being waited for as well."""
    early = run(1.0, span("source", 0.0, 0.1), span("listing", 0.0, 0.3))
    assert (early.fetch, early.fetch_alone, early.own) == pytest.approx((0.1, 0.0, 1.0))
    late = run(1.0, span("source", 0.0, 0.7), span("listing", 0.1, 0.3))
    assert (late.fetch, late.fetch_alone, late.own) == pytest.approx((0.7, 0.5, 0.5))


@pytest.mark.parametrize(
    "change",
    [
        {"noop": against(0.3)},
        {"incremental": against(0.3)},
        {"first_push": against(2.5, 2.0)},
        {"plan": [run(3.0, span("decide", 0.0, 1.1))]},
        {"plan": [run(3.0, peak_kib=101 * 1024)]},
        {"fetches": 2},
    ],
)
def test_missed_target_is_shown_as_missed(change: Mapping[str, Any]) -> None:
    """A number that falls short stands in the table as such, and only that one."""
    verdicts = [row[3] for row in results.targets_table(replace(GOOD, **change))[1]]
    assert sorted(verdicts) == ["MISSED", *["met"] * 5]


def test_good_numbers_are_all_met() -> None:
    """The other way round: nothing is called missed without reason."""
    assert {row[3] for row in results.targets_table(GOOD)[1]} == {"met"}


def test_tables_have_a_column_for_each_header() -> None:
    """So that they can be printed."""
    for headers, rows in (results.seconds_table(GOOD), results.targets_table(GOOD)):
        assert {len(row) for row in rows} == {len(headers)}


def test_breakdown_adds_up_what_has_one_name() -> None:
    """Several commands of a kind are one row; bare git has a column beside the plugin's."""
    twice = run(1.0, span("git rev-list", 0.1, 0.2), span("git rev-list", 0.3, 0.5))
    assert twice.breakdown()["git rev-list"] == pytest.approx(0.3)
    assert results.breakdowns(GOOD)["bare, one commit"] == {"git ls-remote": 0.15, "git push": 0.05}


def test_what_the_probe_says_is_read() -> None:
    """It says so in its last line; the plugin's own words come before."""
    said = {"begun": 10.5, "ended": 11.0, "spans": [["listing", 10.5, 10.9]], "peak_kib": 1024}
    done = Timed(launched=10.0, gone=11.1, stdout="", stderr=f"warning: something\n{json.dumps(said)}\n")
    found = read(done)
    assert (found.start, found.total, found.peak_kib) == pytest.approx((0.5, 1.1, 1024))
    assert found.spans == (Span(name="listing", begun=10.5, ended=10.9),)


def test_history_counts_its_objects() -> None:
    """A file, the two folders above it, the root and the commit; a folder that two files share counts once."""
    assert Change(paths=("part0/module0/file0.py",)).objects == 5
    assert Change(paths=("part0/module0/file0.py", "part0/module1/file0.py")).objects == 7


def test_history_has_as_many_objects_as_are_asked_for() -> None:
    """At most one commit's more, and the same each time."""
    made = [list(changes(10_000, random.Random(1))) for _ in range(2)]
    assert made[0] == made[1]
    assert 10_000 <= sum(change.objects for change in made[0]) < 10_000 + 11
    assert {len(change.paths) for change in made[0][1:]} == {1, 2, 3}


def test_bench_knows_the_part() -> None:
    """By the name of the plugin."""
    assert "github-mirror" in bench.PARTS
