"""Agents: what starts the pods of the steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Self

from bootstrap.core.change import READY, Readiness, State
from bootstrap.woodpecker.client import Woodpecker

# An agent reports every 10 s (cmd/agent/core/agent.go); a slow database may swallow some of them.
SILENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent as the server knows it. The API also shows its token, which is dropped here."""

    name: str
    version: str
    last_contact: int
    """Seconds since 1970, of the server's clock."""
    paused: bool
    backend: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read the API's form."""
        return cls(
            name=str(document.get("name") or document.get("id")),
            version=str(document.get("version") or ""),
            last_contact=int(document.get("last_contact") or 0),
            paused=bool(document.get("no_schedule")),
            backend=str(document.get("backend") or ""),
        )

    def is_connected(self, now: float) -> bool:
        """Tell whether it has reported lately."""
        return now - self.last_contact <= SILENCE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All agents, at a time of the server's clock."""

    agents: Sequence[Agent]
    now: float

    def connected(self) -> list[Agent]:
        """Return those that have reported lately; one that was killed stays listed for ever, and silent."""
        return [agent for agent in self.agents if agent.is_connected(self.now)]

    def readiness(self, wanted: int, server_version: str = "") -> Readiness:
        """Judge whether enough of them are connected, of the server's version, and at work."""
        connected = self.connected()
        others = sorted({agent.version for agent in connected if server_version and agent.version and agent.version != server_version})
        if len(connected) < wanted:
            silent = len(self.agents) - len(connected)
            rest = f", {silent} known but silent" if silent else ""
            return Readiness(state=State.PROGRESSING, message=f"{len(connected)} of {wanted} agents are connected{rest}")
        if others:
            return Readiness(
                state=State.PROGRESSING, message=f"agents of version {', '.join(others)} are connected to a server {server_version}"
            )
        if paused := [agent.name for agent in connected if agent.paused]:
            return Readiness(state=State.READY, message=f"paused by hand: {', '.join(paused)}")
        return READY


def fleet(woodpecker: Woodpecker) -> Fleet:
    """Return all agents; only for administrators."""
    response = woodpecker.call("GET", "/agents?page=1&perPage=50", what="list its agents")
    documents = woodpecker.web.json(response) or []
    date = response.headers.get("Date")
    now = parsedate_to_datetime(date).timestamp() if date else max((int(each.get("last_contact") or 0) for each in documents), default=0)
    return Fleet(agents=tuple(Agent.of(each) for each in documents), now=float(now))
