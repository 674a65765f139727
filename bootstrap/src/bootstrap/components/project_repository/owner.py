"""The organisation that owns repositories of projects."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.components.project_repository.snapshot import NotYetError, Snapshot
from bootstrap.core.change import ABSENT, READY, Action, Change, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.gitea import user

if TYPE_CHECKING:
    from bootstrap.core.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerResource:
    """A user or an organisation; where there is neither, an organisation is made."""

    name: str
    snapshot: Snapshot = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Gitea organisation {self.name}"

    def observe(self, context: "Context") -> Observation:
        """Look for it."""
        del context
        try:
            there = self.snapshot.owner
        except NotYetError as error:
            return Observation(later=Later(resource=self.label, reason=str(error)))
        return Observation() if there else Observation(change=Change(resource=self.label, action=Action.CREATE))

    def apply(self, context: "Context", change: Change) -> None:
        """Make it."""
        del change
        context.guard.check()
        user.create_organization(self.snapshot.gitea, self.name)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: "Context") -> Readiness:
        """Say whether it is there."""
        del context
        try:
            return READY if self.snapshot.owner else ABSENT
        except NotYetError as error:
            return Readiness(state=State.PROGRESSING, message=f"can't be seen before {error}")

    def removal(self, context: "Context") -> Removal | None:
        """Leave it: it may own more than this platform knows of."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""
