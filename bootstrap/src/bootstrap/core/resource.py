"""Resources: the smallest things that are observed and changed on their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bootstrap.core import diff, finalizers, readiness
from bootstrap.core.change import ABSENT, READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import (
    AbsentError,
    BootstrapError,
    ClashError,
    ConflictError,
    InvalidError,
    ReplacementError,
    StaleError,
    WaitError,
)
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.ownership import MANAGER, managers, owner, reclaimed, unresolved
from plugin_kit.console import elapsed

if TYPE_CHECKING:
    from bootstrap.core.context import Context


_HANGS = "something is to clean up first and does not; --remove-finalizers takes it away without that"


class Resource(Protocol):
    """What a component consists of."""

    @property
    def label(self) -> str:
        """How a person knows it; one of its kind in a platform."""

    def observe(self, context: "Context") -> Observation:
        """Find out what would have to change, by reading only; runs beside others."""

    def apply(self, context: "Context", change: Change) -> None:
        """Do what the change says. The process may die at any point, and the next observation must see what is left."""

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until it is in order; WaitError explains why not."""

    def status(self, context: "Context") -> Readiness:
        """Say what state it is in, with a read or two."""

    def removal(self, context: "Context") -> Removal | None:
        """Say what `down` would do; None when it is not there. A BootstrapError stops `down` before anything is deleted."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Delete it and wait until it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectResource:
    """A Kubernetes object that is kept as its manifest says, by server-side apply.

    Fields that the manifest does not mention are left to others. What was changed by hand is put right; what another manager has set to
    something else is a conflict, unless `take_over` (or the person with `--take-over`) says otherwise.
    """

    manifest: Manifest
    kept: str = ""
    """Why `down` leaves it."""
    ready: readiness.Judge = readiness.of
    replaceable: bool = False
    """Where a field can't be changed in place, delete it and make it again: for objects that hold nothing, such as a RoleBinding."""
    take_over: bool = False
    create_only: bool = False
    """Made where it is missing, and then left alone."""

    @property
    def ref(self) -> Ref:
        """Which object."""
        return ref_of(self.manifest)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return self.ref.label

    def observe(self, context: "Context") -> Observation:
        """Ask the API server what an apply would change."""
        live = context.cluster.get(self.ref)
        if live is not None and self.create_only:
            return Observation()
        if live is not None and live["metadata"].get("deletionTimestamp"):
            return self._going(context, live)
        try:
            self._check_owner(context, live)
            return self._observe(context, live)
        except AbsentError as error:
            return Observation(later=Later(resource=self.label, reason=f"{error.missing} is there", hint=error.hint or ""))

    def apply(self, context: "Context", change: Change) -> None:
        """Apply the manifest."""
        live = context.cluster.get(self.ref)
        self._check_owner(context, live)
        if change.action is Action.REPLACE and live is not None:
            self._delete(context, context.deadline(context.platform.timeouts.deleted))
            live = None
        context.guard.check()
        try:
            self._apply(context, dry_run=False)
        except InvalidError as error:
            fields = None if live is None or error.immutable else reclaimed(live, context.platform.hand_managers)
            if live is None or fields is None:
                raise self._refused(error, live) from error
            self._reclaim(context, live, fields)
            try:
                self._apply(context, dry_run=False)
            except InvalidError as still:
                raise self._refused(still, live) from still

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until it is in order."""
        context.waiter.wait(self.label, lambda: self.status(context), deadline=deadline, refs=[self.ref])

    def status(self, context: "Context") -> Readiness:
        """Judge it by its status."""
        live = context.cluster.get(self.ref)
        return ABSENT if live is None else self.ready(live)

    def removal(self, context: "Context") -> Removal | None:
        """Delete it, unless it is kept or was never ours."""
        live = context.cluster.get(self.ref)
        if live is None:
            return None
        # What was there before and was only found to be as it should be is not ours to delete.
        stranger = "" if MANAGER in managers(live) else "it was not made by bootstrap"
        return Removal(resource=self.label, kept=self.kept or stranger)

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Delete it and wait until its finalizers are done."""
        self._delete(context, deadline)

    def _delete(self, context: "Context", deadline: Deadline) -> None:
        context.guard.check()
        context.cluster.delete(self.ref)
        try:
            self._wait_gone(context, deadline)
        except WaitError:
            if not context.options.remove_finalizers:
                raise
            finalizers.free(context, self.ref)
            self._wait_gone(context, context.deadline(context.platform.timeouts.deleted))

    def wanted(self, context: "Context") -> Manifest:
        """Return the manifest with the labels that all objects get."""
        metadata = self.manifest["metadata"]
        return {**self.manifest, "metadata": {**metadata, "labels": {**context.labels, **(metadata.get("labels") or {})}}}

    def _observe(self, context: "Context", live: Manifest | None) -> Observation:
        problem: BootstrapError | None = None
        try:
            after = self._apply(context, dry_run=True)
        except ConflictError as error:
            problem = error
            after = context.cluster.apply(self.wanted(context), dry_run=True, force=True)
        except InvalidError as error:
            return Observation(change=self._change_of_refused(context, error, live))
        if live is None:
            return Observation(change=Change(resource=self.label, action=Action.CREATE), problem=problem)
        found = diff.fields(context.cluster.current(live, after), after)
        if not found:
            return Observation(problem=problem)
        by = managers(live)
        if MANAGER in by:
            return Observation(change=Change(resource=self.label, action=Action.UPDATE, fields=found), problem=problem)
        note = f"exists already, made by {', '.join(by) or 'somebody'}"
        return Observation(change=Change(resource=self.label, action=Action.ADOPT, fields=found, note=note), problem=problem)

    def _apply(self, context: "Context", *, dry_run: bool) -> Manifest:
        manifest = self.wanted(context)
        if self.take_over or context.options.take_over:
            return context.cluster.apply(manifest, dry_run=dry_run, force=True)
        try:
            return context.cluster.apply(manifest, dry_run=dry_run)
        except ConflictError as error:
            if open_ones := unresolved(error.conflicts, context.platform.hand_managers):
                raise ConflictError(
                    f"{self.label} has fields that {', '.join(dict.fromkeys(each.manager for each in open_ones))} manages",
                    conflicts=open_ones,
                    hint=error.hint,
                ) from error
            return context.cluster.apply(manifest, dry_run=dry_run, force=True)

    def _change_of_refused(self, context: "Context", error: InvalidError, live: Manifest | None) -> Change:
        if live is None:
            raise error
        fields = diff.declared(live, self.wanted(context))
        if error.immutable and self.replaceable:
            named = tuple(FieldChange(path=cause.field or "(object)", after=cause.message) for cause in error.causes)
            return Change(
                resource=self.label,
                action=Action.REPLACE,
                fields=fields or named,
                note="deleted and made again: it can't be changed in place",
            )
        # Of a list whose items somebody has renamed by hand, both names would be left.
        if not error.immutable and reclaimed(live, context.platform.hand_managers) is not None:
            return Change(resource=self.label, action=Action.UPDATE, fields=fields, note="changed by hand")
        raise self._refused(error, live) from error

    def _refused(self, error: InvalidError, live: Manifest | None) -> BootstrapError:
        if live is None or not error.immutable:
            return error
        fields = ", ".join(dict.fromkeys(cause.field for cause in error.causes if cause.field)) or "a field"
        return ReplacementError(
            f"{self.label} needs replacement: {fields} can't be changed in place",
            details=error.details,
            hint="bootstrap never replaces an object by itself, because what it holds could be lost; "
            "put the old value back into platform.yaml, or save what it holds, delete it, and run this again",
        )

    def _reclaim(self, context: "Context", live: Manifest, fields: list[Manifest]) -> None:
        """Make the fields that were set by hand ours, so that the next apply takes away those that nobody wants."""
        metadata = {"resourceVersion": live["metadata"]["resourceVersion"], "managedFields": fields}
        try:
            context.cluster.patch(self.ref, {"metadata": metadata})
        except StaleError as error:
            raise StaleError(f"{self.label} is being changed by somebody else at this moment", hint="run it again") from error

    def _check_owner(self, context: "Context", live: Manifest | None) -> None:
        if live is None or MANAGER in managers(live) or self.take_over or context.options.take_over:
            return
        if whose := owner(live):
            raise ClashError(
                f"{self.label} is there already, and belongs to {whose}",
                hint="choose another name in platform.yaml, or take it over with --take-over; whoever made it may then change it back",
            )

    def _going(self, context: "Context", live: Manifest) -> Observation:
        said = _what_holds(live)
        if context.options.remove_finalizers:
            note = f"the old one hangs and loses its finalizers after {elapsed(context.platform.timeouts.deleted.total_seconds())}: {said}"
            return Observation(change=Change(resource=self.label, action=Action.REPLACE, note=note))
        reason = f"the old one is gone, which {said}"
        return Observation(later=Later(resource=self.label, reason=reason, hint=_HANGS))

    def _wait_gone(self, context: "Context", deadline: Deadline) -> None:
        def look() -> Readiness:
            live = context.cluster.get(self.ref)
            return READY if live is None else Readiness(state=State.PROGRESSING, message=_what_holds(live))

        context.waiter.wait(f"Deletion of {self.label}", look, deadline=deadline, refs=[self.ref], hint=_HANGS)


def _what_holds(live: Manifest) -> str:
    said = readiness.of(live).message or "is still there"
    held = ", ".join(live["metadata"].get("finalizers") or ())
    return f"{said}{f' (finalizers: {held})' if held else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """Stands for a resource that can't be described yet, under its label; `reason` says what has to be there first."""

    label: str
    reason: str

    def observe(self, context: "Context") -> Observation:
        """Say that it comes later."""
        del context
        return Observation(later=Later(resource=self.label, reason=self.reason))

    def apply(self, context: "Context", change: Change) -> None:
        """Never comes to this."""

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""

    def status(self, context: "Context") -> Readiness:
        """Say what it waits for."""
        del context
        return Readiness(state=State.ABSENT, message=f"later: when {self.reason}")

    def removal(self, context: "Context") -> Removal | None:
        """Say that it is not there."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that has to be so and is not changed here; `look` raises a BootstrapError with the remedy where it is not."""

    label: str
    look: Callable[["Context"], None]

    def observe(self, context: "Context") -> Observation:
        """Look."""
        self.look(context)
        return Observation()

    def apply(self, context: "Context", change: Change) -> None:
        """There is nothing to change."""

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """There is nothing to wait for."""

    def status(self, context: "Context") -> Readiness:
        """Look."""
        try:
            self.look(context)
        except BootstrapError as error:
            return Readiness(state=State.FAILED, message=error.message)
        return READY

    def removal(self, context: "Context") -> Removal | None:
        """There is nothing to delete."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """There is nothing to delete."""


def objects(manifests: list[Manifest], **options: Any) -> list[ObjectResource]:  # noqa: ANN401  the fields of ObjectResource
    """Make a resource of each manifest."""
    return [ObjectResource(manifest=manifest, **options) for manifest in manifests]
