"""Plans, as they are shown, compared and kept to; and what `status` and `down` have found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.core.change import Action, Change, Later, Readiness, Removal, State
from bootstrap.core.errors import BootstrapError
from bootstrap.core.left_over import LeftOver

NOTHING, PROBLEMS, CHANGES = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why something can't be done, or can't even be known."""

    resource: str
    error: BootstrapError

    def json(self) -> dict[str, Any]:
        """Give what programs read."""
        return {"resource": self.resource, "message": self.error.message, "details": list(self.error.details), "hint": self.error.hint}


def distinct(problems: Sequence[Problem]) -> list[tuple[BootstrapError, list[str]]]:
    """Return each error once, with the resources that it is about: a missing right keeps many from being seen."""
    found: dict[tuple[object, ...], tuple[BootstrapError, list[str]]] = {}
    for each in problems:
        key = (each.error.message, each.error.hint, *each.error.details)
        found.setdefault(key, (each.error, []))[1].append(each.resource)
    return list(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentPlan:
    """What would be done with one component."""

    name: str
    title: str
    changes: tuple[Change, ...] = ()
    later: tuple[Later, ...] = ()
    problems: tuple[Problem, ...] = ()
    unchanged: tuple[str, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.changes or self.later or self.problems)

    def allows(self, change: Change) -> bool:
        """Tell whether a change is one that the plan has shown, or has announced as something that can only be known later."""
        if any(change.resource == later.resource for later in self.later):
            return True
        for planned in self.changes:
            if planned.resource == change.resource:
                return _covers(planned, change)
        return bool(self.later) and change.resource not in self.unchanged

    def json(self) -> dict[str, Any]:
        """Give what programs read."""
        return {
            "name": self.name,
            "title": self.title,
            "changes": [change.json() for change in self.changes],
            "later": [{"resource": later.resource, "reason": later.reason} for later in self.later],
            "problems": [problem.json() for problem in self.problems],
            "unchanged": list(self.unchanged),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, in order."""

    components: tuple[ComponentPlan, ...]
    left_over: tuple[LeftOver, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes."""
        return tuple(change for component in self.components for change in component.changes)

    @property
    def later(self) -> tuple[Later, ...]:
        """All that is known later."""
        return tuple(later for component in self.components for later in component.later)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that a person has to decide or put right."""
        return tuple(problem for component in self.components for problem in component.problems)

    @property
    def exit_code(self) -> int:
        """0: nothing to do; 2: changes; 1: problems."""
        if self.problems:
            return PROBLEMS
        return CHANGES if self.changes or self.later else NOTHING

    def json(self) -> dict[str, Any]:
        """Give what programs read."""
        counts = {"changes": len(self.changes), "later": len(self.later), "problems": len(self.problems)}
        components = [component.json() for component in self.components]
        return {"exit_code": self.exit_code, **counts, "components": components, "left_over": [each.json() for each in self.left_over]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentStatus:
    """What state a component is in."""

    name: str
    title: str
    rows: tuple[tuple[str, Readiness], ...]

    @property
    def ready(self) -> bool:
        """Whether all of it is in order."""
        return all(readiness.state is State.READY for _, readiness in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What state the platform is in."""

    components: tuple[ComponentStatus, ...]
    left_over: tuple[LeftOver, ...] = ()
    installed: bool = True
    """Whether the platform's own namespace is there, which `up` makes first."""

    @property
    def exit_code(self) -> int:
        """0: all is in order; 1: something is not."""
        return int(not all(component.ready for component in self.components))

    def json(self) -> dict[str, Any]:
        """Give what programs read."""
        return {
            "exit_code": self.exit_code,
            "installed": self.installed,
            "components": [
                {
                    "name": component.name,
                    "title": component.title,
                    "ready": component.ready,
                    "resources": [
                        {"resource": label, "state": readiness.state.value, "message": readiness.message}
                        for label, readiness in component.rows
                    ],
                }
                for component in self.components
            ],
            "left_over": [each.json() for each in self.left_over],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """What `down` does, in order."""

    removals: tuple[Removal, ...]
    problems: tuple[Problem, ...] = ()
    installed: bool = True
    """Whether the platform's own namespace is there, which is the last to go."""

    @property
    def deleted(self) -> tuple[Removal, ...]:
        """What goes."""
        return tuple(removal for removal in self.removals if not removal.kept)

    @property
    def kept(self) -> tuple[Removal, ...]:
        """What stays."""
        return tuple(removal for removal in self.removals if removal.kept)

    def json(self) -> dict[str, Any]:
        """Give what programs read."""
        return {
            "installed": self.installed,
            "resources": [removal.json() for removal in self.removals],
            "problems": [problem.json() for problem in self.problems],
        }


def extra(planned: ComponentPlan, change: Change) -> list[str]:
    """Say what of a change is more than the plan has shown."""
    for before in planned.changes:
        if before.resource == change.resource and before.action is change.action:
            return [line for line in _lines(change) if line not in set(_lines(before))]
    return _lines(change) or [change.action.value]


def _covers(planned: Change, change: Change) -> bool:
    if planned.action is not change.action:
        return False
    # Of what is not there yet the plan can't know the fields, nor what a chart renders once its CRDs are served.
    return change.action is Action.CREATE or set(_paths([change])) <= set(_paths([planned]))


def _paths(changes: Sequence[Change]) -> Iterator[tuple[str, str]]:
    for change in changes:
        yield change.resource, change.action.value
        yield from ((change.resource, field.path) for field in change.fields)
        yield from _paths(change.parts)


def _lines(change: Change) -> list[str]:
    lines = [f"{change.resource}: {field}" for field in change.fields]
    for part in change.parts:
        lines += _lines(part) or [f"{part.resource}: {part.action.value}"]
    return lines
