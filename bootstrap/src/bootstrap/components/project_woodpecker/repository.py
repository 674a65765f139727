"""A project's repository in Woodpecker, and its webhook in Gitea."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.components.project_woodpecker.snapshot import NotYetError, Snapshot
from bootstrap.components.woodpecker import access
from bootstrap.components.woodpecker.values import webhook_host
from bootstrap.core.change import ABSENT, READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.gitea import hook as gitea_hook
from bootstrap.gitea.errors import GiteaError, WebError
from bootstrap.platform.project import Project
from bootstrap.woodpecker import hook, repository
from bootstrap.woodpecker.errors import WoodpeckerError
from bootstrap.woodpecker.hook import Hooks

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_NO_ANSWER = "Woodpecker does not answer: its webhook in Gitea stays, if there is one, and the next `up` uses it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryResource:
    """A repository that is active in Woodpecker, under the number that it has in Gitea, with one webhook that Gitea can deliver."""

    project: Project
    snapshot: Snapshot = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Woodpecker repository {self.project.repository.full_name}"

    def observe(self, context: "Context") -> Observation:
        """Ask both servers."""
        try:
            there, forge = self.snapshot.repository, self.snapshot.forge
            if there is None:
                return self._change(Action.CREATE, "activates it, which makes its webhook in Gitea")
            repository.must_be(there, forge.id)
            if not there.active:
                return self._change(Action.UPDATE, "activates it again", FieldChange(path="active", before=False, after=True))
            found = _hooks(context, self.snapshot)
        except NotYetError as error:
            return Observation(later=Later(resource=self.label, reason=str(error)))
        if found.in_order:
            return Observation()
        field = FieldChange(path="webhook", before=found.reason, after=f"one to {webhook_host(context.platform)}")
        return self._change(Action.UPDATE, "makes its webhook in Gitea anew", field)

    def apply(self, context: "Context", change: Change) -> None:
        """Activate it, and leave it with one webhook."""
        del change
        now = Snapshot(context, self.project, renewing=True)
        there = now.repository
        if there is None or not there.active:
            there = repository.activate(now.woodpecker, self.project.repository.full_name, now.forge.id)
        found = _hooks(context, now)
        gitea = access.gitea(context)
        for stale in found.stale if gitea else ():
            assert gitea is not None  # noqa: S101  said by the line above
            context.guard.check()
            gitea_hook.delete(gitea, now.forge, stale)
        if not found.right:
            context.guard.check()
            repository.repair(now.woodpecker, there)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until it is active."""
        context.waiter.wait(self.label, lambda: self._state(context, Snapshot(context, self.project)), deadline=deadline)

    def status(self, context: "Context") -> Readiness:
        """Say whether a push would start a pipeline."""
        return self._state(context, self.snapshot)

    def removal(self, context: "Context") -> Removal | None:
        """Deactivate it, which takes its webhook away from Gitea, where Woodpecker can still be asked."""
        del context
        try:
            there = self.snapshot.repository
        except (NotYetError, WebError, WoodpeckerError):
            return Removal(resource=self.label, kept=_NO_ANSWER)
        if there is None or not there.active:
            return None
        return Removal(resource=self.label, note="deactivated: its webhook goes, its pipelines and secrets stay in Woodpecker's database")

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Deactivate it."""
        del deadline
        now = Snapshot(context, self.project)
        context.guard.check()
        there = now.repository
        if there is not None and there.active:
            repository.deactivate(now.woodpecker, there)

    def _state(self, context: "Context", seen: Snapshot) -> Readiness:
        try:
            there = seen.repository
            if there is None:
                return ABSENT
            if not there.active:
                return Readiness(state=State.FAILED, message="is not active: a push starts no pipeline")
            found = _hooks(context, seen)
        except NotYetError as error:
            return Readiness(state=State.PROGRESSING, message=f"can't be seen before {error}")
        except GiteaError as error:
            return Readiness(state=State.UNKNOWN, message=error.message)
        return READY if found.in_order else Readiness(state=State.FAILED, message=f"webhook in Gitea: {found.reason}")

    def _change(self, action: Action, note: str, *fields: FieldChange) -> Observation:
        return Observation(change=Change(resource=self.label, action=action, fields=fields, note=note))


def _hooks(context: "Context", seen: Snapshot) -> Hooks:
    wanted = context.platform.woodpecker
    # Where they may have gone before: the public address is what Woodpecker itself would take.
    former = [wanted.public_url, f"http://{wanted.host}", wanted.cluster_url, wanted.api_url]
    return hook.judge(seen.hooks, wanted=webhook_host(context.platform), former=former)
