"""What the commands do: plan, up, status, down, over components in their order.

After a plan has said X, `up` does X and nothing else. It observes each component again right before it changes it, for three reasons: what
could only be known later is known by then; what has come about by itself need not be done; and somebody may have changed something since.
In that last case it stops with DriftError before it changes what the plan did not have, and a new run makes a new plan.

A component that the plan left alone is only verified as long as nothing before it was changed. From then on it is observed again, too: what
it is made of may have changed in this very run, and a run that ends well must leave nothing to do.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from bootstrap.core import left_over, report
from bootstrap.core.change import Change, Later, Observation, Readiness, Removal, State
from bootstrap.core.component import Component
from bootstrap.core.errors import BootstrapError, DriftError, PlanError, UnauthorizedError, UnreachableError, WaitError
from bootstrap.core.lease import Lease, Unheld, namespace_manifest
from bootstrap.core.left_over import LeftOver
from bootstrap.core.plan import ComponentPlan, ComponentStatus, Plan, Problem, Status, Teardown, distinct, extra
from bootstrap.core.release import ReleaseResource
from bootstrap.core.resource import ObjectResource, Resource
from plugin_kit.console import counted
from plugin_kit.parallel import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootstrap.core.clock import Deadline
    from bootstrap.core.context import Context

T = TypeVar("T")
# What each component consists of, in their order.
_Lists: TypeAlias = Sequence[tuple[Sequence[Resource], Problem | None]]

AT_ONCE = 16
# How often one resource may change in a run: API things come in steps, and what never settles must end.
MOST_CHANGES = 5
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_SIGN_SECONDS = 15.0


class Engine:
    """Runs the commands over a list of components."""

    def __init__(self, context: "Context", components: Sequence[Component], *, whole: bool = False) -> None:
        """Take the components; `whole` says that they are all there are, so that what belongs to none of them is left over."""
        self.context = context
        self._whole = whole
        self.components = [component for component in ordered(components) if component.enabled(context.platform)]

    def plan(self) -> Plan:
        """Observe everything at once and change nothing."""
        with self.context.cluster.looking():
            return self._planned(self._all_listed())

    def _planned(self, lists: _Lists) -> Plan:
        seen, left_over = self._seen(lists, self._observed)
        plans = [
            _component_plan(component, resources, found, problem)
            for component, (resources, problem), found in zip(self.components, lists, seen, strict=True)
        ]
        return Plan(components=tuple(plans), left_over=left_over)

    def _all_listed(self) -> _Lists:
        # One error rather than one for each resource. What is served is wanted by all of them.
        each(lambda ask: ask(), (self.context.cluster.version, self.context.cluster.api_versions))
        return each(self._listed, self.components, at_once=AT_ONCE)

    def _seen(self, lists: _Lists, look: Callable[[Resource], T]) -> tuple[list[list[T]], tuple[LeftOver, ...]]:
        """Look at every resource, and for what is left over, all at once; what takes longest begins first."""
        work = [resource for resources, _ in lists for resource in resources]
        order = sorted(range(len(work)), key=lambda number: not isinstance(work[number], ReleaseResource))
        beside = ThreadPoolExecutor(max_workers=1)
        try:
            left_over = beside.submit(self._left_over, lists)
            found = dict(zip(order, each(lambda number: look(work[number]), order, at_once=AT_ONCE), strict=True))
            rows = (found[number] for number in range(len(work)))
            return [list(itertools.islice(rows, len(resources))) for resources, _ in lists], left_over.result()
        finally:
            # As in `each`: Ctrl+C need not wait for an answer that nobody wants any more.
            beside.shutdown(wait=False, cancel_futures=True)

    def up(self, confirm: Callable[[Plan], bool] = lambda _: True) -> Plan:
        """Show the plan, ask, do it, and see that all is in order; return the plan.

        PlanError when something has to be decided first, LockedError while another run is at work, DriftError when more would change.
        """
        with self.context.cluster.looking():
            lists = self._all_listed()
            plan = self._planned(lists)
            report.show_plan(self.context.console, plan)
            if not plan.problems and not plan.changes and not plan.later:
                # What was read a moment ago is in order already, or is waited for.
                self._verify([resource for resources, _ in lists for resource in resources])
                return plan
        if plan.problems:
            raise _undecided(plan.problems, "nothing was changed")
        if not confirm(plan):
            return plan
        changes = 0
        with self._locked():
            for component, planned in zip(self.components, plan.components, strict=True):
                changes += self._up(component, planned, stirred=changes > 0)
        return plan

    def status(self) -> Status:
        """Say what state everything is in, by reads alone."""
        with self.context.cluster.looking():
            lists = self._all_listed()
            seen, left_over = self._seen(lists, self._state)
            installed = self._installed()
        found = []
        for component, (resources, problem), states in zip(self.components, lists, seen, strict=True):
            rows = [(resource.label, state) for resource, state in zip(resources, states, strict=True)]
            if problem:
                rows.append((problem.resource, Readiness(state=State.UNKNOWN, message=problem.error.message)))
            found.append(ComponentStatus(name=component.name, title=component.title, rows=tuple(rows)))
        return Status(components=tuple(found), left_over=left_over, installed=installed)

    def down(self, confirm: Callable[[Teardown], bool] = lambda _: True) -> Teardown:
        """List what goes and what stays, ask, and delete in the reverse order of `up`; return the list."""
        self.context.cluster.version()
        order = [(component, list(reversed(component.resources(self.context)))) for component in reversed(self.components)]
        seen = each(self._removal, [resource for _, resources in order for resource in resources], at_once=AT_ONCE)
        teardown = Teardown(
            removals=tuple(one for one in seen if isinstance(one, Removal)),
            problems=tuple(one for one in seen if isinstance(one, Problem)),
            installed=self._installed(),
        )
        report.show_teardown(self.context.console, teardown)
        if teardown.problems:
            raise _undecided(teardown.problems, "nothing was deleted")
        if not teardown.deleted or not confirm(teardown):
            return teardown
        going = {removal.resource for removal in teardown.deleted}
        with self._locked():
            for component, resources in order:
                if leaving := [resource for resource in resources if resource.label in going]:
                    self._down(component, leaving)
        return teardown

    def _installed(self) -> bool:
        return self.context.cluster.get(_home(self.context).ref) is not None

    def _down(self, component: Component, leaving: Sequence[Resource]) -> None:
        with self.context.console.step(component.title) as step:
            for _, alike in itertools.groupby(leaving, self._together):
                group = list(alike)
                for resource in group:
                    report.show_removal(self.context.console, resource.label)
                each(self._remove, group, at_once=AT_ONCE)
            step.note(f"{len(leaving)} deleted")

    def _together(self, resource: Resource) -> object:
        """Return what neighbours have in common that need not wait for each other: a namespace takes seconds."""
        if not isinstance(resource, ObjectResource):
            return resource.label
        # The lock lies in the platform's own namespace, which is the last to go.
        return resource.ref.kind, resource.ref.name == self.context.platform.namespace

    def _remove(self, resource: Resource) -> None:
        resource.remove(self.context, self.context.deadline(self.context.platform.timeouts.deleted))

    def _left_over(self, lists: Sequence[tuple[Sequence[Resource], Problem | None]]) -> tuple[LeftOver, ...]:
        if not self._whole or any(problem for _, problem in lists):
            return ()
        return tuple(left_over.find(self.context, {resource.label for resources, _ in lists for resource in resources}))

    def _up(self, component: Component, planned: ComponentPlan, *, stirred: bool) -> int:
        """Bring one component to what is wanted and return how many changes that took; `stirred` where one before it has changed."""
        if planned.idle and not (stirred and self._moved(component)):
            self._verify(component.resources(self.context))
            return 0
        with self.context.console.step(component.title) as step:
            history: dict[str, list[Change]] = {}
            waits = _Waits(self.context)
            while True:
                resources, seen = self._observed_again(component)
                done, later = self._pass(resources, seen, planned, history)
                self._verify(done)
                if later is None and not done:
                    break
                waits.next(later, progress=bool(done))
            self._verify(resources)
            count = sum(len(changes) for changes in history.values())
            step.note(counted(count, "change") if count else "nothing was left to do")
        return count

    def _moved(self, component: Component) -> bool:
        _, seen = self._observed_again(component)
        return any(observation != Observation() for observation in seen)

    def _pass(
        self, resources: Sequence[Resource], seen: Sequence[Observation], planned: ComponentPlan, history: dict[str, list[Change]]
    ) -> tuple[list[Resource], Later | None]:
        """Apply from the top down to what comes later; return what was applied."""
        done: list[Resource] = []
        for resource, observation in zip(resources, seen, strict=True):
            if observation.problem:
                raise observation.problem
            if observation.later:
                return done, observation.later
            if change := observation.change:
                self._check(change, planned, history)
                self.context.guard.check()
                report.show_change(self.context.console, change)
                resource.apply(self.context, change)
                history.setdefault(change.resource, []).append(change)
                done.append(resource)
        return done, None

    def _check(self, change: Change, planned: ComponentPlan, history: Mapping[str, list[Change]]) -> None:
        earlier = history.get(change.resource, [])
        if change in earlier or len(earlier) >= MOST_CHANGES:
            raise DriftError(
                f"{change.resource} does not stay as it is set: right after it was changed, the same would have to be changed again",
                details=[str(field) for field in change.fields] or [change.action.value],
                hint="somebody else sets it back, such as a controller or a webhook; leave it to them, and out of platform.yaml",
            )
        if not earlier and not planned.allows(change):
            raise DriftError(
                f"{change.resource} would change in a way that the plan has not shown; it was left alone",
                details=extra(planned, change),
                hint="somebody has changed it since the plan was made, or what it is made of has changed in this run; "
                "run it again for a new plan",
            )

    def _observed_again(self, component: Component) -> tuple[Sequence[Resource], list[Observation]]:
        resources, problem = self._listed(component)
        if problem:
            raise problem.error
        return resources, each(self._observed, resources, at_once=AT_ONCE)

    def _listed(self, component: Component) -> tuple[Sequence[Resource], Problem | None]:
        try:
            resources = component.resources(self.context)
        except (UnreachableError, UnauthorizedError):
            raise
        except BootstrapError as error:
            return [], Problem(resource=component.title, error=error)
        labels = [resource.label for resource in resources]
        if twice := {label for label in labels if labels.count(label) > 1}:
            raise ValueError(f"component {component.name} has more than one {', '.join(sorted(twice))}")
        return resources, None

    def _observed(self, resource: Resource) -> Observation:
        try:
            seen = resource.observe(self.context)
        except (UnreachableError, UnauthorizedError):
            raise
        except BootstrapError as error:
            return Observation(problem=error)
        if seen.change is None:
            return seen
        return Observation(change=seen.change.redacted(self.context.secrecy.text), later=seen.later, problem=seen.problem)

    def _state(self, resource: Resource) -> Readiness:
        try:
            return resource.status(self.context)
        except (UnreachableError, UnauthorizedError):
            raise
        except BootstrapError as error:
            return Readiness(state=State.UNKNOWN, message=error.message)

    def _removal(self, resource: Resource) -> Removal | Problem | None:
        try:
            return resource.removal(self.context)
        except (UnreachableError, UnauthorizedError):
            raise
        except BootstrapError as error:
            return Problem(resource=resource.label, error=error)

    def _verify(self, resources: Sequence[Resource]) -> None:
        # At once: each has the whole time for itself, and the slowest one decides.
        deadline = self.context.deadline()
        each(lambda resource: resource.verify(self.context, deadline), resources, at_once=AT_ONCE)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.context)


@contextmanager
def locked(context: "Context") -> "Iterator[None]":
    """Hold the platform's lock, in a namespace that is made for it where it is missing; `context.guard` is the lock as long as that."""
    namespace = _home(context)
    if context.cluster.get(namespace.ref) is None:
        context.cluster.apply(namespace.wanted(context))
    lease = Lease(context.cluster, context.platform.namespace, waiter=context.waiter, clock=context.clock, lost=context.helm.stop)
    with lease.held():
        context.guard = lease
        try:
            yield
        finally:
            context.guard = Unheld(context.cluster, context.platform.namespace)


def _home(context: "Context") -> ObjectResource:
    """Return the platform's own namespace."""
    return ObjectResource(manifest=namespace_manifest(context.platform.namespace, context.labels))


def ordered(components: Sequence[Component]) -> Sequence[Component]:
    """Return the components after a look at what they say they need; ValueError where that does not come first."""
    seen: set[str] = set()
    for component in components:
        if missing := [name for name in component.needs if name not in seen]:
            raise ValueError(f"component {component.name} needs {', '.join(missing)}, which must come before it")
        if component.name in seen:
            raise ValueError(f"there are two components called {component.name}")
        seen.add(component.name)
    return components


class _Waits:
    """What a component waits for before it can go on, and for how long."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._deadline: Deadline = context.deadline()
        self._pause = _FIRST_PAUSE
        self._sign = context.clock.now() + _SIGN_SECONDS

    def next(self, later: Later | None, *, progress: bool) -> None:
        """Return at once after progress; else wait a little, and raise WaitError when that has been so for too long."""
        if later is None or progress:
            self._deadline, self._pause = self._context.deadline(), _FIRST_PAUSE
            return
        if self._deadline.expired:
            raise WaitError(
                f"{later.resource} still has to wait until {later.reason}",
                hint=later.hint or "find out what keeps it from being there, and run this again: what is done stays done",
            )
        if self._context.clock.now() >= self._sign:
            self._sign += _SIGN_SECONDS
            self._context.console.detail(f"{later.resource}: waiting until {later.reason}")
        self._context.clock.sleep(min(self._pause, self._deadline.left))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


def _undecided(problems: Sequence[Problem], so_far: str) -> PlanError:
    # As many as are told.
    number = counted(len(distinct(problems)), "problem")
    return PlanError(f"{number} must be put right first; {so_far}", hint="each of them is told above, with its remedy")


def _component_plan(
    component: Component, resources: Sequence[Resource], seen: Sequence[Observation], problem: Problem | None
) -> ComponentPlan:
    problems = [Problem(resource=one.label, error=found.problem) for one, found in zip(resources, seen, strict=True) if found.problem]
    quiet = [one.label for one, found in zip(resources, seen, strict=True) if found == Observation()]
    return ComponentPlan(
        name=component.name,
        title=component.title,
        changes=tuple(found.change for found in seen if found.change),
        later=tuple(found.later for found in seen if found.later),
        problems=(*([problem] if problem else []), *problems),
        unchanged=tuple(quiet),
    )
