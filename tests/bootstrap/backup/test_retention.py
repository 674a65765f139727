"""Which backups stay in a folder."""

import os
import time
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest

from bootstrap.backup import making, retention
from bootstrap.backup.archive import PARTIAL
from bootstrap.backup.index import BackupError
from bootstrap.backup.saved import Saved
from bootstrap.backup.scope import Part
from tests.bootstrap.backup.objects import CLUSTER, NOW, record, scope, stage


def nights(folder: Path, *objects: list[Saved], keep: int = 3, parts: tuple[Part, ...] = tuple(Part)) -> making.Made:
    """Make a backup of each list, a day after the one before."""
    for day, each in enumerate(objects):
        made = making.make(folder, scope(keep=keep, parts=parts), each, cluster=CLUSTER, made=NOW + timedelta(days=day))
    return made


def names(folder: Path) -> list[str]:
    """Return the days that are left."""
    return sorted(entry.name for entry in folder.iterdir())


def test_the_last_ones_stay(tmp_path: Path) -> None:
    """And the older ones go."""
    made = nights(tmp_path, *([stage()] for _ in range(5)))
    assert names(tmp_path) == [f"local-cicd-202611{day}T021500Z" for day in (25, 26, 27)]
    assert (made.kept, len(made.deleted)) == (3, 1)


def test_the_last_one_that_had_any_of_a_kind_stays(tmp_path: Path) -> None:
    """A project that was deleted by mistake is still there after three weeks."""
    nights(tmp_path, [stage()], [stage(), stage("beta")], *([] for _ in range(20)))
    assert names(tmp_path)[0] == "local-cicd-20261124T021500Z"
    assert len(names(tmp_path)) == 4


def test_broken_ones_count_for_nothing_and_are_left_alone(tmp_path: Path) -> None:
    """A person may still find something in them."""
    nights(tmp_path, *([stage()] for _ in range(3)))
    broken = tmp_path / "local-cicd-20261125T021500Z"
    (broken / "kargo/shop-cd/stage/live.yaml").write_text("", encoding="utf-8")
    made = making.make(tmp_path, scope(keep=2), [stage()], cluster=CLUSTER, made=NOW + timedelta(days=9))
    assert names(tmp_path) == ["local-cicd-20261124T021500Z", "local-cicd-20261125T021500Z", "local-cicd-20261202T021500Z"]
    assert "20261125" in made.broken[0].message


def test_those_of_other_parts_and_platforms_are_not_counted(tmp_path: Path) -> None:
    """Two Jobs, or a person, may share a folder."""
    nights(tmp_path, [stage()], keep=1, parts=(Part.KARGO,))
    nights(tmp_path, [], [], [], keep=1, parts=(Part.ARGO_CD,))
    assert len(names(tmp_path)) == 2


def test_nothing_else_is_touched(tmp_path: Path) -> None:
    """Whatever else lies there."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "local-cicd-20200101T000000Z.txt").write_text("", encoding="utf-8")
    nights(tmp_path, *([stage()] for _ in range(3)), keep=1)
    assert names(tmp_path) == ["local-cicd-20200101T000000Z.txt", "local-cicd-20261125T021500Z", "notes"]


def test_what_runs_that_died_have_left_is_swept(tmp_path: Path) -> None:
    """A day later, when it is certain that they died; the half of one that was being deleted at once."""
    old, young, deleted = (tmp_path / name for name in (f"{PARTIAL}a", f"{PARTIAL}b", ".deleted-local-cicd-20261123T021500Z"))
    for folder in (old, young, deleted):
        folder.mkdir()
        (folder / "file").write_text("", encoding="utf-8")
    ago = time.time() - 2 * 86400
    os.utime(old, (ago, ago))
    nights(tmp_path, [stage()])
    assert names(tmp_path) == [young.name, "local-cicd-20261123T021500Z"]


def test_no_backup_without_its_secrets_pushes_out_one_with_them(tmp_path: Path) -> None:
    """Somebody has taken the recipient out of platform.yaml."""
    recipient = "age1gzxplgzj70l9e9xv2wr7f53f7p84vxzkpxcuurya036l90ptqywsfj3udv"
    making.make(tmp_path, scope(recipient), [record(), stage()], cluster=CLUSTER, made=NOW)
    for day in range(1, 6):
        making.make(tmp_path, scope(keep=1), [stage()], cluster=CLUSTER, made=NOW + timedelta(days=day))
    assert names(tmp_path) == ["local-cicd-20261123T021500Z", "local-cicd-20261128T021500Z"]


def test_a_folder_of_many_is_read_one_by_one(tmp_path: Path) -> None:
    """The nightly Job has half a gigabyte for all of them; what it needs to know of each is its index and its size."""
    large = stage()
    large.manifest["spec"] = {"text": "x" * 1_000_000}
    nights(tmp_path, *([large] for _ in range(8)), keep=8)
    tracemalloc.start()
    try:
        found = retention.shelf(tmp_path)
        largest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [archive.size > 1_000_000 for archive in found.archives] == [True] * 8
    assert largest < 4_000_000


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """One sentence."""
    with pytest.raises(BackupError, match="can't be read: No such file"):
        retention.shelf(tmp_path / "nowhere")
