"""The agents, as the server sees them: pods that are ready may still not have found it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.components.woodpecker import access
from bootstrap.core.change import Change, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.objects import Ref
from bootstrap.gitea.errors import ServerDownError
from bootstrap.woodpecker import agent, health

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_HINT = (
    "agents and server must have the same secret (`bootstrap up` restarts both when it changes), and a NetworkPolicy must let the agents "
    "reach port 9000 of the server; the logs of the agents say which"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsResource:
    """As many agents as there should be, connected and of the server's version."""

    wanted: int

    @property
    def label(self) -> str:
        """How a person knows it."""
        return "Woodpecker agents"

    def observe(self, context: "Context") -> Observation:
        """Find nothing to change: the release makes them."""
        del context
        return Observation()

    def apply(self, context: "Context", change: Change) -> None:
        """Never comes to this."""

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until they are connected."""
        chart = context.platform.woodpecker.chart
        agents = Ref(api_version="apps/v1", kind="StatefulSet", name=f"{chart.release}-agent", namespace=chart.namespace)
        context.waiter.wait(self.label, lambda: self.status(context), deadline=deadline, refs=[agents], hint=_HINT)

    def status(self, context: "Context") -> Readiness:
        """Ask the server for its agents."""
        woodpecker = access.woodpecker(context)
        if woodpecker is None:
            return Readiness(state=State.PROGRESSING, message="nobody has logged in to Woodpecker yet, or its server is not up")
        try:
            return agent.fleet(woodpecker).readiness(self.wanted, health.look(woodpecker.web).version)
        except ServerDownError as error:
            return Readiness(state=State.PROGRESSING, message=error.message)

    def removal(self, context: "Context") -> Removal | None:
        """Leave them to the release."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""
