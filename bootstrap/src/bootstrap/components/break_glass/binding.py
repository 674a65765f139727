"""What puts the policy into force: it is in order only when the API server refuses what the policy forbids."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.break_glass.policy import API_VERSION, KIND
from bootstrap.core.change import ABSENT, READY, Change, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.resource import ObjectResource

if TYPE_CHECKING:
    from bootstrap.core.cluster import Cluster
    from bootstrap.core.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingResource:
    """The binding of the policy. API servers take a moment until they go by it."""

    manifest: Manifest
    in_force: Callable[["Cluster", str], bool]
    """Asks the API server whether it goes by the policy, for the platform's namespace."""
    kept: str = ""
    """Why `down` leaves it."""

    @property
    def label(self) -> str:
        """How a person knows it."""
        return self._object.label

    def observe(self, context: "Context") -> Observation:
        """Ask the API server what an apply would change."""
        if not context.cluster.serves(API_VERSION, KIND):
            raise BootstrapError(
                f"the cluster has no {KIND}, and without one anybody could write a record of break-glass",
                hint="it comes with Kubernetes 1.30; upgrade the cluster, or take `gate` off the stages in platform.yaml",
            )
        return self._object.observe(context)

    def apply(self, context: "Context", change: Change) -> None:
        """Apply it."""
        self._object.apply(context, change)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until a record that the policy forbids is refused."""
        context.waiter.wait(self.label, lambda: self.status(context), deadline=deadline, refs=[self._object.ref])

    def status(self, context: "Context") -> Readiness:
        """Look whether such a record is refused, after what the API server says of the policy's own text."""
        if context.cluster.get(self._object.ref) is None:
            return ABSENT
        policy = context.cluster.get(Ref(api_version=API_VERSION, kind=KIND, name=self.manifest["spec"]["policyName"])) or {}
        checked = (policy.get("status") or {}).get("typeChecking") or {}
        if warnings := checked.get("expressionWarnings"):
            text = "; ".join(str(each.get("warning")) for each in warnings)
            return Readiness(state=State.FAILED, message=f"the API server does not understand the policy: {text}")
        if self.in_force(context.cluster, context.platform.namespace):
            return READY
        return Readiness(state=State.PROGRESSING, message="the API server does not go by the policy yet")

    def removal(self, context: "Context") -> Removal | None:
        """Delete it, unless it is kept."""
        return self._object.removal(context)

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Delete it and wait until it is gone."""
        self._object.remove(context, deadline)

    @property
    def _object(self) -> ObjectResource:
        return ObjectResource(manifest=self.manifest, kept=self.kept)
