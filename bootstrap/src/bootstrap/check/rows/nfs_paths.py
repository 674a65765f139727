"""No two volumes share a folder of an NFS server, or a claim."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePosixPath
from posixpath import normpath

from bootstrap.check.finding import Check, Finding, Looked
from bootstrap.check.source import Source, mapping, walk
from bootstrap.check.subject import Subject
from bootstrap.platform.document import Place
from plugin_kit.console import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    """A folder that is mounted, and who names it."""

    server: str
    path: PurePosixPath
    source: Source
    place: Place


def _look(subject: Subject) -> Looked:
    sources = (*subject.manifests, *subject.rendered_manifests)
    exports = [export for source in sources for export in _exports(source)]
    volumes = [export.source for export in exports if export.source.kind == "PersistentVolume"]
    at = (
        f"{counted(len(volumes), 'PersistentVolume')} and {counted(len(exports) - len(volumes), 'mount')} of pods on NFS" if exports else ""
    )
    return Looked(at=at, findings=(*_overlaps(exports), *_claims(volumes)))


def _exports(source: Source) -> Iterator[_Export]:
    for place, value in walk(source.data):
        nfs = mapping(value)
        if place and place[-1] == "nfs" and isinstance(nfs.get("server"), str) and isinstance(nfs.get("path"), str):
            yield _Export(server=str(nfs["server"]), path=PurePosixPath(normpath(str(nfs["path"]))), source=source, place=(*place, "path"))


def _overlaps(exports: list[_Export]) -> Iterator[Finding]:
    for one, other in combinations(exports, 2):
        if one.server != other.server or not _meet(one.path, other.path) or _are_one(one.source, other.source):
            continue
        same = "the same folder as" if one.path == other.path else "inside of, or around, the folder of"
        yield Finding(
            file=other.source.file,
            line=other.source.line(*other.place),
            text=f"{other.source.label} has {other.server}:{other.path}, {same} {one.source.label} ({one.source.file}):"
            " they would overwrite each other",
            hint="give each volume a folder of its own",
        )


def _meet(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _are_one(one: Source, other: Source) -> bool:
    # Pods of an application may share a folder among themselves, and a chart is rendered once for each stage.
    return one.kind != "PersistentVolume" and other.kind != "PersistentVolume"


def _claims(volumes: list[Source]) -> Iterator[Finding]:
    first: dict[tuple[str, str], Source] = {}
    for source in volumes:
        claim = (source.text("spec", "claimRef", "namespace"), source.text("spec", "claimRef", "name"))
        if not claim[1]:
            continue
        if claim in first and first[claim].name != source.name:
            yield Finding(
                file=source.file,
                line=source.line("spec", "claimRef", "name"),
                text=f"{source.label} waits for the claim {claim[0]}/{claim[1]}, as {first[claim].label} does ({first[claim].file}):"
                " only one will ever be bound",
                hint="name the claim of each volume in its `claimRef`",
            )
        first.setdefault(claim, source)


CHECK = Check(name="nfs-paths", title="NFS path separation", look=_look)
