"""Every record of break-glass, and the promotions that it let through."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

import yaml
from pydantic import TypeAdapter, ValidationError

from bootstrap.break_glass.passage import Passage, passages
from bootstrap.break_glass.record import ARCHIVE_LABEL, LABEL, GarbageError, Record, parse
from bootstrap.core.cluster import Cluster
from bootstrap.core.errors import BootstrapError, ForbiddenError
from bootstrap.platform.duration import Duration
from bootstrap.platform.platform import Platform
from plugin_kit.errors import PluginError

_KARGO = "kargo.akuity.io/v1alpha1"
# What it is called, how it is read, and the archive that it is in.
_Found: TypeAlias = tuple[str, Callable[[], Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record, and what passed the gate because of it."""

    record: Record
    used: Sequence[Passage] = ()
    archive: str = ""
    """The ConfigMap that it was restored into; nobody has checked that one as the API server does a record."""

    def holds(self, at: datetime) -> bool:
        """Tell whether it lets promotions through at a time."""
        return not self.archive and self.record.holds(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Something with the label of a record that is none."""

    name: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The list, oldest first."""

    entries: Sequence[Entry]
    unreadable: Sequence[Unreadable] = ()
    kargo: bool = True
    """Whether there is a Kargo on the cluster."""
    hidden: Sequence[str] = ()
    """Kargo projects whose promotions whoever asks may not see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records are meant; None is any."""

    project: str | None = None
    """The Kargo project."""
    stage: str | None = None
    since: datetime | None = None
    """Those that were made later, or still held then."""

    def takes(self, record: Record) -> bool:
        """Tell whether a record is meant."""
        return (
            self.project in {None, record.project}
            and self.stage in {None, record.stage}
            and (self.since is None or record.expires > self.since)
        )


def wanted(platform: Platform, *, project: str | None, stage: str | None, since: str | None, now: datetime) -> Filter:
    """Read what was asked for; a project that is no longer in platform.yaml is asked for by its name in Kargo."""
    names = {each.name: each.kargo.namespace for each in platform.projects}
    kargo = {each.kargo.namespace for each in platform.projects}
    name = project if project is None or project in kargo else names.get(project, project)
    return Filter(project=name, stage=stage, since=None if since is None else _since(since, now))


def audit(cluster: Cluster, namespace: str, asked: Filter) -> Audit:
    """Read all records and what Kargo knows of their projects."""
    try:
        live, archives = (cluster.list("v1", "ConfigMap", namespace=namespace, labels={label: None}) for label in (LABEL, ARCHIVE_LABEL))
    except ForbiddenError as error:
        raise BootstrapError(
            error.message,
            details=error.details,
            hint="reading records takes the right that operators have: take the kubeconfig of one, with --kubeconfig",
        ) from error
    entries, unreadable = read(live, archives)
    entries = [entry for entry in entries if asked.takes(entry.record)]
    kargo = cluster.serves(_KARGO, "Promotion")
    found: list[Passage] = []
    hidden = []
    for project in sorted({entry.record.project for entry in entries}) if kargo else ():
        try:
            promotions = cluster.list(_KARGO, "Promotion", namespace=project)
        except ForbiddenError:
            hidden.append(project)
            continue
        found += passages(project, promotions, _events(cluster, project))
    return Audit(entries=joined(entries, found), unreadable=unreadable, kargo=kargo, hidden=tuple(hidden))


def read(manifests: Iterable[Mapping[str, Any]], archives: Iterable[Mapping[str, Any]] = ()) -> tuple[list[Entry], list[Unreadable]]:
    """Read what carries the label, and put aside what is no record; the oldest comes first."""
    entries: dict[str, Entry] = {}
    unreadable = []
    for name, manifest, archive in (*_live(manifests), *_archived(archives)):
        try:
            entry = Entry(record=parse(manifest()), archive=archive)
        except (GarbageError, yaml.YAMLError, RecursionError) as error:
            unreadable.append(Unreadable(name=name, problem=str(error) if isinstance(error, GarbageError) else "it is no YAML"))
        else:
            # One that is still there needs no archive.
            entries.setdefault(entry.record.name, entry)
    return sorted(entries.values(), key=lambda each: (each.record.created, each.record.name)), unreadable


def joined(entries: Sequence[Entry], found: Iterable[Passage]) -> list[Entry]:
    """Put each passage to the record that the gate named; where its answer was not kept, to those that held at that moment."""
    named: dict[tuple[str, str], list[Passage]] = {}
    unnamed: dict[tuple[str, str], list[Passage]] = {}
    for passage in sorted(found, key=lambda each: each.at):
        if passage.record:
            named.setdefault((passage.project, passage.record), []).append(passage)
        elif passage.record is None:
            unnamed.setdefault((passage.project, passage.stage), []).append(passage)
    return [
        replace(entry, used=(*named.get((entry.record.project, entry.record.name), ()), *_during(entry.record, unnamed)))
        for entry in entries
    ]


def _live(manifests: Iterable[Mapping[str, Any]]) -> Iterator[_Found]:
    for manifest in manifests:
        yield _name(manifest), partial(dict, manifest), ""


def _archived(archives: Iterable[Mapping[str, Any]]) -> Iterator[_Found]:
    for archive in archives:
        data = archive.get("data")
        for key, text in data.items() if isinstance(data, Mapping) else ():
            yield f"{_name(archive)}, {key}", partial(_loaded, text), _name(archive)


def _loaded(text: str) -> Mapping[str, Any]:
    manifest = yaml.safe_load(text)
    if not isinstance(manifest, Mapping):
        raise GarbageError("it is no object")
    return manifest


def _name(manifest: Mapping[str, Any]) -> str:
    return str((manifest.get("metadata") or {}).get("name", ""))


def _during(record: Record, passages: Mapping[tuple[str, str], Sequence[Passage]]) -> Sequence[Passage]:
    there = passages.get((record.project, record.stage), ())
    begin, end = (bisect_left(there, moment, key=lambda each: each.at) for moment in (record.created, record.expires))
    return there[begin:end]


def _events(cluster: Cluster, project: str) -> Sequence[Mapping[str, Any]]:
    try:
        return cluster.events(project)
    except ForbiddenError:
        # They only add the names of who promoted, where the promotion does not know.
        return ()


def _since(text: str, now: datetime) -> datetime:
    try:
        length: timedelta = TypeAdapter(Duration).validate_python(text)
        return now - length
    except (ValidationError, OverflowError):
        pass
    try:
        # Without a zone it is a day or time of this machine.
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise PluginError(
            f'since "{text}"?', hint="write a length of time (12h, 30d) or a day, with or without a time (2026-11-01, 2026-11-01T12:00)"
        ) from None
