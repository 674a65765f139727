"""Kargo's admission webhooks: without them nothing can be made of a project."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.core.change import ABSENT, READY, Change, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import AbsentError, RefusedError
from bootstrap.core.objects import Manifest

if TYPE_CHECKING:
    from bootstrap.core.context import Context

API = "kargo.akuity.io/v1alpha1"
# Never made: it is only asked whether it might be.
_PROBE: Manifest = {"apiVersion": API, "kind": "Project", "metadata": {"name": "local-cicd-probe"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Answer, which they do a little later than their pods are ready: cert-manager has to hand their CA to the API server first."""

    release: str
    """Label of the release that they come with."""

    @property
    def label(self) -> str:
        """How a person knows it: which of them answers does not matter, one server does for all."""
        return "Kargo's admission webhook"

    def observe(self, context: "Context") -> Observation:
        """Find out whether there is something that they are asked about."""
        if not context.cluster.serves(API, "Project"):
            return Observation(later=Later(resource=self.label, reason=f"{self.release} is there"))
        return Observation()

    def apply(self, context: "Context", change: Change) -> None:
        """There is nothing to change."""

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until they answer."""
        hint = "they run in the Deployment kargo-webhooks-server; cert-manager's cainjector hands their CA to the API server: see its log"
        context.waiter.wait(self.label, lambda: self._look(context), deadline=deadline, hint=hint)

    def status(self, context: "Context") -> Readiness:
        """Say whether there are any; asking them takes a right that reading does not."""
        return READY if context.cluster.serves(API, "Project") else ABSENT

    def removal(self, context: "Context") -> Removal | None:
        """They go with the release."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """They go with the release."""

    def _look(self, context: "Context") -> Readiness:
        try:
            context.cluster.apply(_PROBE, dry_run=True)
        except AbsentError as error:
            return Readiness(state=State.PROGRESSING, message=error.message)
        except RefusedError as error:
            said = " ".join(error.details) or error.message
            if "failed calling webhook" not in said:
                raise
            return Readiness(state=State.PROGRESSING, message=said)
        return READY
