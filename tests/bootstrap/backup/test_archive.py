"""A backup on disk: whole or not taken for one."""

import hashlib
import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.backup import archive, making
from bootstrap.backup.archive import read
from bootstrap.backup.index import INDEX, SEAL, BackupError
from tests.bootstrap.backup.objects import CLUSTER, NOW, backup, scope, stage


def rewritten(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change the index of a backup as its own version would have written it."""
    document = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    change(document)
    text = json.dumps(document).encode()
    (folder / INDEX).write_bytes(text)
    (folder / SEAL).write_text(f"{hashlib.sha256(text).hexdigest()}  {INDEX}\n", encoding="utf-8")


@pytest.mark.parametrize("name", ["backup.tar", "backup.tar.gz", "backup.tgz", "folder"])
def test_what_is_written_can_be_read(tmp_path: Path, name: str) -> None:
    """As a folder and as a file."""
    made = backup(tmp_path / name)
    again = read(made.path)
    assert again == made
    assert again.index.counts == {"kargo/Stage": 2}
    assert (again.index.platform, again.index.made, again.index.cluster) == ("local-cicd", NOW, CLUSTER)


def test_a_person_can_read_it(tmp_path: Path) -> None:
    """Plain YAML for each object, and digests that sha256sum knows."""
    made = backup(tmp_path)
    text = (made.path / "kargo/shop-cd/stage/live.yaml").read_text(encoding="utf-8")
    assert text.startswith("apiVersion: kargo.akuity.io/v1alpha1\nkind: Stage\nmetadata:\n  name: live\n")
    subprocess.run(["sha256sum", "--check", "--quiet", SEAL], cwd=made.path, check=True)
    index = json.loads((made.path / INDEX).read_text(encoding="utf-8"))
    assert (index["format"], index["counts"], index["secrets"]) == (1, {"kargo/Stage": 2}, "left out: no recipient")
    assert {file["path"] for file in index["files"]} >= {"kargo/shop-cd/stage/live.yaml", "kargo/shop-cd/stage/beta.yaml"}


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """Also what is in clear says much about a platform."""
    made = backup(tmp_path)
    assert {file.stat().st_mode & 0o077 for file in [made.path, *made.path.rglob("*.*")]} == {0}
    assert backup(tmp_path / "a.tar").path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("name", "said"), [(INDEX, "index.json is missing"), (SEAL, "index.json.sha256 is missing")])
def test_a_backup_without_index_is_none(tmp_path: Path, name: str, said: str) -> None:
    """The index is written last of all: what died before has none."""
    made = backup(tmp_path)
    (made.path / name).unlink()
    with pytest.raises(BackupError, match=f"no whole backup: {said}") as caught:
        read(made.path)
    assert "what died while it was written has no index" in str(caught.value.hint)


def test_each_changed_byte_is_found(tmp_path: Path) -> None:
    """Whichever file it is in."""
    made = backup(tmp_path)
    for file in [each for each in made.path.rglob("*") if each.is_file()]:
        before = file.read_bytes()
        file.write_bytes(before[:-2] + bytes([before[-2] ^ 1]) + before[-1:])
        with pytest.raises(BackupError, match=r"is damaged|is no backup"):
            read(made.path)
        file.write_bytes(before)
    assert read(made.path) == made


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """So that a person can look at it."""
    made = backup(tmp_path)
    (made.path / "kargo/shop-cd/stage/live.yaml").write_text("kind: Stage\n", encoding="utf-8")
    (made.path / "kargo/shop-cd/stage/beta.yaml").unlink()
    with pytest.raises(BackupError, match="is damaged: 2 files") as caught:
        read(made.path)
    assert list(caught.value.details) == [
        "kargo/shop-cd/stage/live.yaml is not what was written (sha256)",
        "kargo/shop-cd/stage/beta.yaml is missing",
    ]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, name: str) -> None:
    """At any length; but for the empty blocks that end a tar, which nobody needs."""
    made = backup(tmp_path / name)
    whole = made.path.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        made.path.write_bytes(whole[:length])
        try:
            assert read(made.path) == made
        except BackupError as error:
            assert "cut off" in error.message or "no whole backup" in error.message or "damaged" in error.message  # noqa: PT017  some are whole
        else:
            assert name == "a.tar"
            assert not whole[length:].strip(b"\0")


@pytest.mark.parametrize("written", [0, 2])
def test_another_format_is_refused_with_the_version_that_reads_it(tmp_path: Path, written: int) -> None:
    """An older one, or one of a newer bootstrap."""
    made = backup(tmp_path)
    rewritten(made.path, lambda index: index.update(format=written, bootstrap="0.9.0"))
    with pytest.raises(BackupError, match=f"is written in format {written}, and this version of bootstrap reads format 1") as caught:
        read(made.path)
    assert "restore it with the version that has made it, 0.9.0" in str(caught.value.hint)


def test_a_path_out_of_the_backup_is_refused(tmp_path: Path) -> None:
    """Whoever has made it."""
    made = backup(tmp_path)
    rewritten(made.path, lambda index: index.update(files=[{"path": "../../etc/passwd", "sha256": "0"}]))
    with pytest.raises(BackupError, match="is no backup"):
        read(made.path)


def test_a_tar_of_something_else_is_refused(tmp_path: Path) -> None:
    """And so is what is no tar at all."""
    (tmp_path / "note").write_text("x", encoding="utf-8")
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(tmp_path / "note", arcname="other/note")
    with pytest.raises(BackupError, match="no whole backup"):
        read(tmp_path / "other.tar")
    with pytest.raises(BackupError, match="is no tar, or was cut off"):
        read(tmp_path / "note")


def test_a_backup_is_never_overwritten(tmp_path: Path) -> None:
    """Neither a file nor one made in the same second."""
    backup(tmp_path / "a.tar")
    with pytest.raises(BackupError, match="exists already"):
        backup(tmp_path / "a.tar")
    assert backup(tmp_path).path.name == "local-cicd-20261123T021500Z"
    assert backup(tmp_path).path.name == "local-cicd-20261123T021500Z-2"


@pytest.mark.parametrize("fails", ["_write_file", "sync_folder"])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    """Not even under another name; the older ones stay."""
    backup(tmp_path)
    calls = []
    real = getattr(archive, fails)

    def full(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) > 2:
            raise OSError(28, os.strerror(28))
        real(*arguments)

    monkeypatch.setattr(archive, fails, full)
    with pytest.raises(BackupError, match="can't be written: No space left on device"):
        making.make(tmp_path, scope(keep=1), [stage()], cluster=CLUSTER, made=NOW)
    assert [each.name for each in tmp_path.iterdir()] == ["local-cicd-20261123T021500Z"]


def test_a_folder_of_somebody_else_is_told(tmp_path: Path) -> None:
    """As an NFS server that keeps root out does."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BackupError, match="can't be written: Not a directory") as caught:
        backup(tmp_path / "file" / "backups")
    assert "belong to somebody else" in str(caught.value.hint)
