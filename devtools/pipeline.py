"""A .woodpecker.yml as the local runner understands it.

What Woodpecker knows and the runner doesn't is an error that names it: a step that would run differently here must not pass as tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from devtools import condition, goyaml
from devtools.condition import ALWAYS, When
from devtools.errors import DevError
from devtools.goyaml import Value
from devtools.substitution import substitute

# Keys without effect on one machine: which agent runs the workflow, and how many at a time.
_WORKFLOW_IGNORED = {"$schema", "variables", "labels", "concurrency", "depends_on"}
_STEP_KEYS = {"name", "image", "pull", "commands", "entrypoint", "environment", "settings", "directory", "when", "depends_on"}
_STEP_KEYS |= {"failure", "privileged", "backend_options"}
_FAILURES = ("fail", "ignore")


class PipelineError(DevError):
    """A pipeline file that Woodpecker would refuse, or that the local runner can't run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """How the clone step fetches: by default one commit and nothing else."""

    depth: int = 1
    tags: bool = False


DEFAULT_CLONE = Clone()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A step that must have ended before; an optional one may have been filtered out."""

    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step."""

    name: str
    image: str
    commands: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    settings: Mapping[str, Value] = field(default_factory=dict)
    directory: str = ""
    when: When = ALWAYS
    depends_on: tuple[Dependency, ...] = ()
    failure: str = "fail"
    privileged: bool = False
    pull: bool = False

    @property
    def is_plugin(self) -> bool:
        """A step is a plugin if it leaves what runs to its image."""
        return not self.commands and not self.entrypoint and not self.environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One pipeline file; `clone` is None where it says skip_clone."""

    steps: tuple[Step, ...]
    when: When = ALWAYS
    clone: Clone | None = DEFAULT_CLONE

    def levels(self, variables: Mapping[str, str]) -> list[list[Step]]:
        """Return the steps of this pipeline, in levels that run one after another; empty where `when` filters everything."""
        if not self.when.matches(variables):
            return []
        return _levels([step for step in self.steps if step.when.matches(variables)])


def parse(text: str, variables: Mapping[str, str]) -> Workflow:
    """Return the workflow of a file, its `${...}` expanded with the variables of the pipeline."""
    document = goyaml.load(substitute(text, variables))
    if not isinstance(document, dict):
        raise PipelineError("a pipeline file is a map with steps")
    for key in document.keys() - _WORKFLOW_IGNORED - {"when", "steps", "clone", "skip_clone"}:
        _refuse(key, "the workflow")
    steps = tuple(_step(name, value) for name, value in _named(document.get("steps"), "steps"))
    if not steps:
        raise PipelineError("the workflow has no steps")
    names = [step.name for step in steps]
    for name in names:
        if names.count(name) > 1:
            raise PipelineError(f"two steps have the name {name!r}")
    return Workflow(
        steps=steps,
        when=condition.parse(document.get("when"), "when"),
        clone=None if document.get("skip_clone") is True else _clone(document.get("clone")),
    )


def _levels(steps: Sequence[Step]) -> list[list[Step]]:
    if not any(step.depends_on for step in steps):
        return [[step] for step in steps]
    names = {step.name for step in steps}
    for step in steps:
        for dependency in step.depends_on:
            if dependency.name not in names and not dependency.optional:
                raise PipelineError(f"step {step.name!r} depends on {dependency.name!r}, which is not part of this pipeline")
    levels: list[list[Step]] = []
    waiting, done = list(steps), set[str]()
    while waiting:
        level = [step for step in waiting if all(other.name in done or other.name not in names for other in step.depends_on)]
        if not level:
            raise PipelineError(f"steps wait for each other: {', '.join(step.name for step in waiting)}")
        levels.append(level)
        waiting = [step for step in waiting if step not in level]
        done |= {step.name for step in level}
    return levels


def _step(name: str, value: Value) -> Step:
    where = f"step {name!r}"
    step = _map(value, where)
    for key in step.keys() - _STEP_KEYS:
        _refuse(key, where)
    image = step.get("image")
    if not isinstance(image, str) or not image:
        raise PipelineError(f"{where} has no image")
    settings = _map(step.get("settings"), where)
    for other in ("commands", "entrypoint", "environment"):
        if settings and step.get(other):
            raise PipelineError(f"{where} has both settings and {other}", hint=f"a plugin has no {other}")
    failure = step.get("failure", "fail")
    if failure not in _FAILURES:
        raise PipelineError(f"{where}: the local runner knows failure: {' and '.join(_FAILURES)}, not {failure!r}")
    return Step(
        name=name,
        image=image,
        commands=_texts(step.get("commands"), where),
        entrypoint=_texts(step.get("entrypoint"), where),
        environment=_map(step.get("environment"), where),
        settings=settings,
        directory=str(step.get("directory") or ""),
        when=condition.parse(step.get("when"), where),
        depends_on=_dependencies(step.get("depends_on"), where),
        failure=str(failure),
        privileged=step.get("privileged") is True,
        pull=step.get("pull") is True,
    )


def _dependencies(value: Value, where: str) -> tuple[Dependency, ...]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    result: list[Dependency] = []
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            result.append(Dependency(name=str(item["name"]), optional=item.get("optional") is True))
        elif isinstance(item, str):
            result.append(Dependency(name=item))
        else:
            raise PipelineError(f"{where}: depends_on takes names of steps, not {item!r}")
    return tuple(result)


def _clone(value: Value) -> Clone:
    if value is None:
        return Clone()
    steps = _named(value, "clone")
    if len(steps) != 1:
        raise PipelineError("the local runner clones once: one clone step, please")
    settings = _map(_map(steps[0][1], "clone").get("settings"), "clone")
    # plugin-git fetches one commit unless told otherwise; the server's own depth of 0 does not change that.
    partial = settings.get("partial", True) is not False
    depth = settings.get("depth", 0)
    if isinstance(depth, bool) or not isinstance(depth, int):
        raise PipelineError(f"clone: depth is a number, not {depth!r}")
    return Clone(depth=1 if partial else depth, tags=settings.get("tags") is True)


def _named(value: Value, where: str) -> list[tuple[str, Value]]:
    """Return steps with their names: a list of maps with `name`, or a map by name."""
    if isinstance(value, dict):
        return list(value.items())
    if not isinstance(value, list):
        return []
    result: list[tuple[str, Value]] = []
    for number, item in enumerate(value):
        name = _map(item, where).get("name")
        result.append((name if isinstance(name, str) else f"step_{number}", item))
    return result


def _map(value: Value, where: str) -> Mapping[str, Value]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PipelineError(f"{where}: a map is wanted, not {value!r}")
    return value


def _texts(value: Value, where: str) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(item, str) for item in items):
        raise PipelineError(
            f"{where}: text or a list of texts is wanted, not {value!r}", hint="quote what YAML takes for a number, a map or a date"
        )
    return tuple(str(item) for item in items)


def _refuse(key: str, where: str) -> NoReturn:
    raise PipelineError(
        f"{where}: the local runner does not know {key!r}", hint="try this pipeline on a Woodpecker, or with woodpecker-cli exec"
    )
