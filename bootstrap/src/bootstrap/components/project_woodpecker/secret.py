"""A secret of a project's pipelines, and one that is no longer wanted."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.components.project_woodpecker.snapshot import NotYetError, Snapshot, marks_record
from bootstrap.core.change import ABSENT, READY, Action, Change, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.platform.project import Project
from bootstrap.woodpecker import secret
from bootstrap.woodpecker.secret import WantedSecret

if TYPE_CHECKING:
    from bootstrap.core.context import Context

PREFIX = "secret."
PURPOSE = "fingerprints of what was written into Woodpecker, where it can't be read again"
_GONE = ""


def label(project: Project, name: str) -> str:
    """Name a secret for a person."""
    return f"Woodpecker secret {project.repository.full_name}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretResource:
    """A secret with its value, the events that may use it, and the plugins."""

    project: Project
    wanted: WantedSecret
    snapshot: Snapshot = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return label(self.project, self.wanted.name)

    def observe(self, context: "Context") -> Observation:
        """Compare what can be read, and the fingerprint of what can't."""
        context.hide(self.wanted.value)
        seen = self.snapshot
        try:
            there = seen.secrets.get(self.wanted.name)
            fields = secret.changes(there, self.wanted, seen.key, seen.marks.get(f"{PREFIX}{self.wanted.name}"))
        except NotYetError as error:
            return Observation(later=Later(resource=self.label, reason=str(error)))
        if not fields:
            return Observation()
        action = Action.CREATE if there is None else Action.UPDATE
        return Observation(change=Change(resource=self.label, action=action, fields=fields))

    def apply(self, context: "Context", change: Change) -> None:
        """Write it, and keep its fingerprint; a run that dies between the two writes it again."""
        del change
        now = Snapshot(context, self.project, renewing=True)
        made = secret.put(now.woodpecker, now.active, self.wanted, now.secrets.get(self.wanted.name))
        mark = made.mark(now.key, self.wanted.value)
        context.records.store(marks_record(self.project), {f"{PREFIX}{self.wanted.name}": mark}, purpose=PURPOSE)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: "Context") -> Readiness:
        """Say whether it is there."""
        del context
        try:
            return READY if self.wanted.name in self.snapshot.secrets else ABSENT
        except NotYetError as error:
            return Readiness(state=State.PROGRESSING, message=f"can't be seen before {error}")

    def removal(self, context: "Context") -> Removal | None:
        """Leave it to Woodpecker's database, whose next activation of the repository finds it again."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerSecret:
    """A secret that was written here once and that platform.yaml no longer has."""

    project: Project
    name: str
    snapshot: Snapshot = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return label(self.project, self.name)

    def observe(self, context: "Context") -> Observation:
        """Find out whether it is still there."""
        del context
        try:
            there = self.name in self.snapshot.secrets
        except NotYetError as error:
            return Observation(later=Later(resource=self.label, reason=str(error)))
        if not there:
            return Observation()
        note = "platform.yaml no longer has it; a pipeline that still names it stops with an error"
        return Observation(change=Change(resource=self.label, action=Action.DELETE, note=note))

    def apply(self, context: "Context", change: Change) -> None:
        """Delete it, and forget it."""
        del change
        now = Snapshot(context, self.project, renewing=True)
        secret.delete(now.woodpecker, now.active, [self.name])
        context.records.store(marks_record(self.project), {f"{PREFIX}{self.name}": _GONE}, purpose=PURPOSE)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: "Context") -> Readiness:
        """Say nothing of what was made by hand since."""
        del context
        return READY

    def removal(self, context: "Context") -> Removal | None:
        """Leave it to Woodpecker's database."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""
