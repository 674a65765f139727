"""Objects that bootstrap has made once and that platform.yaml no longer wants: rights above all, which nobody would miss and take back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.core.change import READY, Action, Change, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.ownership import MANAGER, managers

if TYPE_CHECKING:
    from bootstrap.core.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """An object of ours that must not be there; somebody else's of the same name is left alone."""

    ref: Ref
    reason: str

    @property
    def label(self) -> str:
        """How a person knows it."""
        return self.ref.label

    def observe(self, context: "Context") -> Observation:
        """Find out whether it is there."""
        if self._ours(context) is None:
            return Observation()
        return Observation(change=Change(resource=self.label, action=Action.DELETE, note=self.reason))

    def apply(self, context: "Context", change: Change) -> None:
        """Delete it."""
        del change
        if self._ours(context):
            context.guard.check()
            context.cluster.delete(self.ref)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until it is gone."""
        context.waiter.wait(f"Deletion of {self.label}", lambda: self.status(context), deadline=deadline, refs=[self.ref])

    def status(self, context: "Context") -> Readiness:
        """Say whether it is still there."""
        return READY if self._ours(context) is None else Readiness(state=State.PROGRESSING, message=f"is still there: {self.reason}")

    def removal(self, context: "Context") -> Removal | None:
        """Delete it with the rest."""
        return Removal(resource=self.label) if self._ours(context) else None

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Delete it."""
        context.guard.check()
        context.cluster.delete(self.ref)
        self.verify(context, deadline)

    def _ours(self, context: "Context") -> Manifest | None:
        live = context.cluster.get(self.ref)
        return live if live is not None and MANAGER in managers(live) else None
