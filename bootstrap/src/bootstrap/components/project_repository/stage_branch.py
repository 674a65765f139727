"""The branches that hold what is deployed in the stages of a project."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.components.project_repository.snapshot import NotYetError, Snapshot
from bootstrap.core.change import ABSENT, READY, Action, Change, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.gitea import branch, repository
from bootstrap.gitea.errors import GiteaError
from bootstrap.gitea.repository import Repository
from bootstrap.platform.project import Project

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBranchResource:
    """A branch that begins where the built one is, and that only Kargo moves from then on."""

    project: Project
    name: str
    snapshot: Snapshot = field(repr=False, compare=False)
    imported: bool = False
    """Whether this run pushes a first commit, where there is none."""

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Gitea branch {self.name} of {self.project.repository.full_name}"

    def observe(self, context: "Context") -> Observation:
        """Look for it; in an empty repository there is nothing to make it of, and `up` goes on without."""
        wanted = self.project.repository
        try:
            found = self.snapshot.repository
            if found is not None and not found.empty:
                return self._observe(found)
        except NotYetError as error:
            return Observation(later=Later(resource=self.label, reason=str(error)))
        if self.imported:
            return Observation(later=Later(resource=self.label, reason=f"{wanted.import_from} is imported"))
        if found is None:
            return Observation(later=Later(resource=self.label, reason=f"Gitea repository {wanted.full_name} is there"))
        text = (
            f"Gitea repository {wanted.full_name} is empty: push into it (git push {self._address(context)} {wanted.branch}), and run "
            f"this again for its stage branches"
        )
        context.once(f"warning {text}", lambda: context.console.warn(text))
        return Observation()

    def apply(self, context: "Context", change: Change) -> None:
        """Make it; one that has come about since stays where it is."""
        del change
        wanted, gitea = self.project.repository, self.snapshot.gitea
        found = repository.find(gitea, wanted.owner, wanted.name)
        if found is not None:
            context.guard.check()
            branch.create(gitea, found, self.name, source=wanted.branch)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: "Context") -> Readiness:
        """Say whether it is there."""
        del context
        try:
            if self.snapshot.branch(self.name):
                return READY
            found = self.snapshot.repository
        except NotYetError as error:
            return Readiness(state=State.PROGRESSING, message=f"can't be seen before {error}")
        return Readiness(state=State.ABSENT, message="waits for the first commit") if found and found.empty else ABSENT

    def removal(self, context: "Context") -> Removal | None:
        """Leave it: what is deployed stands in it."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""

    def _observe(self, found: Repository) -> Observation:
        wanted = self.project.repository
        if self.snapshot.branch(self.name):
            return Observation()
        source = self.snapshot.branch(wanted.branch)
        if source is not None:
            note = f"from {wanted.branch} at {source.commit[:_SHORT]}"
            return Observation(change=Change(resource=self.label, action=Action.CREATE, note=note))
        if self.imported:
            return Observation(later=Later(resource=self.label, reason=f"{wanted.import_from} is imported"))
        raise GiteaError(
            f"{found.full_name} has no branch {wanted.branch} that {self.name} could be made from",
            hint=f"push {wanted.branch}, or set `repository.branch` of {self.project.name} to the branch that is built",
        )

    def _address(self, context: "Context") -> str:
        return f"{context.platform.gitea.endpoint.public_url}/{self.project.repository.full_name}.git"
