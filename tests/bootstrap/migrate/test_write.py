"""All changes or none, whatever happens in between."""

import errno
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from bootstrap.migrate import journal
from bootstrap.migrate.write import write
from plugin_kit.errors import PluginError
from tests.bootstrap.migrate.killed import CHANGES, lay

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with the files that are to change."""
    lay(tmp_path / "shop")
    return tmp_path / "shop"


def texts(root: Path) -> dict[str, str]:
    """Return every file."""
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_every_change_is_made_and_nothing_else_is_left(root: Path) -> None:
    """Files keep their permissions."""
    write(root, CHANGES)
    assert texts(root) == {"a.yaml": "a: 2\n", "made.yaml": "c: 1\n", "z.yaml": "z: 2\n"}
    assert (root / "a.yaml").stat().st_mode & 0o777 == 0o440


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


def failing(original: Callable[..., object], number: int, failure: BaseException) -> Callable[..., object]:
    """Fail once, the time after `number` others."""
    calls = count()

    def call(*arguments: object, **options: object) -> object:
        if next(calls) == number:
            raise failure
        return original(*arguments, **options)

    return call


@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize(
    ("where", "name", "number"),
    [(Path, "replace", 0), (Path, "replace", 2), (Path, "unlink", 3), *((os, "fsync", each) for each in range(7))],
)
def test_a_failure_in_the_middle_puts_everything_back(
    root: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str, number: int, kind: type[BaseException]
) -> None:
    """At whichever step it happens: a full disk, or Ctrl-C."""
    before = texts(root)
    failure = FULL if kind is OSError else KeyboardInterrupt()
    monkeypatch.setattr(where, name, failing(getattr(where, name), number, failure))
    with pytest.raises(PluginError if kind is OSError else kind) as caught:
        write(root, CHANGES)
    monkeypatch.undo()
    assert texts(root) == before
    assert kind is not OSError or "No space left on device" in str(caught.value)


def test_ctrl_c_when_all_of_it_counts_changes_nothing_any_more(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is gone: only that this lasts was being seen to."""
    monkeypatch.setattr(os, "fsync", failing(os.fsync, 7, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write(root, CHANGES)
    assert texts(root) == {"a.yaml": "a: 2\n", "made.yaml": "c: 1\n", "z.yaml": "z: 2\n"}


def test_on_a_full_disk_the_file_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's answer to `write` has no name of a file."""
    before = texts(root)
    monkeypatch.setattr(os, "fchmod", failing(os.fchmod, 1, FULL))
    with pytest.raises(PluginError) as caught:
        write(root, CHANGES)
    monkeypatch.undo()
    assert str(caught.value) == "can't write z.yaml: No space left on device"
    assert texts(root) == before


def test_what_can_not_be_put_back_is_kept_for_the_next_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than lost."""
    before, original = texts(root), Path.replace

    def broken(self: Path, target: Path) -> Path:
        if target.name == "z.yaml" or (target.name == "a.yaml" and target.read_text() == "a: 2\n"):
            raise OSError(errno.EIO, "Input/output error", str(self))
        return original(self, target)

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(PluginError, match="not every file could be put back") as caught:
        write(root, CHANGES)
    monkeypatch.undo()
    assert caught.value.details == ("can't write a.yaml: Input/output error",)
    assert str(root / journal.NAME) in (caught.value.hint or "")
    journal.recover(root)
    assert texts(root) == before
