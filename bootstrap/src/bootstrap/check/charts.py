"""What Helm makes of charts: those of the repository for each stage, and those of the platform where they are on this machine."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bootstrap.check import yaml_text
from bootstrap.check.facts import ChartFacts, Facts, ProjectFacts
from bootstrap.check.source import Source
from bootstrap.check.subject import Rendering
from bootstrap.check.tree import Tree, shown
from plugin_kit import process
from plugin_kit.errors import ProcessError

_SECONDS = 60.0
_AT_ONCE = 4
_BETWEEN = re.compile(r"^---[ \t]*$", re.MULTILINE)
_ORIGIN = re.compile(r"^# Source: (\S+)$", re.MULTILINE)
_CRD = re.compile(r"^kind: CustomResourceDefinition\b", re.MULTILINE)
_TEMPLATE = re.compile(r"([\w.-]+/(?:[\w.-]+/)*templates/[\w./-]+?):(\d+)")
_BROKEN_OUTPUT = re.compile(r"parse error on ([\w.-]+/(?:[\w.-]+/)*templates/[\w./-]+?):")
_NO_DEPENDENCIES = "missing in charts/ directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A chart and the values files that it is rendered with; `stage` is empty for a chart of the platform."""

    path: Path
    name: str
    release: str
    namespace: str
    values: tuple[Path, ...]
    stage: str = ""


class Charts:
    """Renders with one Helm program, offline.

    `folders` are looked through for archives of charts; paths in platform.yaml are relative to `home`.
    """

    def __init__(self, program: str = "helm", folders: Sequence[Path] = (), home: Path | None = None) -> None:
        self._program = shutil.which(program)
        self._home = home
        self._folders = (*folders, _cache())

    def render(self, facts: Facts, *, rendered: Tree | None, repository: Tree | None) -> tuple[tuple[Rendering, ...], tuple[str, ...]]:
        """Render everything; return what came of it, and what was not rendered and why."""
        found = [*(_application_jobs(repository, facts) if repository else ()), *(self._platform_jobs(rendered, facts) if rendered else ())]
        jobs = [each for each in found if isinstance(each, Job)]
        unrendered = [each for each in found if isinstance(each, str)]
        if jobs and self._program is None:
            return (), (*unrendered, f"{len(jobs)} renderings of charts: Helm is not installed (helm.sh/docs/intro/install)")
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(pool.map(self._render, jobs)), tuple(unrendered)

    def _platform_jobs(self, rendered: Tree, facts: Facts) -> Iterator[Job | str]:
        for chart in facts.charts:
            values = rendered.root / chart.folder / "values.yaml"
            if not values.is_file():
                continue
            archive = self._archive(chart)
            if archive is None:
                named = f"{chart.name} {chart.version}".strip()
                yield f"the chart {named} is not on this machine{_remedy(chart)}"
            else:
                yield Job(path=archive, name=chart.name, release=chart.release, namespace=chart.namespace, values=(values,))

    def _archive(self, chart: ChartFacts) -> Path | None:
        if chart.path:
            local = (self._home or Path()) / Path(chart.path).expanduser()
            return local if local.exists() else None
        for folder in self._folders:
            if chart.version and (exact := folder / f"{chart.name}-{chart.version.removeprefix('v')}.tgz").is_file():
                return exact
            if (folder / chart.name / "Chart.yaml").is_file():
                return folder / chart.name
            archives = sorted(folder.glob(f"{chart.name}-[0-9]*.tgz")) if not chart.version else []
            if archives:
                return archives[-1]
        return None

    def _render(self, job: Job) -> Rendering:
        file = shown(job.path)
        named = tuple(path.name for path in job.values)
        missing = [path for path in job.values if not path.is_file()]
        if missing:
            error = f"there is no values file {missing[0].name}, which Helm is given for {job.stage or job.release}"
            return Rendering(chart=file, file=file, stage=job.stage, values_files=named, error=error)
        argv = [self._program or "helm", "template", job.release, str(job.path), "--namespace", job.namespace, "--skip-tests"]
        for path in job.values:
            argv += ["--values", str(path)]
        lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
        try:
            process.run(argv, env=_environment(), timeout=_SECONDS, on_line=lambda stream, line: lines[stream].append(line))
        except ProcessError as error:
            said = next((line for line in lines["stderr"] if line.startswith("Error:")), "\n".join(lines["stderr"]) or error.message)
            return _refused(job, "\n".join([said, *_after(lines["stderr"], said)]), named)
        manifests = tuple(_manifests("\n".join(lines["stdout"]), job))
        return Rendering(chart=file, file=file, stage=job.stage, values_files=named, manifests=manifests)


def _remedy(chart: ChartFacts) -> str:
    if chart.path:
        return f": platform.yaml names {chart.path}, and nothing is there"
    if chart.pull:
        return f": mkdir -p charts && helm pull {chart.pull} -d charts, then --charts charts"
    return " (`helm pull` it and name its folder in --charts)"


def _application_jobs(repository: Tree, facts: Facts) -> Iterator[Job | str]:
    projects = [project for project in facts.projects if PurePosixPath(project.chart_path) in repository.charts and project.stages]
    for project in projects:
        yield from _stage_jobs(repository, project)
    if projects:
        return
    for folder in repository.charts:
        if repository.chart_of(folder) is None:
            yield from _variants(repository, folder)


def _stage_jobs(repository: Tree, project: ProjectFacts) -> Iterator[Job]:
    path = repository.root / project.chart_path
    for stage in project.stages:
        values = tuple(path / name for name in stage.values_files)
        yield Job(path=path, name=project.chart_path, release=stage.application, namespace=stage.namespace, values=values, stage=stage.name)


def _variants(repository: Tree, folder: PurePosixPath) -> Iterator[Job]:
    """Render a chart of which nothing is known with its own values, and with each values file for something else."""
    path = repository.root / folder
    extra = sorted(each for each in path.glob("values*.y*ml") if each.name != "values.yaml")
    for values in [(), *((each,) for each in extra)]:
        stage = values[0].stem.removeprefix("values").lstrip("-._") if values else "default"
        # Argo CD deploys a chart under the name of its Application; any will do here.
        yield Job(path=path, name=path.name, release=path.name, namespace="default", values=values, stage=stage or "default")


def _manifests(text: str, job: Job) -> Iterator[Source]:
    for piece in _BETWEEN.split(text):
        # CRDs are most of the text of a chart, and are checked by the API server.
        if not piece.strip() or _CRD.search(piece):
            continue
        origin = _ORIGIN.search(piece)
        file = _template(job, origin[1]) if origin else shown(job.path)
        for document in yaml_text.read(piece).documents:
            yield Source(file=file, path=PurePosixPath(file), document=document, rendered_with=job.stage or job.release)


def _template(job: Job, name: str) -> str:
    """Return the file of a template that Helm names by the chart's name."""
    inside = name.partition("/")[2]
    return f"{shown(job.path)}/{inside}" if job.path.is_dir() else f"{shown(job.path)} ({inside})"


def _refused(job: Job, said: str, named: tuple[str, ...]) -> Rendering:
    file = shown(job.path)
    if _NO_DEPENDENCIES in said:
        unseen = f"{file}: the charts that it depends on are not in {file}/charts (`helm dependency build {file}` fetches them)"
        return Rendering(chart=file, file=file, stage=job.stage, values_files=named, unseen=unseen)
    place, broken = _TEMPLATE.search(said), _BROKEN_OUTPUT.search(said)
    values = next((path for path in job.values if str(path) in said), None)
    text = said.strip().removeprefix("Error:").strip().replace(f"{job.path}/", "")
    return Rendering(
        chart=file,
        file=file,
        stage=job.stage,
        values_files=named,
        error=" ".join(text.split("Use --debug flag")[0].split()),
        error_file=_template(job, (place or broken or ("", ""))[1]) if place or broken else shown(values) if values else file,
        error_line=int(place[2]) if place else 0,
    )


def _after(lines: Sequence[str], first: str) -> Sequence[str]:
    # Errors of a values schema go on in the lines below.
    return lines[lines.index(first) + 1 :] if first in lines else ()


def _cache() -> Path:
    home = os.environ.get("HELM_CACHE_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'}/helm"
    return Path(os.environ.get("HELM_REPOSITORY_CACHE") or f"{home}/repository")


def _environment() -> dict[str, str]:
    # A person's namespace, kubeconfig or debug setting would change what is rendered.
    return {name: value for name, value in os.environ.items() if not name.startswith("HELM_") or name.endswith("_HOME")}
