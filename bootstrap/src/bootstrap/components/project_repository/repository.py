"""The repository of a project in Gitea."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.components.project_repository.snapshot import NotYetError, Snapshot
from bootstrap.core.change import ABSENT, READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError
from bootstrap.gitea import repository
from bootstrap.gitea.errors import GiteaError
from bootstrap.gitea.repository import Wanted
from bootstrap.platform.project import Project

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_KEPT = "it holds the code and its history"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryResource:
    """A repository that can be pushed into, and that is as private as platform.yaml says. Its other settings are its owner's."""

    project: Project
    snapshot: Snapshot = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Gitea repository {self.project.repository.full_name}"

    def observe(self, context: "Context") -> Observation:
        """Compare what is there; one that nothing can be pushed into is an error."""
        del context
        try:
            found = self.snapshot.repository
        except NotYetError as error:
            return Observation(later=Later(resource=self.label, reason=str(error)))
        if found is None:
            return Observation(change=Change(resource=self.label, action=Action.CREATE))
        repository.check(found)
        fields = tuple(
            FieldChange(path=each.field, before=each.before, after=each.after) for each in repository.differences(found, self._wanted)
        )
        return Observation(change=Change(resource=self.label, action=Action.UPDATE, fields=fields)) if fields else Observation()

    def apply(self, context: "Context", change: Change) -> None:
        """Make it, or change what differs."""
        gitea, wanted = self.snapshot.gitea, self._wanted
        context.guard.check()
        if change.action is Action.CREATE:
            repository.create(gitea, wanted)
            return
        found = repository.find(gitea, wanted.owner, wanted.name)
        if found is not None:
            repository.update(gitea, found, repository.differences(found, wanted))

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: "Context") -> Readiness:
        """Say whether it can be used."""
        del context
        try:
            found = self.snapshot.repository
            if found is None:
                return ABSENT
            repository.check(found)
        except NotYetError as error:
            return Readiness(state=State.PROGRESSING, message=f"can't be seen before {error}")
        except GiteaError as error:
            return Readiness(state=State.FAILED, message=error.message)
        return Readiness(state=State.READY, message="it is empty: nothing was pushed yet") if found.empty else READY

    def removal(self, context: "Context") -> Removal | None:
        """Keep it."""
        del context
        try:
            there = self.snapshot.repository is not None
        except (NotYetError, BootstrapError):
            # `down` needs no Gitea, and says all the same what it leaves.
            return Removal(resource=self.label, kept=f"if it is there, which Gitea does not tell: {_KEPT}")
        return Removal(resource=self.label, kept=_KEPT) if there else None

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""

    @property
    def _wanted(self) -> Wanted:
        wanted = self.project.repository
        return Wanted(owner=wanted.owner, name=wanted.name, private=wanted.private, default_branch=wanted.branch)
