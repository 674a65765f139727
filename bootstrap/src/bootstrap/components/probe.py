"""A pod that tries something, as a resource: it is started once, and stays, ended, as the evidence of what it has found."""

from collections.abc import Callable
from dataclasses import dataclass

from bootstrap.components import probe_pod
from bootstrap.core.change import ABSENT, READY, Action, Change, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError, WaitError
from bootstrap.core.objects import Manifest, Ref, ref_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One pod. What it tries is in its manifest; a pod that has tried something else, or has failed, is started again."""

    manifest: Manifest
    """As `probe_pod.stamped` has made it."""
    purpose: str
    judge: Callable[[Context, Manifest], None]
    """Looks at the pod that has ended; raises BootstrapError with the remedy for what the pod has found."""
    stuck: Callable[[Context, Manifest], BootstrapError | None]
    """Says why a pod does not come to its end, where that is known; None where it may still do so."""

    @property
    def ref(self) -> Ref:
        """Which pod."""
        return ref_of(self.manifest)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return self.ref.label

    def observe(self, context: Context) -> Observation:
        """Start it where there is no good answer yet."""
        live = context.cluster.get(self.ref)
        if live is None:
            return Observation(change=Change(resource=self.label, action=Action.CREATE, note=self.purpose))
        if not probe_pod.is_of(live, self.manifest):
            return self._again("it has tried something else")
        if live["metadata"].get("deletionTimestamp") or probe_pod.progress(live).state is not State.READY:
            return self._again("it has not ended")
        try:
            self.judge(context, live)
        except BootstrapError as error:
            return self._again(f"the last time: {error.message}")
        return Observation()

    def apply(self, context: Context, change: Change) -> None:
        """Start it, in the place of an earlier one."""
        if change.action is not Action.CREATE:
            self.remove(context, context.deadline(context.platform.timeouts.deleted))
        context.guard.check()
        labels = {**context.labels, **(self.manifest["metadata"].get("labels") or {})}
        context.cluster.apply({**self.manifest, "metadata": {**self.manifest["metadata"], "labels": labels}})

    def verify(self, context: Context, deadline: Deadline) -> None:
        """Wait until it has ended, and see what it has found."""

        def look() -> Readiness:
            live = context.cluster.get(self.ref)
            if live is None:
                return ABSENT
            seen = probe_pod.progress(live)
            if seen.state is not State.READY and (error := self.stuck(context, live)):
                raise error
            return seen

        context.waiter.wait(self.label, look, deadline=deadline, refs=[self.ref])
        live = context.cluster.get(self.ref)
        if live is None:
            raise WaitError(f"{self.label} was deleted before its answer was read", hint="run it again")
        self.judge(context, live)

    def status(self, context: Context) -> Readiness:
        """Say what it has found."""
        live = context.cluster.get(self.ref)
        if live is None:
            return ABSENT
        seen = probe_pod.progress(live)
        if seen.state is not State.READY:
            return seen
        try:
            self.judge(context, live)
        except BootstrapError as error:
            return Readiness(state=State.FAILED, message=error.message)
        return READY

    def removal(self, context: Context) -> Removal | None:
        """Let it go."""
        return Removal(resource=self.label) if context.cluster.get(self.ref) else None

    def remove(self, context: Context, deadline: Deadline) -> None:
        """Delete it and wait until it is gone."""
        context.guard.check()
        context.cluster.delete(self.ref)

        def look() -> Readiness:
            return READY if context.cluster.get(self.ref) is None else Readiness(state=State.PROGRESSING, message="is still there")

        context.waiter.wait(f"Deletion of {self.label}", look, deadline=deadline, refs=[self.ref])

    def _again(self, why: str) -> Observation:
        return Observation(change=Change(resource=self.label, action=Action.REPLACE, note=f"{self.purpose}; {why}"))
