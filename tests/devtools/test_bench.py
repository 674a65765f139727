"""The pure parts of `./dev bench`: the last line, the tables, the rival's commands."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from devtools import bench
from devtools.bench import results, rival
from devtools.bench.plugin import BakeFile
from devtools.bench.results import Measured, Pair
from devtools.errors import DevError
from devtools.goyaml import Value
from devtools.metadata import Commit

KEYS = [
    "cold_ratio_embedded",
    "cold_ratio_remote",
    "one_changed_ratio",
    "over_bake",
    "unchanged_s",
    "rerun_image_ms",
    "start_overhead_ms",
    "tags_14_ms",
    "peak_mb_200",
]

GOOD = Measured(
    empty=0.2,
    start=0.3,
    embedded=Pair(ours=10.0, bake=9.0),
    embedded_uncached=8.0,
    remote=Pair(ours=8.0, bake=7.5),
    changed=Pair(ours=1.6, bake=0.9),
    unchanged=Pair(ours=1.5, bake=0.8),
    rerun=0.44,
    tags=0.12,
    peak_kib=60 * 1024,
    rival_base=15.0,
    rival_cold=200.0,
    rival_changed=200.0,
)

SETTINGS: Mapping[str, Value] = {
    "images": [
        {"name": "base", "context": "base", "push": False},
        {"name": "api", "context": "services/api", "build_contexts": {"base": "target:base", "docs": "docs"}},
        {"name": "odd", "dockerfile": "docker/odd/Dockerfile"},
    ]
}


def test_last_line_has_exactly_the_promised_keys() -> None:
    """Programs read the last line by these names, in this order."""
    assert list(json.loads(json.dumps(results.summary(GOOD)))) == KEYS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cold_ratio_embedded", 20.0),
        ("cold_ratio_remote", 25.0),
        ("one_changed_ratio", 125.0),
        ("over_bake", 1.0),
        ("unchanged_s", 1.2),
        ("rerun_image_ms", 10.0),
        ("start_overhead_ms", 100),
        ("tags_14_ms", 120),
        ("peak_mb_200", 60.0),
    ],
)
def test_numbers_follow_from_the_seconds(key: str, value: float) -> None:
    """Ratios are the rival's time over ours; times are on top of the plugin's start."""
    assert results.summary(GOOD)[key] == pytest.approx(value)


def test_over_bake_is_the_worst_part_after_the_allowed_second() -> None:
    """One bad part is not hidden by three good ones."""
    measured = replace(GOOD, changed=Pair(ours=3.0, bake=1.0))
    assert results.summary(measured)["over_bake"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"rival_cold": 170.0}, "cold_ratio_embedded"),
        ({"rival_changed": 100.0}, "one_changed_ratio"),
        ({"peak_kib": 81 * 1024}, "peak_mb_200"),
        ({"start": 0.5}, "start_overhead_ms"),
    ],
)
def test_missed_target_is_shown_as_missed(change: Mapping[str, float], key: str) -> None:
    """A number that falls short stands in the table as such."""
    verdicts = {row[0]: row[3] for row in results.targets_table(replace(GOOD, **change))[1]}  # type: ignore[arg-type]
    assert verdicts[key] == "MISSED"


def test_good_numbers_are_all_met() -> None:
    """The other way round: nothing is called missed without reason."""
    assert {row[3] for row in results.targets_table(GOOD)[1]} == {"met"}


def test_projected_rival_is_marked() -> None:
    """Who reads the table of a quick run sees that not all images were built."""
    rows = results.seconds_table(replace(GOOD, rival_measured=2))[1]
    assert [row[0] for row in rows if "projected from 2 of 14 images" in row[0]] == [rows[0][0], rows[1][0]]


def test_breakdown_lists_parts_that_only_one_run_has() -> None:
    """A rerun bakes nothing; the part still has its row."""
    headers, rows = results.breakdown_table({"unchanged": {"plan": 0.001, "bake": 0.5}, "rerun": {"plan": 0.002, "report": 0.003}})
    assert headers == ["part (milliseconds)", "unchanged", "rerun"]
    assert rows == [["plan", "1", "2"], ["bake", "500", "-"], ["report", "-", "3"]]


def test_bake_file_is_written_for_another_commit() -> None:
    """The bare bake of a commit carries that commit's labels and none of the recorded one."""
    old, new = Commit(sha="a" * 40, ref="refs/heads/main"), Commit(sha="b" * 40, ref="refs/heads/main")
    file = BakeFile(text=json.dumps({"target": {"api": {"labels": {"revision": old.sha}}}}), commit=old)
    assert file.targets == ["api"]
    assert json.loads(file.for_commit(new)) == {"target": {"api": {"labels": {"revision": new.sha}}}}


def test_rival_builds_bases_apart_from_the_images_on_them() -> None:
    """An unpushed base has to be pushed by pipelines with one image per step: it is a step of its own."""
    bases, images = rival.images(SETTINGS)
    assert [image.name for image in bases] == ["base"]
    assert [(image.name, image.context, image.dockerfile, dict(image.on_base)) for image in images] == [
        ("api", "services/api", None, {"base": "base"}),
        ("odd", ".", "docker/odd/Dockerfile", {}),
    ]


def test_unknown_part_names_the_known_ones() -> None:
    """A typing error is answered with what there is."""
    with pytest.raises(DevError, match="registry-push"):
        bench.main(argparse.Namespace(part="registry-pull"))
