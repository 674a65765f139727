"""Rights that were given to the agents once and that no step needs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.core.change import READY, Action, Change, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.objects import Manifest, Ref

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_NOTE = "it gives the agents all rights on the cluster, and no step needs that: steps run as another ServiceAccount"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerBinding:
    """A ClusterRoleBinding of this name that makes the agents cluster-admin, whoever made it; any other one is left alone."""

    name: str
    service_account: str
    namespace: str

    @property
    def label(self) -> str:
        """How a person knows it."""
        return self._ref.label

    def observe(self, context: "Context") -> Observation:
        """Find out whether it is there."""
        if self._found(context) is None:
            return Observation()
        return Observation(change=Change(resource=self.label, action=Action.DELETE, note=_NOTE))

    def apply(self, context: "Context", change: Change) -> None:
        """Delete it."""
        del change
        if self._found(context):
            context.guard.check()
            context.cluster.delete(self._ref)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until it is gone."""
        context.waiter.wait(f"Deletion of {self.label}", lambda: self.status(context), deadline=deadline, refs=[self._ref])

    def status(self, context: "Context") -> Readiness:
        """Say whether it is still there."""
        return READY if self._found(context) is None else Readiness(state=State.PROGRESSING, message=f"is still there: {_NOTE}")

    def removal(self, context: "Context") -> Removal | None:
        """Delete it with the agents."""
        return Removal(resource=self.label, note=_NOTE) if self._found(context) else None

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Delete it."""
        context.guard.check()
        context.cluster.delete(self._ref)
        self.verify(context, deadline)

    @property
    def _ref(self) -> Ref:
        return Ref(api_version="rbac.authorization.k8s.io/v1", kind="ClusterRoleBinding", name=self.name)

    def _found(self, context: "Context") -> Manifest | None:
        live = context.cluster.get(self._ref)
        if live is None or (live.get("roleRef") or {}).get("name") != "cluster-admin":
            return None
        agent = ("ServiceAccount", self.service_account, self.namespace)
        subjects = [(each.get("kind"), each.get("name"), each.get("namespace")) for each in live.get("subjects") or ()]
        # With others in it, it is not for the agents alone.
        return live if subjects == [agent] else None
