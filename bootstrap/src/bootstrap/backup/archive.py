"""A backup on disk: a folder, or a tar of one. It has its name only when it is whole, and is read only when every byte is as written."""

import io
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from secrets import token_hex

from bootstrap import abridged
from bootstrap.backup.index import INDEX, SEAL, BackupError, Index, digest
from bootstrap.durable import sync_folder
from plugin_kit.console import counted

PARTIAL = ".partial-"
_TAR = re.compile(r"\.(?:tar|tar\.gz|tgz)$")
_DAMAGED = 5
_HINT = "take another backup; one that was broken can't be repaired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A whole backup, without what is in its files: a folder may hold many."""

    path: Path
    index: Index
    size: int
    """Bytes of its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Archive):
    """A whole backup with its files."""

    files: Mapping[str, bytes] = field(repr=False)

    def closed(self) -> Archive:
        """Return what is known of it without them."""
        return Archive(path=self.path, index=self.index, size=self.size)


def is_file(output: Path) -> bool:
    """Tell whether this is to be one file, and not a folder of backups."""
    return _TAR.search(output.name) is not None


def write(path: Path, index: Index, files: Mapping[str, bytes]) -> Opened:
    """Write a backup under a name that must be free, and read it again."""
    text = index.text().encode()
    whole = {**files, INDEX: text, SEAL: f"{digest(text)}  {INDEX}\n".encode()}
    if path.exists():
        raise BackupError(f"{path} exists already", hint="a backup is never overwritten; name another file")
    with _written(path) as partial:
        if is_file(path):
            _write_tar(partial, path.name.rpartition(".tar")[0] or path.stem, whole, zipped=not path.name.endswith(".tar"))
        else:
            _write_folder(partial, whole)
    return read(path)


def read(path: Path) -> Opened:
    """Read one backup; BackupError says what is missing or not as it was written."""
    files = _read_folder(path) if path.is_dir() else _read_tar(path)
    missing = [name for name in (INDEX, SEAL) if name not in files]
    if missing:
        raise BackupError(
            f"{path} is no whole backup: {' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} missing",
            hint="name a backup, or a folder with backups; what died while it was written has no index",
        )
    if files[SEAL].decode(errors="replace").split() != [digest(files[INDEX]), INDEX]:
        raise BackupError(f"{path} is damaged: {INDEX} is not what was written", hint=_HINT)
    index = Index.parse(files[INDEX], origin=str(path))
    bad = [
        f"{entry.path} is {'not what was written (sha256)' if entry.path in files else 'missing'}"
        for entry in index.entries
        if entry.path not in files or digest(files[entry.path]) != entry.sha256
    ]
    if bad:
        raise BackupError(f"{path} is damaged: {counted(len(bad), 'file')}", details=abridged.lines(bad, _DAMAGED), hint=_HINT)
    held = {entry.path: files[entry.path] for entry in index.entries}
    return Opened(path=path, index=index, size=sum(map(len, held.values())), files=held)


@contextmanager
def _written(path: Path) -> Iterator[Path]:
    """Give a name to write to, which becomes `path` when all is written; what is left of a failure is deleted."""
    partial = path.parent / f"{PARTIAL}{path.name}-{token_hex(4)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        # Not replace: for a folder it takes the place of an empty one, and nobody else has written under this name.
        partial.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise BackupError(
            f"the backup {path} can't be written: {error.strerror or error}",
            hint="nothing was left of it; is the disk full, or does the folder belong to somebody else?",
        ) from error
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            with suppress(OSError):
                partial.unlink()


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700)
    folders = {folder}
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folders.update(each for each in file.parents if each.is_relative_to(folder))
        _write_file(file, content)
    for each in folders:
        sync_folder(each)


def _write_file(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _write_tar(file: Path, root: str, files: Mapping[str, bytes], *, zipped: bool) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz" if zipped else "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{root}/{name}")
            member.size, member.mode = len(content), 0o600
            tar.addfile(member, io.BytesIO(content))
    _write_file(file, packed.getvalue())


def _read_folder(folder: Path) -> dict[str, bytes]:
    try:
        return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
    except OSError as error:
        raise BackupError(f"{folder} can't be read: {error.strerror}") from error


def _read_tar(file: Path) -> dict[str, bytes]:
    """Read a tar into memory: nothing of it is written anywhere."""
    try:
        with tarfile.open(file) as tar:
            found: dict[str, bytes] = {}
            for member in tar:
                content = tar.extractfile(member)
                if content is not None:
                    found["/".join(PurePosixPath(member.name).parts[1:])] = content.read()
            return found
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BackupError(f"{file} is no tar, or was cut off: {error}", hint=_HINT) from error
    except OSError as error:
        raise BackupError(f"{file} can't be read: {error.strerror or error}") from error
