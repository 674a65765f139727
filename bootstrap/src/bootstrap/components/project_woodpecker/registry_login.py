"""The login with which the images of a project's steps are pulled."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.components.project_woodpecker.secret import PURPOSE
from bootstrap.components.project_woodpecker.snapshot import NotYetError, Snapshot, marks_record
from bootstrap.core.change import ABSENT, READY, Action, Change, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.platform.project import Project
from bootstrap.woodpecker import registry
from bootstrap.woodpecker.registry import WantedRegistry

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_MARK = "registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLoginResource:
    """The platform's registry login, for one repository."""

    project: Project
    wanted: WantedRegistry
    snapshot: Snapshot = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Woodpecker registry login {self.project.repository.full_name}/{self.wanted.address}"

    def observe(self, context: "Context") -> Observation:
        """Compare the user, and the fingerprint of the password."""
        context.hide(self.wanted.password)
        seen = self.snapshot
        try:
            there = seen.registries.get(self.wanted.address)
            fields = registry.changes(there, self.wanted, seen.key, seen.marks.get(_MARK))
        except NotYetError as error:
            return Observation(later=Later(resource=self.label, reason=str(error)))
        if not fields:
            return Observation()
        action = Action.CREATE if there is None else Action.UPDATE
        return Observation(change=Change(resource=self.label, action=action, fields=fields))

    def apply(self, context: "Context", change: Change) -> None:
        """Write it, and keep its fingerprint."""
        del change
        now = Snapshot(context, self.project, renewing=True)
        registry.put(now.woodpecker, now.active, self.wanted, now.registries.get(self.wanted.address))
        context.records.store(marks_record(self.project), {_MARK: self.wanted.mark(now.key)}, purpose=PURPOSE)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: "Context") -> Readiness:
        """Say whether it is there."""
        del context
        try:
            return READY if self.wanted.address in self.snapshot.registries else ABSENT
        except NotYetError as error:
            return Readiness(state=State.PROGRESSING, message=f"can't be seen before {error}")

    def removal(self, context: "Context") -> Removal | None:
        """Leave it to Woodpecker's database."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""
