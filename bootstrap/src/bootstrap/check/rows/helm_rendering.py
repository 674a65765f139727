"""Helm renders the charts with the values that they get, what comes out fits its schemas, and a promotion finds the key of the tag."""

from collections.abc import Iterator

from bootstrap.check.facts import ProjectFacts
from bootstrap.check.finding import Check, Finding, Looked
from bootstrap.check.kinds import Kinds
from bootstrap.check.source import dotted
from bootstrap.check.subject import Rendering, Subject
from plugin_kit.console import counted


def _look(subject: Subject) -> Looked:
    done = [rendering for rendering in subject.renderings if not rendering.unseen]
    objects = sum(len(rendering.manifests) for rendering in done)
    unseen = [rendering.unseen for rendering in subject.renderings if rendering.unseen]
    keys = tuple(_tag_keys(subject))
    at = f"{counted(len(done), 'rendering')} of {counted(len({each.chart for each in done}), 'chart')}, {counted(objects, 'object')}"
    findings = (*_errors(done), *_misfits(done), *_missing_charts(subject), *keys)
    return Looked(at=at if done else "", findings=findings, unseen=tuple(dict.fromkeys((*subject.unrendered, *unseen))))


def _errors(done: list[Rendering]) -> Iterator[Finding]:
    for rendering in done:
        if rendering.error:
            yield Finding(
                file=rendering.error_file or rendering.file,
                line=rendering.error_line,
                text=f"Helm can't render {rendering.label}: {rendering.error}",
                hint="`helm template` with the same files shows more",
            )


def _misfits(done: list[Rendering]) -> Iterator[Finding]:
    kinds = Kinds(source for rendering in done for source in rendering.manifests)
    for rendering in done:
        for source in rendering.manifests:
            for misfit in kinds.misfits(source):
                where = f" {dotted(misfit.place)}" if misfit.place else ""
                yield Finding(
                    file=source.file,
                    text=f"{source.label}, with {', '.join(rendering.values_files) or 'its own values'}:{where}: {misfit.text}",
                    hint="put the template or the value right",
                )


def _missing_charts(subject: Subject) -> Iterator[Finding]:
    tree = subject.repository
    if tree is None or not subject.facts.projects:
        return
    charts = {str(chart) for chart in tree.charts}
    if any(project.chart_path in charts for project in subject.facts.projects):
        return
    wanted = " or ".join(f"{project.chart_path}" for project in subject.facts.projects if project.chart_path)
    if wanted:
        there = f"; there is {', '.join(sorted(charts))}" if charts else ""
        yield Finding(
            file=str(tree.root),
            text=f"there is no chart {wanted}{there}",
            hint="set `chart_path` of the project to the folder of its Chart.yaml",
            is_warning=not charts,
        )


def _tag_keys(subject: Subject) -> Iterator[Finding]:
    tree = subject.repository
    for project in subject.facts.projects if tree else ():
        if project.tag_key:
            yield from _tag_key(subject, project)


def _tag_key(subject: Subject, project: ProjectFacts) -> Iterator[Finding]:
    files = {str(source.path): source for tree in (subject.repository,) if tree for source in tree.documents}
    for stage in project.stages:
        # The last one is what a promotion writes the tag into.
        source = files.get(f"{project.chart_path}/{stage.values_files[-1]}") if stage.values_files else None
        if source is not None and source.get(*project.tag_key.split(".")) is None:
            yield Finding(
                file=source.file,
                line=source.line(*project.tag_key.split(".")),
                text=f"there is no `{project.tag_key}`, which a promotion to {stage.name} sets: Kargo changes only keys that are there",
                hint=f"write `{project.tag_key}` into it, with any tag",
            )


CHECK = Check(name="helm-rendering", title="Helm rendering", look=_look)
