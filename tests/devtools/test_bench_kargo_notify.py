"""The pure parts of `./dev bench kargo-notify`: the last line, the tables, the commits that are released."""

import json
from dataclasses import replace

import pytest

from devtools import bench
from devtools.bench import kargo_notify_results as results
from devtools.bench.github_mirror_results import Run, Span
from devtools.bench.kargo_notify_commits import HeldCommit
from devtools.bench.kargo_notify_results import Measured

KEYS = ["verify_14_ms", "verify_ratio", "verify_1000_mb", "release_14_ms", "per_image_tool_ratio", "freight_s"]


def run(verify: float, release: float = 0.2, freight: float | None = None, *, peak_kib: int = 0) -> Run:
    """Return a run that verifies and releases for so long; `freight` seconds after that its Freight is there."""
    spans = [Span(name="verify", begun=1, ended=1 + verify), Span(name="release", begun=5, ended=5 + release)]
    if freight is not None:
        spans.append(Span(name="tell Kargo and wait", begun=5.1 + release, ended=5 + release + freight))
    return Run(launched=0, begun=0.5, ended=9, gone=9.1, spans=tuple(spans), peak_kib=peak_kib)


GOOD = Measured(
    version=0.05,
    runs=[run(0.9), run(0.1), run(0.05)],
    told=[run(0.1, freight=0.3), run(0.1, freight=0.2), run(0.1, freight=0.9)],
    verifications=[run(9.0, peak_kib=60 * 1024), run(6.0, peak_kib=80 * 1024), run(5.0)],
    go=[4.0, 3.0, 8.0],
    tool=[1.4, 1.5, 9.0],
)


def test_the_part_can_be_chosen() -> None:
    """`./dev bench kargo-notify` measures it."""
    assert "kargo-notify" in bench.PARTS


def test_last_line_has_exactly_the_promised_keys() -> None:
    """Programs read the last line by these names, in this order."""
    assert list(json.loads(json.dumps(results.summary(GOOD)))) == KEYS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("verify_14_ms", 100),
        ("verify_ratio", 1.5),
        ("verify_1000_mb", 80.0),
        ("release_14_ms", 200),
        ("per_image_tool_ratio", 15.0),
        ("freight_s", 0.3),
    ],
)
def test_numbers_follow_from_the_seconds(key: str, value: float) -> None:
    """Medians, so that one slow run decides nothing; of the memory the highest peak."""
    assert results.summary(GOOD)[key] == pytest.approx(value)


@pytest.mark.parametrize(
    ("worse", "key"),
    [
        (replace(GOOD, runs=[run(0.31)], tool=[9.0]), "verify_14_ms"),
        (replace(GOOD, go=[2.9]), "verify_ratio"),
        (replace(GOOD, verifications=[run(6.0, peak_kib=121 * 1024)]), "verify_1000_mb"),
        (replace(GOOD, runs=[run(0.1, 0.31)]), "release_14_ms"),
        (replace(GOOD, tool=[0.9]), "per_image_tool_ratio"),
        (replace(GOOD, told=[run(0.1, freight=1.1)]), "freight_s"),
    ],
)
def test_a_number_beyond_its_target_is_missed(worse: Measured, key: str) -> None:
    """Each promise is looked at by itself, and the good ones are met."""
    assert [number.key for number in results.numbers(worse) if not number.met] == [key]
    assert all(number.met for number in results.numbers(GOOD))


def test_tables_say_how_many_images_there_were() -> None:
    """With --quick it is a fifth, and nobody should take it for the whole."""
    quick = replace(GOOD, many=200)
    rows = [row[0] for row in results.seconds_table(quick)[1]]
    assert "verify 200 images (1400 requests)" in rows
    assert list(results.breakdowns(quick)) == ["14 images", "with Kargo", "200 images, --dry-run"]


def test_parts_of_a_run_have_their_columns() -> None:
    """What a run did not do is not in its column."""
    columns = results.breakdowns(replace(GOOD, many=200, verifications=[run(6.0)]))
    assert columns["200 images, --dry-run"]["verify"] == pytest.approx(6.0)
    assert "tell Kargo and wait" in columns["with Kargo"]
    assert "tell Kargo and wait" not in columns["14 images"]


def test_commits_come_one_after_another() -> None:
    """Each is another one, newer, so that `latest` moves, with the same images."""
    first = HeldCommit(host="127.0.0.1:5000", project="small", number=1, images=2)
    second = first.next()
    assert first.sha != second.sha
    assert len(first.sha) == 40
    assert first.created < second.created
    assert first.paths == second.paths == ["small/image-0001", "small/image-0002"]
