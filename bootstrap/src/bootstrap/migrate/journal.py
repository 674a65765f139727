"""The journal of a run that writes: what every file was, on the disk before the first one changes.

As long as it lies in a folder, what was begun there is not done, and can be undone: by the run itself, or, where that was killed, by the
next one. Taking it away is the one step that makes all changes count.
"""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bootstrap.durable import sync_folder
from plugin_kit.errors import PluginError

NAME = ".bootstrap-migrate.json"
_ABOUT = "`bootstrap migrate --write` was stopped while it wrote; the next `bootstrap migrate` puts back what is in here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file that is to change; `before` is None where there was none, `after` where none is left."""

    path: PurePosixPath
    before: bytes | None
    after: bytes | None
    mode: int | None
    """The permissions it had."""
    beside: PurePosixPath
    """Where its content is made, to be put in its place at once."""


@contextlib.contextmanager
def held(root: Path) -> Iterator["Journal"]:
    """Hold the journal of a folder, an empty one where there was none; PluginError where another run holds it."""
    path = root / NAME
    with _named(PurePosixPath(NAME)):
        # What it keeps may be for nobody else to read.
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not _is_taken(lock):
            raise PluginError(f"another `bootstrap migrate` is at work in {root}", hint="wait until it has ended, and run it again")
        yield Journal(root, path)
    finally:
        os.close(lock)


def _is_taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # The run that had it may have taken the file away in between.
    return os.fstat(lock).st_nlink > 0


def recover(root: Path) -> tuple[PurePosixPath, ...]:
    """Put back what a run that was killed has changed, and return which files those are."""
    if not (root / NAME).exists():
        return ()
    with held(root) as journal:
        return journal.undo()


class Journal:
    """A journal that this run holds; nobody else writes while it does."""

    def __init__(self, root: Path, path: Path) -> None:
        self._root = root
        self._path = path

    @property
    def is_begun(self) -> bool:
        """Whether another run has begun it, and was killed."""
        return self._path.stat().st_size > 0

    def begin(self, changes: Sequence[tuple[PurePosixPath, bytes | None, bytes | None]]) -> tuple[Entry, ...]:
        """Note paths, with what is there and what is to be; on the disk when this returns."""
        token = secrets.token_hex(4)
        entries = tuple(self._entry(change, token) for change in changes)
        with _named(PurePosixPath(NAME)), self._path.open("wb") as file:
            file.write(json.dumps({"about": _ABOUT, "files": [_written(entry) for entry in entries]}, indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
            sync_folder(self._root)
        return entries

    def _entry(self, change: tuple[PurePosixPath, bytes | None, bytes | None], token: str) -> Entry:
        path, before, after = change
        with _named(path):
            mode = None if before is None else stat.S_IMODE((self._root / path).stat().st_mode)
        return Entry(path=path, before=before, after=after, mode=mode, beside=path.with_name(f".{path.name}.{token}.new"))

    def prepare(self, entry: Entry, content: bytes) -> None:
        """Write what a file is to be beside it."""
        beside = self._root / entry.beside
        with _named(entry.path):
            # Of a run that was killed, and perhaps not to be written to.
            beside.unlink(missing_ok=True)
            with beside.open("xb") as made:
                made.write(content)
                if entry.mode is not None:
                    os.fchmod(made.fileno(), entry.mode)
                made.flush()
                os.fsync(made.fileno())

    def exchange(self, entry: Entry, content: bytes | None) -> None:
        """Put what was made beside a file in its place, or take the file away where it has no content."""
        file = self._root / entry.path
        with _named(entry.path):
            if content is None:
                file.unlink()
            else:
                (self._root / entry.beside).replace(file)

    def undo(self) -> tuple[PurePosixPath, ...]:
        """Put back what was changed, and return which files those are; PluginError, and nothing done, where one is neither old nor new."""
        if not self._path.exists():
            # Interrupted when all of it counted.
            return ()
        entries = self._entries()
        changed = []
        for entry in entries:
            with _named(entry.path):
                found = _content(self._root / entry.path)
            if found not in (entry.before, entry.after):
                raise PluginError(
                    f"a `bootstrap migrate --write` was stopped while it wrote, and {entry.path} was changed since",
                    hint=f"to keep all files as they are, delete {self._path}; to have all as they were, "
                    f"take back what you have changed (`git restore {entry.path}`) and run this again",
                )
            if found != entry.before:
                changed.append(entry)
        for entry in changed:
            if entry.before is not None:
                self.prepare(entry, entry.before)
            self.exchange(entry, entry.before)
        self.close(entries)
        return tuple(entry.path for entry in changed)

    def close(self, entries: Sequence[Entry]) -> None:
        """Let what is there count: nothing is left to be undone."""
        for entry in entries:
            with _named(entry.path):
                (self._root / entry.beside).unlink(missing_ok=True)
        for folder in {entry.path.parent for entry in entries}:
            with _named(folder):
                sync_folder(self._root / folder)
        with _named(PurePosixPath(NAME)):
            self._path.unlink()
            sync_folder(self._root)

    def _entries(self) -> tuple[Entry, ...]:
        """Return what was noted; nothing where the run was killed before all of it was, and so before it changed a file."""
        try:
            found = json.loads(self._path.read_bytes())
        except ValueError:
            return ()
        try:
            entries = tuple(_read(each) for each in found["files"])
        except (KeyError, TypeError, ValueError):
            entries = None
        if entries is None or not all(self._is_ours(path) for entry in entries for path in (entry.path, entry.beside)):
            raise PluginError(f"{self._path} is not what `bootstrap migrate` writes there", hint="look who has made it, and delete it")
        return entries

    def _is_ours(self, path: PurePosixPath) -> bool:
        """Tell whether a path may be written to: a journal that somebody has committed must not lead out of the repository."""
        if any(part.casefold() in {"..", ".git"} for part in path.parts):
            return False
        return (self._root / path).parent.resolve().is_relative_to(self._root.resolve())


@contextlib.contextmanager
def _named(path: PurePosixPath) -> Iterator[None]:
    # Of a full disk the error has no name.
    try:
        yield
    except OSError as error:
        raise PluginError(f"can't write {path}: {error.strerror}", hint="put it right and run it again") from error


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _written(entry: Entry) -> dict[str, Any]:
    return {
        "path": str(entry.path),
        "beside": entry.beside.name,
        "mode": entry.mode,
        "before": None if entry.before is None else base64.b64encode(entry.before).decode(),
        "after": None if entry.after is None else base64.b64encode(entry.after).decode(),
    }


def _read(noted: Mapping[str, Any]) -> Entry:
    path = PurePosixPath(noted["path"])
    return Entry(
        path=path,
        before=None if noted["before"] is None else base64.b64decode(noted["before"]),
        after=None if noted["after"] is None else base64.b64decode(noted["after"]),
        mode=noted["mode"],
        beside=path.with_name(noted["beside"]),
    )
