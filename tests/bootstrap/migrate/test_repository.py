"""What is read of a repository: every file that git tells of, whatever its name and however many there are."""

import os
import subprocess
from pathlib import Path, PurePosixPath

from bootstrap.migrate.repository import Unreadable, read

ODD = ['a "b".yaml', "c\\d.yaml", "e\nf.yaml", "g\th.yaml", "grün.yaml", "with blanks.yaml", "u\u2028v.yaml", "\x01.yaml"]


def test_no_name_is_lost_among_many(tmp_path: Path) -> None:
    """They are more than a megabyte, which is taken in pieces."""
    folder = tmp_path / ("a" * 250) / ("b" * 250)
    folder.mkdir(parents=True)
    files = [folder / f"{'c' * 200}-{number:04}.yaml" for number in range(2500)]
    for file in files:
        file.touch()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert read(tmp_path).names == {PurePosixPath(file.relative_to(tmp_path)) for file in files}


def test_names_with_special_characters_are_read(tmp_path: Path) -> None:
    """And what git says of them is about them."""
    for name in ODD:
        (tmp_path / name).write_text("a: 1\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    expected = frozenset(map(PurePosixPath, ODD))
    found = read(tmp_path)
    assert (found.names, found.untracked, found.modified) == (expected, expected, frozenset())
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    for name in ODD:
        (tmp_path / name).write_text("a: 2\n")
    found = read(tmp_path)
    assert (found.names, found.untracked, found.modified) == (expected, frozenset(), expected)


def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    """Rather than that its file is passed over."""
    Path(os.fsdecode(bytes(tmp_path) + b"/gr\xfcn.yaml")).write_text("a: 1\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert read(tmp_path).unreadable == (Unreadable(path=PurePosixPath("gr\ufffdn.yaml"), why="its name is not UTF-8"),)
    assert read(tmp_path, exclude=["gr*.yaml"]).unreadable == ()
