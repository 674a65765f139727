"""What a migration would do: every change of a file with its reasons, and what it leaves to a person. Nothing is read or written here."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from bootstrap.check.tree import is_pipeline
from bootstrap.migrate import addresses, contexts, login, notes, pods, removal, texts
from bootstrap.migrate.aim import Aim
from bootstrap.migrate.builds import Builds, builds, built, tests, with_bases
from bootstrap.migrate.dockerfile import is_dockerfile
from bootstrap.migrate.images import Images
from bootstrap.migrate.pipeline import pipeline
from bootstrap.migrate.pods import Pods
from bootstrap.migrate.references import are_groups, references
from bootstrap.migrate.repository import File
from bootstrap.migrate.source import Source, is_workflow
from bootstrap.migrate.surgery import UnsafeError
from bootstrap.migrate.templates import Templates
from bootstrap.migrate.text import Edit, Look, applied, line_of, outermost
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project

_PROSE = frozenset({".md", ".txt", ".json", ".toml"})


class Action(StrEnum):
    """What happens to a file."""

    EDIT = "edit"
    CREATE = "create"
    DELETE = "delete"


_ORDER = (Action.EDIT, Action.DELETE, Action.CREATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something in a file changes; `line` is where that stands before the change, 0 for the file as a whole."""

    line: int = 0
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A file that changes; `before` is None where there was none, `after` where none is left."""

    path: PurePosixPath
    before: bytes | None
    after: bytes | None
    reasons: tuple[Reason, ...]

    @property
    def action(self) -> Action:
        """What happens to it."""
        return Action.CREATE if self.before is None else Action.DELETE if self.after is None else Action.EDIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All changes, what a person has to look at, what can't be read (then there is no change), and what must not be shown."""

    changes: tuple[Change, ...] = ()
    looks: tuple[Look, ...] = ()
    problems: tuple[Look, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 nothing to do, 2 changes, 1 problems."""
        return 1 if self.problems else 2 if self.changes else 0


def plan(source: Source, aim: Aim, platform: Platform, project: Project) -> Plan:
    """Plan the migration of a repository."""
    if source.problems:
        return Plan(problems=tuple(sorted(source.problems, key=lambda each: (each.file, each.line))))
    planner = _Planner(source, aim)
    planner.run()
    if source.repository.has_pipeline:
        planner.look_at_pipelines()
    else:
        planner.create_pipeline(platform, project)
    return planner.plan()


class _Planner:
    def __init__(self, source: Source, aim: Aim) -> None:
        self._source = source
        self._aim = aim
        self._folder = f"{aim.registry}/{aim.images}/"
        self._built = built(source, watched=aim.watched_image)
        self._changes: dict[PurePosixPath, Change] = {}
        self._looks: list[Look] = list(source.unread)
        self._hidden: list[str] = []
        # Lines, from the first to the one below the last.
        self._removed: dict[str, list[tuple[int, int]]] = {}
        said = (file.text for file in source.repository.files if not is_workflow(file.path))
        self._groups_known = are_groups(said, aim)

    def plan(self) -> Plan:
        looks = sorted((each for each in set(self._looks) if not self._is_gone(each)), key=lambda each: (each.file, each.line, each.text))
        # What a person knows comes first, what is new to them last.
        changes = sorted(self._changes.values(), key=lambda each: (_ORDER.index(each.action), each.path))
        return Plan(changes=tuple(changes), looks=tuple(looks), hidden=tuple(dict.fromkeys(self._hidden)))

    def run(self) -> None:
        gone = dict([*removal.workflows(self._source), *removal.runners(self._source, self._aim)])
        templates = {group: self._templates(group) for group in self._groups()}
        for _, found in templates.values():
            gone |= found.gone
        for path, reason in gone.items():
            self._delete(path, reason)
        edit = Pods(self._source, self._aim, secrets={group: made.secrets for group, (_, made) in templates.items()})
        kept = removal.kept_names(self._source)
        for group, (images, made) in templates.items():
            for path, surgery in self._source.documents.items():
                if self._source.group(path) != group or path in gone or (is_workflow(path)):
                    continue
                images.edit(path, kept=kept.get(path, set()))
                self._looks += addresses.edit(path, surgery, self._aim)
                edit.edit(path, surgery, made.uses)
                if surgery.is_emptied:
                    gone[path] = "it is the pull secret for GHCR and nothing else"
                    self._delete(path, gone[path])
            for path in self._source.templates:
                if self._source.group(path) == group and path not in gone:
                    self._template(path, made)
            self._looks += images.looks
        self._looks += edit.looks
        self._hidden += edit.hidden
        self._finish(gone)

    def create_pipeline(self, platform: Platform, project: Project) -> None:
        deployed = self._deployed()
        found = builds(self._source, deployed, watched=project.watched_image)
        found = with_bases(found, self._dockerfiles(), folder=self._folder)
        text = pipeline(platform, project, found, tests(self._source))
        reason = Reason(text="there is no pipeline yet: this is one to begin with, to be looked at")
        path = PurePosixPath(".woodpecker.yml")
        self._changes[path] = Change(path=path, before=None, after=text.encode(), reasons=(reason,))
        self._looks += self._unbuilt(found, deployed)
        if deployed and project.watched_image not in deployed:
            text = f"Kargo is to watch {self._folder}{project.watched_image}, and nothing here deploys an image of this name"
            hint = f"write one of these into `watched_image`: {', '.join(sorted(deployed))}"
            self._looks.append(Look(file="platform.yaml", text=text, hint=hint))

    def look_at_pipelines(self) -> None:
        for file in self._source.repository.files:
            if is_pipeline(file.path):
                self._looks += contexts.lacking(file, self._built.values(), self._dockerfiles(), folder=self._folder)

    def _dockerfiles(self) -> dict[PurePosixPath, str]:
        return {file.path: self._after(file) for file in self._source.texts.values() if is_dockerfile(file.path)}

    def _unbuilt(self, found: Builds, deployed: Mapping[str, File]) -> Iterator[Look]:
        for name in found.unbuilt:
            if file := deployed.get(name):
                # Where the registry stands apart, there is no slash before the name.
                place = re.search(rf"/{re.escape(name)}(?![\w.-])", file.text) or re.search(
                    rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", file.text
                )
                yield notes.unbuilt(str(file.path), line_of(file.text, place.start()) if place else 0, f"{self._folder}{name}")
            elif not deployed:
                yield notes.unbuilt("platform.yaml", 0, f"{self._folder}{name}")

    def _is_gone(self, look: Look) -> bool:
        """Tell whether what is to be looked at goes anyway."""
        change = self._changes.get(PurePosixPath(look.file))
        if change is not None and change.after is None:
            return True
        return any(first <= look.line < end for first, end in self._removed.get(look.file, ()))

    def _groups(self) -> list[PurePosixPath | None]:
        paths = [*self._source.documents, *self._source.templates]
        return sorted({self._source.group(path) for path in paths}, key=str)

    def _templates(self, group: PurePosixPath | None) -> tuple[Images, Templates]:
        images = Images(self._source, self._aim, group, groups=self._groups_known)
        files = {path: file for path, file in self._source.templates.items() if self._source.group(path) == group}
        keys = pods.logins(self._source, group)
        return images, Templates(files, self._aim, logins=keys, base=images.base, groups=self._groups_known)

    def _template(self, path: PurePosixPath, made: Templates) -> None:
        found = made.edited(path)
        self._looks += found.looks
        self._edit(self._source.templates[path], found.edits)

    def _finish(self, gone: dict[PurePosixPath, str]) -> None:
        """Take what goes out of the lists that name it, and plan what was changed."""
        for path, surgery in self._source.documents.items():
            if path in gone:
                continue
            removal.unlisted(path, surgery, gone, self._source.repository.names)
            if not surgery.edits:
                continue
            file = self._source.file(path)
            try:
                after = surgery.result()
            except UnsafeError:
                first = min(edit.start for edit in surgery.edits)
                told = "; ".join(sorted({edit.reason for edit in surgery.edits} - {""}))
                text = f"is laid out in a way that can't be changed safely: {told}"
                self._looks.append(Look(file=str(path), line=line_of(file.text, first), text=text, hint="change it by hand"))
                continue
            self._put(file, after, surgery.edits)
        for file in self._source.texts.values():
            self._text(file)
        self._looks += removal.mentions(self._source, gone)
        self._looks += removal.other_workflows(self._source, gone)
        self._looks += removal.kept_runners(self._source, self._aim)

    def _text(self, file: File) -> None:
        if file.path.suffix in _PROSE:
            found = [each for each in references(file.text, self._aim) if self._aim.is_ours(each.path) or not each.path]
            if found:
                text = f"names {found[0].name}{' and others on GHCR' if len(found) > 1 else ''}, and is not changed"
                self._looks.append(
                    Look(file=str(file.path), line=line_of(file.text, found[0].start), text=text, hint="write it anew, if it is still read")
                )
            return
        edits, looks = texts.edited(file, self._aim, self._built, groups=self._groups_known)
        self._looks += looks
        self._edit(file, edits)

    def _deployed(self) -> dict[str, File]:
        """Return the names of the project's images in what the files say after the migration, each with the first that does."""
        found = re.compile(
            rf"(?<![\w.-])(?:{re.escape(self._aim.registry)}/)?{re.escape(self._aim.images)}/([a-z0-9][a-z0-9._-]*)(?![\w/-])"
        )
        names: dict[str, File] = {}
        for file in self._source.repository.files:
            change = self._changes.get(file.path)
            # What is built on is no deployment.
            if is_workflow(file.path) or is_dockerfile(file.path) or file.path.suffix in _PROSE or (change and change.after is None):
                continue
            # Names in two parts stand whole only in the reasons.
            text = "\n".join([self._after(file), *(reason.text for reason in (change.reasons if change else ()))])
            if change or self._aim.registry in text:
                for match in found.finditer(text):
                    if (self._aim.registry in match[0] or change) and not match[1].endswith((".git", ".yaml", ".yml")):
                        names.setdefault(match[1], file)
        return self._named_in_charts() | names

    def _after(self, file: File) -> str:
        """Return what a file says after the migration."""
        change = self._changes.get(file.path)
        return file.text if change is None else (change.after or b"").decode()

    def _named_in_charts(self) -> dict[str, File]:
        """Return the names of folders with a Dockerfile that a chart says: templates put them behind the registry."""
        folders = {path.parent.name.lower() for path in self._source.repository.names if path.name == "Dockerfile"} - {""}
        suffixes = {path.name.partition(".")[2].lower() for path in self._source.repository.names if path.name.startswith("Dockerfile.")}
        charts = [file for file in self._source.repository.files if self._source.group(file.path) is not None]
        words = {word: file for file in charts for word in re.findall(r"[a-z0-9][a-z0-9._-]*", file.text)}
        return {name: words[name] for name in folders | suffixes if name in words}

    def _edit(self, file: File, edits: Iterable[Edit]) -> None:
        wanted = list(edits)
        if wanted:
            self._put(file, applied(file.text, wanted), wanted)

    def _put(self, file: File, after: str, edits: Sequence[Edit]) -> None:
        if after == file.text:
            return
        cuts = [edit for edit in outermost(edits) if not edit.text]
        self._removed[str(file.path)] = [(line_of(file.text, cut.start), line_of(file.text, cut.end)) for cut in cuts]
        reasons = dict.fromkeys((edit.reason, line_of(file.text, edit.start)) for edit in outermost(edits) if edit.reason)
        self._hidden += login.typed_in(file.text)
        self._changes[file.path] = Change(
            path=file.path,
            before=file.encoded(file.text),
            after=file.encoded(after),
            reasons=tuple(Reason(line=line, text=text) for text, line in reasons),
        )

    def _delete(self, path: PurePosixPath, reason: str) -> None:
        file = self._source.file(path)
        self._hidden += login.typed_in(file.text)
        self._changes[path] = Change(path=path, before=file.encoded(file.text), after=None, reasons=(Reason(text=reason),))
