"""The files of a repository as a migration sees them: what is YAML, what is a template of which chart, and what can't be read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import Node

from bootstrap.check.tree import is_pipeline, is_template
from bootstrap.migrate import nodes
from bootstrap.migrate.repository import File, Repository
from bootstrap.migrate.surgery import Surgery
from bootstrap.migrate.text import Look
from bootstrap.platform.document import syntax_problem

YAML_ENDINGS = frozenset({".yaml", ".yml"})
_LOOKS_LIKE_A_MANIFEST = re.compile(r"^apiVersion:.*^kind:|^kind:.*^apiVersion:", re.MULTILINE | re.DOTALL)
_WORDS = re.compile(r"ghcr|pull_?secret|github|dockerconfigjson|actions\.|\barc\b|registry|kustom|argoproj|kargo", re.IGNORECASE)
_WORKFLOWS = (".github", "workflows")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files: YAML by path (only what can have something to do with GitHub is taken apart), templates, and other texts."""

    repository: Repository
    charts: tuple[PurePosixPath, ...] = ()
    documents: dict[PurePosixPath, Surgery] = field(default_factory=dict)
    templates: dict[PurePosixPath, File] = field(default_factory=dict)
    texts: dict[PurePosixPath, File] = field(default_factory=dict)
    problems: tuple[Look, ...] = ()
    unread: tuple[Look, ...] = ()

    def file(self, path: PurePosixPath) -> File:
        """Return a file that is there."""
        return next(file for file in self.repository.files if file.path == path)

    def group(self, path: PurePosixPath) -> PurePosixPath | None:
        """Return the folder of the outermost chart that a file belongs to: what is global reaches its subcharts."""
        return min((chart for chart in self.charts if path.is_relative_to(chart)), key=lambda each: len(each.parts), default=None)

    def roots(self) -> Iterator[tuple[PurePosixPath, Node]]:
        """Yield every document, with the path of its file."""
        for path, surgery in self.documents.items():
            for root in surgery.documents:
                yield path, root

    def is_values(self, path: PurePosixPath, root: Node) -> bool:
        """Tell whether a document holds values of a chart."""
        return not nodes.is_object(root) and (path.name.startswith("values") or self.group(path) is not None)


def is_workflow(path: PurePosixPath) -> bool:
    """Tell whether a file belongs to GitHub Actions."""
    return path.parts[:1] == _WORKFLOWS[:1]


def survey(repository: Repository) -> Source:
    """Sort the files, and take apart those that matter."""
    vendored = _vendored(repository)
    files = [file for file in repository.files if not any(file.path.is_relative_to(folder) for folder in vendored)]
    charts = tuple(file.path.parent for file in files if file.path.name == "Chart.yaml")
    found = Source(repository=repository, charts=charts)
    problems: list[Look] = []
    unread = [Look(file=str(path), text="is larger than a megabyte and was not read", hint=_UNREAD) for path in repository.too_large]
    for broken in repository.unreadable:
        is_ours = broken.path.suffix in YAML_ENDINGS or is_template(broken.path, charts)
        (problems if is_ours else unread).append(Look(file=str(broken.path), text=broken.why, hint=_PROBLEM if is_ours else _UNREAD))
    for file in files:
        if is_template(file.path, charts):
            found.templates[file.path] = file
        elif file.path.suffix not in YAML_ENDINGS:
            found.texts[file.path] = file
        elif (wrong := _fault(file)) is None:
            if _matters(file):
                found.documents[file.path] = Surgery(file.text)
        elif "{{" in file.text and not _must_be_yaml(file, charts):
            # Of another templating program: Helmfile, Ansible, Cookiecutter.
            found.texts[file.path] = file
        elif _must_be_yaml(file, charts) or _WORDS.search(file.text):
            problems.append(wrong)
        else:
            unread.append(wrong)
    return Source(
        repository=repository,
        charts=charts,
        documents=found.documents,
        templates=found.templates,
        texts=found.texts,
        problems=tuple(problems),
        unread=tuple(unread),
    )


def _matters(file: File) -> bool:
    # Names of images in values need say nothing of GHCR: a template may put it before them.
    return file.path.name.startswith("values") or bool(_WORDS.search(file.text) or _WORDS.search(str(file.path)))


_PROBLEM = "put it right, or leave the file out with --exclude"
_UNREAD = "look through it yourself"


def _fault(file: File) -> Look | None:
    """Return what is wrong with a file as YAML."""
    try:
        list(yaml.compose_all(file.text, Loader=_LOADER))
        if _matters(file):
            list(YAML(typ="safe", pure=True).compose_all(file.text))
    except RecursionError:
        return Look(file=str(file.path), text="is nested too deeply", hint=_PROBLEM)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or "it can't be parsed"
        return Look(file=str(file.path), line=mark.line + 1 if mark else 0, text=f"is not valid YAML: {said}", hint=_PROBLEM)
    except yaml.YAMLError as error:
        problem = syntax_problem(_of_the_reader(file.text) or error, file.text)
        return Look(file=str(file.path), line=problem.line, text=problem.text, hint=_PROBLEM)
    return None


def _of_the_reader(text: str) -> yaml.YAMLError | None:
    # Only PyYAML's own parser has the words that `syntax_problem` knows.
    try:
        list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        return error
    return None


def _must_be_yaml(file: File, charts: tuple[PurePosixPath, ...]) -> bool:
    path = file.path
    in_chart = any(path.is_relative_to(chart) for chart in charts)
    return in_chart or is_pipeline(path) or path.name.startswith("values") or bool(_LOOKS_LIKE_A_MANIFEST.search(file.text))


def _vendored(repository: Repository) -> list[PurePosixPath]:
    """Return the folders of charts of others that lie unpacked in a chart: `helm dependency` puts them there again as they were."""
    found = []
    for file in repository.files:
        if file.path.name != "Chart.yaml":
            continue
        try:
            document = yaml.load(file.text, Loader=_LOADER)  # noqa: S506  a safe one
        except yaml.YAMLError:
            continue
        dependencies = document.get("dependencies") if isinstance(document, dict) else None
        wanted = [each for each in dependencies if isinstance(each, dict)] if isinstance(dependencies, list) else []
        remote = [each for each in wanted if str(each.get("repository") or "").partition(":")[0] in {"http", "https", "oci"}]
        found += [file.path.parent / "charts" / str(each.get("name")) for each in remote]
    return found
