"""Writing what was rendered: renewed, and nothing of anybody else's touched."""

from pathlib import Path

import pytest

from bootstrap.core.errors import BootstrapError
from bootstrap.render import text
from bootstrap.render.folder import write

FILE = text.values({"a": 1}, "platform.yaml")


def test_a_second_time_nothing_is_written(tmp_path: Path) -> None:
    """The first time all of it is."""
    assert write(tmp_path, {"b/a.yaml": FILE}).changed == ("b/a.yaml",)
    again = write(tmp_path, {"b/a.yaml": FILE})
    assert (again.changed, again.removed, again.unchanged) == ((), (), 1)


def test_what_is_no_longer_made_is_removed(tmp_path: Path) -> None:
    """But not what somebody has put beside it, secrets above all."""
    write(tmp_path, {"a.yaml": FILE, "b.yaml": FILE})
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/KEY").write_text("mine")
    (tmp_path / "notes.md").write_text("mine")
    assert write(tmp_path, {"a.yaml": FILE}).removed == ("b.yaml",)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["KEY", "a.yaml", "notes.md"]


def test_a_file_of_somebody_else_is_in_the_way(tmp_path: Path) -> None:
    """Nothing is written then, neither over it nor beside it."""
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(BootstrapError, match=r"has files that were not rendered: README.md"):
        write(tmp_path, {"README.md": FILE, "a.yaml": FILE})
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_scripts_can_be_started(tmp_path: Path) -> None:
    """And what they only read can't."""
    start = text.script(["source ./functions.sh"], "platform.yaml")
    write(tmp_path, {"runmefirst.sh": start, "functions.sh": text.script(["x() { :; }"], "platform.yaml")})
    modes = {path.name: path.stat().st_mode & 0o111 for path in tmp_path.iterdir()}
    assert modes == {"runmefirst.sh": 0o111, "functions.sh": 0}
