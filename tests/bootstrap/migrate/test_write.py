"""All changes or none, whatever happens in between."""

import errno
import os
import shutil
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.migrate.plan import Change, Reason
from bootstrap.migrate.write import write
from plugin_kit.errors import PluginError

WHY = (Reason(text="test"),)


def edit(name: str, before: str, after: str) -> Change:
    """Change a file."""
    return Change(path=PurePosixPath(name), before=before.encode(), after=after.encode(), reasons=WHY)


CHANGES = (
    edit("a.yaml", "a: 1\n", "a: 2\n"),
    Change(path=PurePosixPath("b/gone.yaml"), before=b"b: 1\n", after=None, reasons=WHY),
    Change(path=PurePosixPath("made.yaml"), before=None, after=b"c: 1\n", reasons=WHY),
    edit("z.yaml", "z: 1\n", "z: 2\n"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with the files that are to change."""
    (tmp_path / "b").mkdir()
    (tmp_path / "a.yaml").write_text("a: 1\n")
    (tmp_path / "b/gone.yaml").write_text("b: 1\n")
    (tmp_path / "z.yaml").write_text("z: 1\n")
    (tmp_path / "a.yaml").chmod(0o640)
    return tmp_path


def texts(root: Path) -> dict[str, str]:
    """Return every file."""
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_every_change_is_made_and_nothing_else_is_left(root: Path) -> None:
    """Files keep their permissions."""
    write(root, CHANGES)
    assert texts(root) == {"a.yaml": "a: 2\n", "made.yaml": "c: 1\n", "z.yaml": "z: 2\n"}
    assert (root / "a.yaml").stat().st_mode & 0o777 == 0o640


def test_a_file_that_has_changed_meanwhile_stops_all(root: Path) -> None:
    """Somebody has just saved it."""
    (root / "z.yaml").write_text("z: 3\n")
    before = texts(root)
    with pytest.raises(PluginError, match=r"z\.yaml has changed meanwhile"):
        write(root, CHANGES)
    assert texts(root) == before


def test_a_file_that_has_come_meanwhile_stops_all(root: Path) -> None:
    """It is not written over."""
    (root / "made.yaml").write_text("mine\n")
    before = texts(root)
    with pytest.raises(PluginError, match=r"made\.yaml has changed meanwhile"):
        write(root, CHANGES)
    assert texts(root) == before


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
def test_a_failure_in_the_middle_puts_everything_back(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[BaseException]
) -> None:
    """At whichever file it happens: a full disk, or Ctrl-C."""
    before, calls = texts(root), [0]
    original = {name: getattr(Path, name) for name in ("replace", "rename")}

    def broken(name: str) -> object:
        def move(self: Path, target: Path) -> Path:
            if target.name.endswith(".old") or self.name.endswith(".new"):
                calls[0] += 1
                if calls[0] == number + 1:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self)) if kind is OSError else kind
            made: Path = original[name](self, target)
            return made

        return move

    for name in original:
        monkeypatch.setattr(Path, name, broken(name))
    with pytest.raises(PluginError if kind is OSError else kind) as caught:
        write(root, CHANGES)
    monkeypatch.undo()
    assert texts(root) == before
    assert kind is not OSError or "No space left on device" in str(caught.value)


@pytest.mark.parametrize("at", ["write_bytes", "copy2"])
def test_on_a_full_disk_the_file_is_named(root: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """The kernel's answer to `write` has no name of a file."""
    before = texts(root)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path if at == "write_bytes" else shutil, at, full)
    with pytest.raises(PluginError) as caught:
        write(root, CHANGES)
    monkeypatch.undo()
    assert str(caught.value) == "can't write a.yaml: No space left on device"
    assert texts(root) == before


def test_what_can_not_be_put_back_is_kept_and_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than lost."""
    original = Path.replace

    def broken(self: Path, target: Path) -> Path:
        if target.name == "z.yaml" or self.name.endswith(".old"):
            raise OSError(errno.EIO, "Input/output error", str(self))
        return original(self, target)

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(PluginError, match="not every file could be put back") as caught:
        write(root, CHANGES)
    monkeypatch.undo()
    kept = {detail.partition(": what it was is in ")[0]: detail.partition(" is in ")[2] for detail in caught.value.details}
    assert (root / kept["a.yaml"]).read_text() == "a: 1\n"
    assert (root / "b" / kept["b/gone.yaml"]).read_text() == "b: 1\n"
