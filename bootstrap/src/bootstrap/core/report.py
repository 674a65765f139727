"""What a person reads: the plan, what is being done, what state things are in, what goes and what stays."""

from collections.abc import Iterator, Sequence

from bootstrap import abridged
from bootstrap.core.change import Action, Change, State
from bootstrap.core.left_over import LeftOver
from bootstrap.core.plan import ComponentPlan, Plan, Problem, Status, Teardown, distinct
from plugin_kit.console import WIDTH, Console, counted, wrapped
from plugin_kit.errors import PluginError

_INDENT = "  "
# Of names in one line; who wants all of them asks for --json.
_MOST_NAMES = 5


def show_plan(console: Console, plan: Plan) -> None:
    """Print what would be done, component by component; those without a change take no line."""
    for component in plan.components:
        if not component.idle:
            console.info(component.title)
            for line in _component_lines(component):
                console.info(f"{_INDENT}{line}")
    _show_left_over(console, plan.left_over)
    _show_problems(console, plan.problems)
    if plan.exit_code == 0:
        total = sum(len(component.unchanged) for component in plan.components)
        console.info(f"Nothing to do: {counted(total, 'resource')} as they should be")
    else:
        later = f", {len(plan.later)} that can only be known later" if plan.later else ""
        problems = f", {counted(len(distinct(plan.problems)), 'problem')}" if plan.problems else ""
        console.info(f"Plan: {counted(len(plan.changes), 'change')}{later}{problems}")


def show_change(console: Console, change: Change) -> None:
    """Print a change when its turn has come."""
    console.detail(_head(change))


def show_removal(console: Console, label: str) -> None:
    """Print what is deleted when its turn has come."""
    console.detail(f"{Action.DELETE.value:<9} {label}")


def show_status(console: Console, status: Status) -> None:
    """Print what is not in order, and a line for each component that is."""
    rows = []
    for component in status.components:
        bad = [(label, state) for label, state in component.rows if state.state is not State.READY]
        if not bad:
            rows.append((component.title, "ready", counted(len(component.rows), "resource")))
        rows += [(component.title, state.state.value, f"{label}{f': {state.message}' if state.message else ''}") for label, state in bad]
    console.table(("component", "state", "what"), rows)
    _show_left_over(console, status.left_over)
    if not status.installed:
        console.info("This platform is not installed here: `bootstrap up`, or another kubeconfig")


def show_teardown(console: Console, teardown: Teardown) -> None:
    """Print what goes, in order, and what stays, with the reason."""
    if teardown.deleted:
        console.info("Deleted, in this order:")
        for removal in teardown.deleted:
            console.info(f"  {removal.resource}{f' ({removal.note})' if removal.note else ''}")
    else:
        console.info("Nothing to delete" if teardown.installed else "Nothing to delete: this platform is not installed here")
    if teardown.kept:
        console.info("Kept:")
        for removal in teardown.kept:
            console.info(f"  {removal.resource}: {removal.kept}")
    _show_problems(console, teardown.problems)


def _component_lines(component: ComponentPlan) -> Iterator[str]:
    for change in component.changes:
        yield from _change_lines(change)
    waiting: dict[str, list[str]] = {}
    for later in component.later:
        waiting.setdefault(later.reason, []).append(later.resource)
    for reason, resources in waiting.items():
        if len(resources) == 1:
            yield f"later     {resources[0]}: when {reason}"
        else:
            # A cause may be an error at length: it is told once.
            yield f"later     {counted(len(resources), 'resource')}: when {reason}"
            yield from wrapped(f"    {', '.join(resources)}", indent="    ", width=WIDTH - len(_INDENT))


def _change_lines(change: Change) -> Iterator[str]:
    yield _head(change)
    for field in change.fields:
        yield f"    {field}"
    # A chart has up to a hundred objects: those that come with it take a line for each kind.
    together: dict[tuple[Action, str], list[str]] = {}
    for part in change.parts:
        if part.fields or part.note:
            yield from (f"    {line}" for line in _change_lines(part))
        else:
            kind, _, name = part.resource.partition(" ")
            together.setdefault((part.action, kind), []).append(name)
    for (action, kind), names in together.items():
        yield f"    {action.value:<9} {kind} {', '.join(names)}"


def _head(change: Change) -> str:
    return f"{change.action.value:<9} {change.resource}{f' ({change.note})' if change.note else ''}"


def _show_left_over(console: Console, left_over: Sequence[LeftOver]) -> None:
    if left_over:
        console.info("Left over: with the labels of this platform, but not in platform.yaml; nothing of it is deleted by itself")
        for each in left_over:
            console.info(f"  {each}")


def _show_problems(console: Console, problems: Sequence[Problem]) -> None:
    for error, resources in distinct(problems):
        several = (
            [f"it is about {counted(len(resources), 'resource')}: {abridged.names(resources, _MOST_NAMES)}"] if len(resources) > 1 else []
        )
        console.error(PluginError(error.message, hint=error.hint, details=[*error.details, *several]))
