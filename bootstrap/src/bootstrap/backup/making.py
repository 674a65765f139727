"""Making a backup: from what was read to a folder or file, and to fewer old ones."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import bootstrap
from bootstrap.backup import archive, retention
from bootstrap.backup.archive import Archive
from bootstrap.backup.index import FIELDS, BackupError, Entry, Index, digest
from bootstrap.backup.saved import Saved
from bootstrap.backup.scope import Scope
from bootstrap.backup.seal import seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new backup, and what became of the older ones in its folder."""

    archive: Archive
    deleted: tuple[Archive, ...] = ()
    kept: int = 1
    broken: tuple[BackupError, ...] = ()


def make(output: Path, scope: Scope, objects: Sequence[Saved], *, cluster: str, made: datetime, keep: int | None = None) -> Made:
    """Write the objects as a backup: one file where `output` ends like a tar, else a folder of its own in the folder `output`.

    In a folder only as many stay as are to be kept, by default those of the scope.
    """
    files = {each.path: _content(each, scope) for each in objects}
    fields = {each.path: each.fields for each in objects if each.fields}
    files[FIELDS] = (json.dumps(fields, sort_keys=True) + "\n").encode()
    refs = {each.path: (each.part, each.ref) for each in objects}
    entries = []
    for path, content in files.items():
        part, ref = refs.get(path, (None, None))
        entries.append(Entry(path=path, sha256=digest(content), part=part, ref=ref))
    index = Index(
        platform=scope.platform,
        namespace=scope.namespace,
        cluster=cluster,
        made=made.replace(microsecond=0),
        bootstrap=bootstrap.__version__,
        parts=scope.parts,
        recipients=scope.recipients,
        entries=tuple(entries),
    )
    if archive.is_file(output):
        return Made(archive=archive.write(output, index, files))
    written = archive.write(retention.free_name(output, scope.platform, made), index, files)
    retention.sweep(output)
    found = retention.shelf(output)
    going = retention.superfluous(found.archives, scope.keep if keep is None else keep)
    retention.delete(going)
    return Made(archive=written, deleted=going, kept=len(found.archives) - len(going), broken=found.broken)


def _content(saved: Saved, scope: Scope) -> bytes:
    content = saved.text().encode()
    return seal(content, scope.recipients) if saved.is_secret else content
