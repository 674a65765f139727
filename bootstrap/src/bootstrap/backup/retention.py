"""A folder with backups: the name of the next, which is the newest, and which of the older ones go."""

import re
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bootstrap.backup.archive import PARTIAL, Archive, read
from bootstrap.backup.index import BackupError

_NAME = re.compile(r"[a-z0-9][-a-z0-9]*-\d{8}T\d{6}Z(?:-\d+)?")
_DELETED = ".deleted-"
# A backup takes seconds; what has been partial for so long is of a run that died.
_ABANDONED_SECONDS = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The whole backups of a folder, the newest first, and what is no longer one."""

    archives: tuple[Archive, ...]
    broken: tuple[BackupError, ...]


def free_name(folder: Path, platform: str, made: datetime) -> Path:
    """Return where the next backup goes."""
    first = folder / f"{platform}-{made:%Y%m%dT%H%M%SZ}"
    names = (first, *(first.with_name(f"{first.name}-{number}") for number in range(2, 100)))
    return next(name for name in names if not name.exists())


def shelf(folder: Path) -> Shelf:
    """Read all backups of a folder, one after the other: together they may be larger than the memory of a nightly Job."""
    archives, broken = [], []
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.is_dir() and _NAME.fullmatch(entry.name))
    except OSError as error:
        raise BackupError(f"{folder} can't be read: {error.strerror}", hint="name a backup, or a folder with backups") from error
    for entry in entries:
        try:
            archives.append(read(entry).closed())
        except BackupError as error:
            broken.append(error)
    archives.sort(key=lambda archive: (archive.index.made, archive.path.name), reverse=True)
    return Shelf(archives=tuple(archives), broken=tuple(broken))


def superfluous(archives: Sequence[Archive], keep: int) -> tuple[Archive, ...]:
    """Choose which go, newest first: those behind the first `keep` of the same platform and parts.

    The newest one that holds any of a kind stays whatever its age: a platform that has lost its projects would else lose them here, too,
    one night after the other.
    """
    counted: dict[object, int] = {}
    seen: dict[object, set[str]] = {}
    going = []
    for archive in archives:
        like = (archive.index.platform, archive.index.parts)
        counted[like] = counted.get(like, 0) + 1
        kinds = {kind for kind, count in archive.index.counts.items() if count}
        is_last_of_a_kind = bool(kinds - seen.setdefault(like, set()))
        seen[like] |= kinds
        if counted[like] > keep and not is_last_of_a_kind:
            going.append(archive)
    return tuple(going)


def delete(archives: Sequence[Archive]) -> None:
    """Delete backups; none is left in halves under its name."""
    for archive in archives:
        gone = archive.path.with_name(f"{_DELETED}{archive.path.name}")
        try:
            archive.path.rename(gone)
            shutil.rmtree(gone)
        except OSError as error:
            raise BackupError(
                f"the old backup {archive.path} can't be deleted: {error.strerror or error}", hint="the new one is whole; delete it by hand"
            ) from error


def sweep(folder: Path) -> None:
    """Delete what runs that died have left."""
    for entry in folder.glob(".*"):
        # Others may sweep, too.
        with suppress(OSError):
            dead = entry.name.startswith(PARTIAL) and time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS
            if dead or entry.name.startswith(_DELETED):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
