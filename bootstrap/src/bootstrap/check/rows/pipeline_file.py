"""`.woodpecker.yml` fits Woodpecker's schema, passes its strict lint, and does what the platform needs."""

import json
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from bootstrap.check import pipeline_lint, pipeline_rules
from bootstrap.check.finding import Check, Finding, Looked
from bootstrap.check.schema import Schema
from bootstrap.check.source import Source, dotted
from bootstrap.check.subject import Subject
from bootstrap.check.workflow import Workflow
from bootstrap.platform.document import Place
from plugin_kit.console import counted


def _look(subject: Subject) -> Looked:
    workflows = [Workflow(source=source) for source in subject.pipelines]
    if not workflows:
        unseen = (f"there is no .woodpecker.yml and no folder .woodpecker in {subject.repository.root}",) if subject.repository else ()
        return Looked(unseen=unseen)
    steps = sum(len(workflow.steps) for workflow in workflows)
    secrets = {name for workflow in workflows for step in workflow.steps for _, name in step.secrets()}
    at = f"{counted(len(workflows), 'pipeline')}, {counted(steps, 'step')}, {counted(len(secrets), 'secret')}"
    findings = tuple(finding for workflow in workflows for finding in _findings(workflow, subject))
    return Looked(at=at, findings=findings)


def _findings(workflow: Workflow, subject: Subject) -> Iterator[Finding]:
    yield from pipeline_lint.findings(workflow, privileged=subject.facts.privileged_plugins)
    yield from pipeline_rules.findings(workflow, subject.facts)
    # What the lint has words of its own for is not said again in those of the schema.
    told = {finding.line for finding in pipeline_lint.findings(workflow, privileged=subject.facts.privileged_plugins)}
    mixed = {step.place for step in workflow.steps if step.settings and not step.is_plugin}
    yield from (finding for finding in _misfits(workflow.source, mixed) if finding.line not in told)


def _misfits(source: Source, told: Collection[Place]) -> Iterator[Finding]:
    for misfit in Schema(_schema()).misfits(source.data):
        if misfit.place[:2] in told:
            continue
        yield Finding(
            file=source.file,
            line=source.line(*misfit.place),
            text=f"{dotted(misfit.place)}: {misfit.text}" if misfit.place else misfit.text,
            hint="see woodpecker-ci.org/docs/usage/workflow-syntax",
        )


@cache
def _schema() -> Mapping[str, Any]:
    """Return Woodpecker's own schema, which check-jsonschema ships."""
    text = resources.files("check_jsonschema").joinpath("builtin_schemas", "vendor", "woodpecker-ci.json").read_text(encoding="utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


CHECK = Check(name="pipeline-file", title="Pipeline file", look=_look)
