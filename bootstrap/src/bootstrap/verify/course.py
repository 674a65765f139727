"""What the pipeline's files say about a push that changes no file: pure."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from bootstrap.check.conditions import conditions, may_start
from bootstrap.check.source import Source, mapping
from bootstrap.check.workflow import Step, Workflow
from bootstrap.platform.document import read

# The second one has a BuildKit inside.
_BUILDERS = ("registry-push", "registry-push-embedded")
# Settings by which it sets tags that are not the branch's, or none before kargo-notify has run.
_OTHER_TAGS = ("repo", "tags", "tag", "tags_file", "auto_tag", "hold")
# What a push says of itself is known here as far as these ask for it.
_KNOWN_FILTERS = frozenset({"event", "branch", "ref"})


def starts(workflows: Mapping[str, str], branch: str) -> bool:
    """Tell whether an empty push to a branch that is there would start anything; a file that can't be read would not."""
    return any(
        _passes(workflow.source.get("when"), branch) and _passes(step.data.get("when"), branch)
        for workflow in _read(workflows)
        for step in workflow.steps
    )


def starts_with_files(workflows: Mapping[str, str], branch: str) -> bool:
    """Tell whether a push to a branch would start anything, if it changed the right files."""
    return any(may_start(workflow.source.get("when"), branch) for workflow in _read(workflows))


def builds(workflows: Mapping[str, str], branch: str) -> bool:
    """Tell whether the push of a new branch starts a step for sure that makes images of that branch."""
    return any(
        _only_images(step)
        and not _sets(step, "dry_run")
        and _starts_for_sure(workflow.source.get("when"), branch)
        and _starts_for_sure(step.data.get("when"), branch)
        for workflow in _read(workflows)
        for step in workflow.steps
    )


def others(workflows: Mapping[str, str], branch: str) -> tuple[str, ...]:
    """Name what the push of a new branch may start besides steps that make images of that branch: steps, and files that can't be read."""
    return tuple(name for workflow in _read(workflows) for name in _others(workflow, branch))


def _others(workflow: Workflow, branch: str) -> Iterator[str]:
    if workflow.source.document.problems:
        yield workflow.source.file
    elif may_start(workflow.source.get("when"), branch):
        # Filters by path may let it through: of a new branch Gitea tells the last ten commits (services/repository/push.go), and Woodpecker
        # takes the files of all of them for changed (server/forge/gitea/helper.go).
        yield from (step.name for step in workflow.steps if may_start(step.data.get("when"), branch) and not _only_images(step))


def _only_images(step: Step) -> bool:
    return step.is_plugin and step.plugin in _BUILDERS and not _sets(step, *_OTHER_TAGS)


def _sets(step: Step, *names: str) -> bool:
    # Woodpecker takes `dry-run` and `DRY_RUN` for the same (pipeline/frontend/yaml/compiler/settings/params.go).
    return any(value for key, value in step.settings.items() if key.lower().replace("-", "_") in names)


def _starts_for_sure(when: object, branch: str) -> bool:
    return not when or any(may_start([item], branch) and item.keys() <= _KNOWN_FILTERS for item in conditions(when))


def _passes(when: object, branch: str) -> bool:
    """Tell whether a push without files passes; filters by path let it through unless they say otherwise."""
    return not when or any(may_start([item], branch) and _takes_no_files(item) for item in conditions(when))


def _takes_no_files(item: Mapping[str, object]) -> bool:
    # `on_empty` is true by default (pipeline/frontend/yaml/constraint).
    return mapping(item.get("path")).get("on_empty") is not False


def _read(workflows: Mapping[str, str]) -> Iterator[Workflow]:
    for file, text in workflows.items():
        yield Workflow(source=Source(file=file, path=PurePosixPath(file), document=read(text)))
