"""What a restore is made from: backups, decrypted, as objects in the order of a restore."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bootstrap import abridged
from bootstrap.backup.archive import Archive, Opened, read
from bootstrap.backup.export import secret_values
from bootstrap.backup.index import FIELDS, INDEX, BackupError, Entry
from bootstrap.backup.kinds import is_exported, rank
from bootstrap.backup.retention import shelf
from bootstrap.backup.saved import Saved, parsed
from bootstrap.backup.scope import Part, Scope
from bootstrap.backup.seal import Identities
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.platform.platform import Platform

_NAMED = 5
_WITHOUT = "restore the rest --without-secrets: `up` then makes new secrets, and what knows the old ones has to be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Backups and what they hold; of an object that is in several, what the newest says."""

    archives: tuple[Archive, ...]
    objects: tuple[Saved, ...]
    sealed: int = 0
    """How many secrets were left out, because there is no private key."""
    passed_over: tuple[BackupError, ...] = ()
    """Backups in a folder that are not whole, where a whole one was taken."""

    @property
    def is_bare(self) -> bool:
        """Whether no secret was ever exported to where those of record should be: there was nobody to encrypt them for."""
        return bool(_bare(self.archives))


def load(sources: Sequence[Path], identity: Path | None, *, without_secrets: bool, hide: Callable[..., None]) -> Loaded:
    """Read the backups, of a folder with several the newest whole one; every byte is checked before anything is used."""
    archives: list[Opened] = []
    passed_over: list[BackupError] = []
    for source in sources:
        found, broken = _chosen(source)
        archives.append(found)
        passed_over += broken
    archives.sort(key=lambda archive: archive.index.made)
    for archive in archives:
        if not any(entry.ref for entry in archive.index.entries):
            raise BackupError(
                f"this backup is empty: {archive.path}, made of {archive.index.cluster}",
                hint="it was made where the platform was not installed; name another one",
            )
    identities = Identities.read(identity) if identity and not without_secrets else None
    sealed = [entry for archive in archives for entry in archive.index.entries if entry.is_sealed]
    if sealed and identities is None and not without_secrets:
        recipients = ", ".join(dict.fromkeys(each for archive in archives for each in archive.index.recipients))
        raise BackupError(
            f"the secrets of this backup are encrypted for {recipients}",
            hint=f"name the file with the private key with --identity, or {_WITHOUT}",
        )
    if (bare := _bare(archives)) and not without_secrets:
        raise BackupError(
            f"there are no secrets in this backup: {bare[-1].path} was made without a public key to encrypt them for",
            hint=f"name a backup that has them, or {_WITHOUT}",
        )
    objects: dict[Ref, Saved] = {}
    for archive in archives:
        for each in _objects(archive, identities):
            objects[each.ref] = each
            if each.is_secret:
                hide(*secret_values(each.manifest))
    ordered = sorted(objects.values(), key=lambda each: (rank(each.part, each.ref.api_version, each.ref.kind), each.ref.label))
    return Loaded(archives=tuple(archives), objects=tuple(ordered), sealed=0 if identities else len(sealed), passed_over=tuple(passed_over))


def check_platform(loaded: Loaded, platform: Platform) -> None:
    """Refuse the backup of another platform, whose secrets and stages would be mixed with those of this one."""
    for archive in loaded.archives:
        index = archive.index
        if (index.platform, index.namespace) != (platform.name, platform.namespace):
            raise BackupError(
                f"{archive.path} is of the platform {index.platform} (namespace {index.namespace}), "
                f"and this is {platform.name} (namespace {platform.namespace})",
                hint="name the right backup, or the right platform.yaml with --file",
            )


def check_entries(loaded: Loaded, scope: Scope) -> None:
    """Refuse what no backup of this platform holds: the seal of an index proves only that nothing was damaged, not who has written it."""
    for archive in loaded.archives:
        foreign = [
            f"{entry.ref.label} ({entry.path})"
            for entry in archive.index.entries
            if entry.ref and entry.part and not is_exported(scope, entry.part, entry.ref)
        ]
        if foreign:
            raise BackupError(
                f"nothing was restored: {archive.path} holds what no backup of this platform does",
                details=abridged.lines(foreign, _NAMED),
                hint="is platform.yaml without a project, or with another namespace, than when the backup was made? Put that right first; "
                "else find out who has written to the folder of the backups, and take a backup from before",
            )


def _bare(archives: Sequence[Archive]) -> Sequence[Archive]:
    """Return those where the Secrets of record should be, and none is, in any of them."""
    found = [archive for archive in archives if Part.RECORDS in archive.index.parts]
    return [] if any(archive.index.recipients for archive in found) else found


def _chosen(source: Path) -> tuple[Opened, tuple[BackupError, ...]]:
    if not source.exists():
        raise BackupError(f"there is no {source}", hint="name a backup, or a folder with backups")
    if not source.is_dir() or (source / INDEX).exists():
        return read(source), ()
    found = shelf(source)
    if not found.archives:
        details = [error.message for error in found.broken]
        raise BackupError(f"there is no whole backup in {source}", details=details, hint="name a backup, or a folder with backups")
    newest = found.archives[0]
    # Older ones that are broken don't matter here.
    return read(newest.path), tuple(error for error in found.broken if newest.path.name < _name(error, source))


def _name(error: BackupError, folder: Path) -> str:
    return error.message.partition(f"{folder}/")[2].partition(" ")[0]


def _objects(archive: Opened, identities: Identities | None) -> list[Saved]:
    fields = json.loads(archive.files.get(FIELDS, b"{}"))
    found = []
    for entry in archive.index.entries:
        if entry.ref is None or entry.part is None or (entry.is_sealed and identities is None):
            continue
        content = archive.files[entry.path]
        if entry.is_sealed and identities:
            content = identities.open(content, what=f"{archive.path}: {entry.path}", recipients=archive.index.recipients)
        found.append(Saved(part=entry.part, manifest=_manifest(archive, entry, content), fields=fields.get(entry.path)))
    return found


def _manifest(archive: Archive, entry: Entry, content: bytes) -> Manifest:
    try:
        manifest = parsed(content)
        found = ref_of(manifest)
    except (yaml.YAMLError, KeyError, TypeError):
        found = None
    if found != entry.ref:
        raise BackupError(f"{archive.path} is damaged: {entry.path} does not hold what the index says", hint="take another backup")
    return dict(manifest)
