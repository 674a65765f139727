"""Which branch a commit goes to that is followed: pure."""

from collections.abc import Mapping, Sequence

import yaml

from bootstrap.check.conditions import may_start
from bootstrap.check.source import items, mapping


def builds(workflows: Mapping[str, str], branch: str) -> bool:
    """Tell whether a push to a branch would start a step that makes images; a file that can't be read would not."""
    return any(_builds(text, branch) for text in workflows.values())


def may_run(workflows: Mapping[str, str], branch: str) -> bool:
    """Tell whether a push to a branch would start anything."""
    return any(may_start(_read(text).get("when"), branch) for text in workflows.values())


def _builds(text: str, branch: str) -> bool:
    workflow = _read(text)
    if not may_start(workflow.get("when"), branch):
        return False
    return any(may_start(step.get("when"), branch) and "registry-push" in str(step.get("image")) for step in _steps(workflow))


def _steps(workflow: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    steps = workflow.get("steps")
    return [mapping(each) for each in (steps.values() if isinstance(steps, Mapping) else items(steps))]


def _read(text: str) -> Mapping[str, object]:
    try:
        return mapping(yaml.safe_load(text))
    except yaml.YAMLError:
        return {}
