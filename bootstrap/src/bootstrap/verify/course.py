"""What the pipeline's files say about a push that changes no file: pure."""

from collections.abc import Iterator, Mapping

import yaml

from bootstrap.check.conditions import conditions, may_start
from bootstrap.check.source import items, mapping


def builds(workflows: Mapping[str, str], branch: str) -> bool:
    """Tell whether an empty push to a branch would start a step that makes images; a file that can't be read would not."""
    return any("registry-push" in str(step.get("image")) for step in _steps(workflows, branch))


def starts(workflows: Mapping[str, str], branch: str) -> bool:
    """Tell whether an empty push to a branch would start anything."""
    return any(_steps(workflows, branch))


def starts_with_files(workflows: Mapping[str, str], branch: str) -> bool:
    """Tell whether a push to a branch would start anything, if it changed the right files."""
    return any(may_start(_read(text).get("when"), branch) for text in workflows.values())


def _steps(workflows: Mapping[str, str], branch: str) -> Iterator[Mapping[str, object]]:
    for text in workflows.values():
        workflow = _read(text)
        steps = workflow.get("steps")
        for each in steps.values() if isinstance(steps, Mapping) else items(steps):
            step = mapping(each)
            if _passes(workflow.get("when"), branch) and _passes(step.get("when"), branch):
                yield step


def _passes(when: object, branch: str) -> bool:
    """Tell whether a push without files passes; filters by path let it through unless they say otherwise."""
    return not when or any(may_start([item], branch) and _takes_no_files(item) for item in conditions(when))


def _takes_no_files(item: Mapping[str, object]) -> bool:
    # `on_empty` is true by default (pipeline/frontend/yaml/constraint).
    return mapping(item.get("path")).get("on_empty") is not False


def _read(text: str) -> Mapping[str, object]:
    try:
        return mapping(yaml.safe_load(text))
    except yaml.YAMLError:
        return {}
