"""Writing the changes: all of them, or none."""

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.migrate.plan import Change
from plugin_kit.errors import PluginError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A change: its new content lies beside the file (`made`), and the old one is put `aside` while others are written."""

    change: Change
    file: Path
    made: Path | None
    aside: Path


def write(root: Path, changes: Sequence[Change]) -> None:
    """Write every change; PluginError, with every file as it was, where one can't be written or is no longer what was planned for."""
    prepared: list[_Prepared] = []
    try:
        # One by one, so that what was prepared before a failure is known.
        for change in changes:
            with _named(change):
                prepared.append(_prepare(root, change))
        _exchange(prepared)
    finally:
        for each in prepared:
            if each.made is not None:
                with contextlib.suppress(OSError):
                    each.made.unlink(missing_ok=True)
    for each in prepared:
        # What is left of it is only untidy.
        with contextlib.suppress(OSError):
            each.aside.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(change: Change) -> Iterator[None]:
    # Of a full disk the error has no name.
    try:
        yield
    except OSError as error:
        hint = "nothing was changed; put it right and run it again"
        raise PluginError(f"can't write {change.path}: {error.strerror}", hint=hint) from error


def _prepare(root: Path, change: Change) -> _Prepared:
    file = root / change.path
    token = secrets.token_hex(4)
    if (file.read_bytes() if file.exists() else None) != change.before:
        raise PluginError(f"{change.path} has changed meanwhile", hint="nothing was changed; run it again")
    if not os.access(file.parent, os.W_OK):
        raise PluginError(f"can't write into {change.path.parent}", hint="nothing was changed; put its permissions right and run it again")
    made = None
    if change.after is not None:
        made = file.with_name(f".{file.name}.{token}.new")
        try:
            made.write_bytes(change.after)
            if change.before is not None:
                made.chmod(stat.S_IMODE(file.stat().st_mode))
        except BaseException:
            made.unlink(missing_ok=True)
            raise
    return _Prepared(change=change, file=file, made=made, aside=file.with_name(f".{file.name}.{token}.old"))


def _exchange(prepared: Sequence[_Prepared]) -> None:
    """Put every file in its place; on any failure put back what was there."""
    begun: list[_Prepared] = []
    try:
        for each in prepared:
            begun.append(each)
            with _named(each.change):
                _exchange_one(each)
    except BaseException:
        lost = [each for each in reversed(begun) if not _is_back(each)]
        if lost:
            details = [f"{each.change.path}: what it was is in {each.aside.name}" for each in lost]
            raise PluginError("writing failed, and not every file could be put back", details=details) from None
        raise


def _exchange_one(each: _Prepared) -> None:
    if each.made is None:
        each.file.rename(each.aside)
        return
    if each.change.before is not None:
        # A copy, so that the file is there all the time.
        shutil.copy2(each.file, each.aside)
    each.made.replace(each.file)


def _is_back(each: _Prepared) -> bool:
    try:
        if each.change.before is None:
            each.file.unlink(missing_ok=True)
        elif each.aside.exists() and each.aside.read_bytes() == each.change.before:
            each.aside.replace(each.file)
        else:
            # It failed before the file was touched.
            each.aside.unlink(missing_ok=True)
    except OSError:
        return False
    return True
