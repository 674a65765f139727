"""A clone on this machine that is pushed into the repository of its project."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.components.project_repository.snapshot import NotYetError, Snapshot
from bootstrap.components.trust import ca_pem
from bootstrap.core.change import READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError
from bootstrap.gitea import clone
from bootstrap.gitea.clone import Clone, Place, Push, Relation
from bootstrap.platform.project import Project

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneResource:
    """The branch that is built, with its tags, pushed while nothing in Gitea is lost by it; and the clone's remote."""

    project: Project
    folder: Path
    snapshot: Snapshot = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Import of {self.folder} into Gitea repository {self.project.repository.full_name}"

    def observe(self, context: "Context") -> Observation:
        """Compare the clone with the repository; one that has gone another way is an error."""
        try:
            there = self.snapshot.repository
        except NotYetError as error:
            return Observation(later=Later(resource=self.label, reason=str(error)))
        if there is not None and not there.empty and not context.options.import_clones:
            # It was imported once. What somebody has committed since then is theirs to push, and another machine need not have the clone.
            return Observation()
        found = clone.look(self.folder, self.project.repository.branch)
        place = self._place(context)
        clone.check_remote(found, self.project.repository.remote, place)
        refs, push = ({}, clone.decide(found, {}, Relation.NEW)) if there is None or there.empty else self._compare(found, place)
        fields = self._fields(found, refs, push, place)
        if push.kept:
            text = f"{self.label}: tags that say something else in Gitea stay as they are there: {', '.join(push.kept)}"
            context.once(f"warning {text}", lambda: context.console.warn(text))
        action = Action.UPDATE if refs else Action.CREATE
        return Observation(change=Change(resource=self.label, action=action, fields=fields)) if fields else Observation()

    def apply(self, context: "Context", change: Change) -> None:
        """Push what Gitea lacks, and give the clone its remote."""
        del change
        found, place = clone.look(self.folder, self.project.repository.branch), self._place(context)
        _, push = self._compare(found, place)
        context.guard.check()
        # The push comes last: with it the import is done.
        clone.add_remote(found, self.project.repository.remote, place)
        clone.push(found, push, place, self.snapshot.gitea.pod)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: "Context") -> Readiness:
        """Say whether anything was pushed: what the clone has beyond that is not looked at here."""
        del context
        try:
            there = self.snapshot.repository
        except NotYetError as error:
            return Readiness(state=State.PROGRESSING, message=f"can't be seen before {error}")
        except BootstrapError as error:
            return Readiness(state=State.UNKNOWN, message=error.message)
        return READY if there and not there.empty else Readiness(state=State.ABSENT, message="nothing was pushed yet")

    def removal(self, context: "Context") -> Removal | None:
        """Leave the clone as it is."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""

    def _compare(self, found: Clone, place: Place) -> tuple[dict[str, str], Push]:
        pod = self.snapshot.gitea.pod
        refs = clone.there(found, place, pod)
        remote = refs.get(f"refs/heads/{found.branch}")
        relation = clone.relate(found, remote)
        if relation is Relation.APART and clone.is_behind(found, place, pod):
            relation = Relation.BEHIND
        return refs, clone.decide(found, refs, relation)

    def _fields(self, found: Clone, refs: dict[str, str], push: Push, place: Place) -> tuple[FieldChange, ...]:
        fields = []
        for refspec in push.refspecs:
            name = refspec.partition(":")[2]
            if name == f"refs/heads/{found.branch}":
                before = refs.get(name)
                fields.append(FieldChange(path=found.branch, before=before and before[:_SHORT], after=found.head[:_SHORT]))
        tags = sum(refspec.startswith("refs/tags/") for refspec in push.refspecs)
        if tags:
            fields.append(FieldChange(path="tags", after=tags))
        remote = self.project.repository.remote
        if remote not in found.remotes:
            fields.append(FieldChange(path=f"remote {remote}", after=place.public_url))
        return tuple(fields)

    def _place(self, context: "Context") -> Place:
        endpoint, name = context.platform.gitea.endpoint, self.project.repository.full_name
        return Place(
            url=f"{endpoint.bootstrap_url}/{name}.git",
            public_url=f"{endpoint.public_url}/{name}.git",
            token=self.snapshot.login,
            ca=ca_pem(context),
        )
