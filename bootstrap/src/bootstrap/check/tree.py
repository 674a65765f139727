"""A folder that is looked at: the rendered platform, or an application's repository. Everything that is read from a disk is read here."""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from bootstrap.check import git, yaml_text
from bootstrap.check.source import Source
from bootstrap.platform.problems import Problem
from plugin_kit.errors import PluginError

LARGEST = 1_000_000
# What people don't commit, where git can't say it.
_SKIPPED = frozenset({".git", "node_modules", ".venv", "venv", "vendor", "__pycache__", ".tox", ".terraform"})
_YAML = frozenset({".yaml", ".yml"})
_PIPELINE_NAMES = frozenset({".woodpecker.yml", ".woodpecker.yaml"})
_SCRIPTS = frozenset({".sh", ".bash"})
_LOOKS_LIKE_A_MANIFEST = re.compile(r"^apiVersion:.*^kind:|^kind:.*^apiVersion:", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a file as YAML; `is_ours` where Kubernetes, Helm or Woodpecker reads the file."""

    file: str
    problem: Problem
    is_ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A file that is read line by line: a script, a Dockerfile, a template of a chart."""

    file: str
    path: PurePosixPath
    content: str


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What a folder holds; paths are from its root."""

    root: Path
    documents: tuple[Source, ...] = ()
    faults: tuple[Fault, ...] = ()
    scripts: tuple[Text, ...] = ()
    templates: tuple[Text, ...] = ()
    charts: tuple[PurePosixPath, ...] = ()
    too_large: tuple[str, ...] = ()
    yaml_files: int = 0

    @cached_property
    def manifests(self) -> tuple[Source, ...]:
        """The Kubernetes objects."""
        return tuple(source for source in self.documents if source.is_manifest and not self.is_in_templates(source.path))

    @cached_property
    def pipelines(self) -> tuple[Source, ...]:
        """The pipeline files of Woodpecker."""
        return tuple(source for source in self.documents if is_pipeline(source.path))

    @cached_property
    def values(self) -> tuple[Source, ...]:
        """The values files: of the charts in it, and those that lie in the folders of the platform."""
        return tuple(source for source in self.documents if not source.is_manifest and source.path.name.startswith("values"))

    def chart_of(self, path: PurePosixPath) -> PurePosixPath | None:
        """Return the folder of the chart that a file belongs to."""
        return _chart_of(path, self.charts)

    def is_in_templates(self, path: PurePosixPath) -> bool:
        """Tell whether a file is a template of a chart."""
        return is_template(path, self.charts)


def is_pipeline(path: PurePosixPath) -> bool:
    """Tell whether Woodpecker takes a file for a pipeline."""
    return path.name in _PIPELINE_NAMES or (path.parent.name == ".woodpecker" and path.suffix in _YAML)


def is_template(path: PurePosixPath, charts: Collection[PurePosixPath]) -> bool:
    """Tell whether a file is a template of one of the charts: not yet YAML."""
    chart = _chart_of(path, charts)
    return chart is not None and path.relative_to(chart).parts[0] == "templates"


def read(root: Path, *, without: Sequence[Path] = ()) -> Tree:
    """Read a folder, except for the folders `without`; PluginError where there is none."""
    if not root.is_dir():
        raise PluginError(f"there is no folder {root}", hint="--rendered and --repository take folders")
    left_out = [folder.resolve() for folder in without]
    paths = [path for path in _files(root) if not any((root / path).resolve().is_relative_to(folder) for folder in left_out)]
    charts = tuple(path.parent for path in paths if path.name == "Chart.yaml")
    reader = _Reader(root, charts)
    for path in paths:
        reader.read(path)
    return reader.tree()


class _Reader:
    def __init__(self, root: Path, charts: tuple[PurePosixPath, ...]) -> None:
        self._root = root
        self._charts = charts
        self._documents: list[Source] = []
        self._faults: list[Fault] = []
        self._scripts: list[Text] = []
        self._templates: list[Text] = []
        self._too_large: list[str] = []
        self._yaml_files = 0

    def read(self, path: PurePosixPath) -> None:
        if is_template(path, self._charts):
            self._text(path, self._templates)
        elif path.suffix in _YAML:
            self._yaml(path)
        elif path.suffix in _SCRIPTS or path.name.startswith("Dockerfile") or path.suffix == ".Dockerfile" or path.name == "Makefile":
            self._text(path, self._scripts)

    def tree(self) -> Tree:
        return Tree(
            root=self._root,
            documents=tuple(self._documents),
            faults=tuple(self._faults),
            scripts=tuple(self._scripts),
            templates=tuple(self._templates),
            charts=self._charts,
            too_large=tuple(self._too_large),
            yaml_files=self._yaml_files,
        )

    def _yaml(self, path: PurePosixPath) -> None:
        file = shown(self._root / path)
        content = self._content(path)
        if content is None:
            return
        self._yaml_files += 1
        found = yaml_text.read(content, as_pipeline=is_pipeline(path))
        known = is_pipeline(path) or _chart_of(path, self._charts) is not None or path.name.startswith("values")
        is_ours = known or bool(_LOOKS_LIKE_A_MANIFEST.search(content))
        self._faults += [Fault(file=file, problem=problem, is_ours=is_ours) for problem in found.problems]
        self._documents += [Source(file=file, path=path, document=document) for document in found.documents]

    def _text(self, path: PurePosixPath, into: list[Text]) -> None:
        content = self._content(path)
        if content is not None:
            into.append(Text(file=shown(self._root / path), path=path, content=content))

    def _content(self, path: PurePosixPath) -> str | None:
        file = self._root / path
        try:
            if file.stat().st_size > LARGEST:
                self._too_large.append(shown(file))
                return None
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            self._faults.append(Fault(file=shown(file), problem=Problem(line=1, text="is not UTF-8 text"), is_ours=False))
        except OSError as error:
            self._faults.append(Fault(file=shown(file), problem=Problem(line=1, text=f"can't be read: {error.strerror}"), is_ours=True))
        return None


def shown(path: Path) -> str:
    """Name a file as a person would type it: from the current folder where it is below that."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _chart_of(path: PurePosixPath, charts: Collection[PurePosixPath]) -> PurePosixPath | None:
    return max((chart for chart in charts if path.is_relative_to(chart) and path != chart), key=lambda each: len(each.parts), default=None)


def _files(root: Path) -> list[PurePosixPath]:
    # What git ignores is no part of a repository.
    listed = git.names(root) if (root / ".git").exists() else None
    return sorted(_walked(root) if listed is None else (PurePosixPath(name) for name in listed if (root / name).is_file()))


def _walked(root: Path) -> Iterator[PurePosixPath]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        for name in files:
            if (Path(folder) / name).is_file():
                yield PurePosixPath((Path(folder) / name).relative_to(root).as_posix())
