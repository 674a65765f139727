"""`when`: whether a workflow or a step runs for this event, branch, path, and after a failure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devtools import patterns
from devtools.errors import DevError
from devtools.goyaml import Value
from devtools.metadata import EVENTS, PULL_EVENTS

# The filters that take patterns, and the variable that each looks at.
_LISTS = {
    "branch": "CI_COMMIT_BRANCH",
    "ref": "CI_COMMIT_REF",
    "repo": "CI_REPO",
    "platform": "CI_SYSTEM_PLATFORM",
    "instance": "CI_SYSTEM_HOST",
}
_COMPARISON = re.compile(r"""\s*(?P<name>[A-Za-z_]\w*)\s*(?P<operator>==|!=)\s*(?P<operand>nil|"[^"\\]*"|'[^'\\]*')\s*""")
_JUNCTION = re.compile(r"(?:(?P<conjunction>&&|and\b)|(?P<disjunction>\|\||or\b))")


class ConditionError(DevError):
    """A `when` that is wrong, or that only Woodpecker itself can evaluate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Patterns of which one must match, and patterns of which none may."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def matches(self, text: str) -> bool:
        """Tell whether `text` passes."""
        if any(patterns.doublestar(pattern).fullmatch(text) for pattern in self.exclude):
            return False
        return not self.include or any(patterns.doublestar(pattern).fullmatch(text) for pattern in self.include)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The filter on changed files."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignore_message: str = ""
    on_empty: bool = True

    def matches(self, files: Sequence[str], message: str) -> bool:
        """Tell whether one file is included and not all are excluded; `ignore_message` in the commit message overrides."""
        if self.ignore_message and self.ignore_message.lower() in message.lower():
            return True
        if not files:
            return self.on_empty
        if self.exclude and all(any(patterns.doublestar(pattern).fullmatch(file) for pattern in self.exclude) for file in files):
            return False
        return not self.include or any(patterns.doublestar(pattern).fullmatch(file) for pattern in self.include for file in files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One item of `when`: all its filters must pass."""

    events: tuple[str, ...] = ()
    lists: tuple[tuple[str, Filter], ...] = ()
    paths: Paths | None = None
    status: tuple[str, ...] = ()
    evaluate: str = ""

    def matches(self, variables: Mapping[str, str]) -> bool:
        """Tell whether the item applies to a pipeline with these CI_* and custom variables."""
        event = variables.get("CI_PIPELINE_EVENT", "")
        if self.events and event not in self.events:
            return False
        for name, chosen in self.lists:
            # A tag is on no branch: Woodpecker skips that filter for tags.
            if not (name == "branch" and event == "tag") and not chosen.matches(variables.get(_LISTS[name], "")):
                return False
        if self.paths is not None and event in {"push", *PULL_EVENTS}:
            files = [file for file in json.loads(variables.get("CI_PIPELINE_FILES", "[]")) if file]
            if not self.paths.matches(files, variables.get("CI_COMMIT_MESSAGE", "")):
                return False
        return not self.evaluate or evaluate(self.evaluate, variables)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A list of items of which one must apply; without items everything does."""

    items: tuple[Condition, ...] = ()

    def matches(self, variables: Mapping[str, str]) -> bool:
        """Tell whether the step is part of this pipeline at all."""
        return not self.items or any(item.matches(variables) for item in self.items)

    def after_success(self, variables: Mapping[str, str]) -> bool:
        """Tell whether the step runs while all is well: unless `status` leaves success out."""
        return not self.items or any(not item.status or "success" in item.status for item in self.items if item.matches(variables))

    def after_failure(self, variables: Mapping[str, str]) -> bool:
        """Tell whether the step runs after another one has failed."""
        return any("failure" in item.status for item in self.items if item.matches(variables))


ALWAYS = When()


def parse(value: Value, where: str) -> When:
    """Return the `when` that stands at `where` in the file."""
    if value is None:
        return ALWAYS
    items = value if isinstance(value, list) else [value]
    return When(items=tuple(_item(item, where) for item in items))


def evaluate(expression: str, variables: Mapping[str, str]) -> bool:
    """Return the value of comparisons of a variable with text or nil, joined by && and ||; an unknown variable is nil."""
    alternatives: list[list[bool]] = [[]]
    position = 0
    while True:
        comparison = _COMPARISON.match(expression, position)
        if comparison is None:
            break
        operand = None if comparison["operand"] == "nil" else comparison["operand"][1:-1]
        alternatives[-1].append((variables.get(comparison["name"]) == operand) == (comparison["operator"] == "=="))
        position = comparison.end()
        if position == len(expression):
            return any(all(alternative) for alternative in alternatives)
        junction = _JUNCTION.match(expression, position)
        if junction is None:
            break
        if junction["disjunction"]:
            alternatives.append([])
        position = junction.end()
    raise ConditionError(
        f"the local runner can't evaluate {expression!r}",
        hint="it knows NAME == 'text', NAME != nil, && and ||; Woodpecker itself knows more",
    )


def _item(value: Value, where: str) -> Condition:
    if not isinstance(value, dict):
        raise ConditionError(f"{where}: an item of when must be a map")
    # The name of a cron job is known to the server alone, so any job matches here.
    unknown = value.keys() - {*_LISTS, "event", "path", "status", "evaluate", "cron"}
    if unknown:
        raise ConditionError(f"{where}: the local runner does not know the filter {', '.join(sorted(unknown))}")
    events = _texts(value.get("event"), where)
    for event in events:
        if event not in EVENTS:
            raise ConditionError(f"{where}: there is no event {event!r}")
    expression = value.get("evaluate") or ""
    if not isinstance(expression, str):
        raise ConditionError(f"{where}: evaluate must be text")
    return Condition(
        events=events,
        lists=tuple((name, _filter(value[name], where)) for name in _LISTS if name in value),
        paths=_paths(value["path"], where) if "path" in value else None,
        status=_texts(value.get("status"), where),
        evaluate=expression,
    )


def _filter(value: Value, where: str) -> Filter:
    if isinstance(value, dict):
        return Filter(include=_texts(value.get("include"), where), exclude=_texts(value.get("exclude"), where))
    return Filter(include=_texts(value, where))


def _paths(value: Value, where: str) -> Paths:
    if not isinstance(value, dict):
        return Paths(include=_texts(value, where))
    return Paths(
        include=_texts(value.get("include"), where),
        exclude=_texts(value.get("exclude"), where),
        ignore_message=str(value.get("ignore_message") or ""),
        on_empty=value.get("on_empty") is not False,
    )


def _texts(value: Value, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise ConditionError(f"{where}: text or a list of texts is wanted, not {value!r}")
    return tuple(str(item) for item in items)
