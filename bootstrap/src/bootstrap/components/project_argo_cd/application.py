"""An Argo CD Application that is taken away without what it has deployed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bootstrap.core.change import READY, Action, Change, FieldChange, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.objects import Manifest
from bootstrap.core.readiness import Judge, conditions
from bootstrap.core.resource import ObjectResource

if TYPE_CHECKING:
    from bootstrap.core.context import Context

FINALIZERS = "metadata.finalizers"
_CASCADE = "resources-finalizer.argocd.argoproj.io"
# Argo CD sets these by itself, where a chart has such hooks. They run in the application when its Application is deleted.
_HOOKS = ("pre-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io")
# What keeps Argo CD from making manifests, though it could read the repository: that is up to who writes the chart.
_CONTENT = ("unable to resolve", "app path does not exist", "helm template", "no such file or directory")


def judge(live: Manifest) -> Readiness:
    """Tell whether Argo CD can read what the Application names; how the application itself is doing is said beside it."""
    status: Mapping[str, Any] = live.get("status") or {}
    sync: Mapping[str, Any] = status.get("sync") or {}
    problems = [str(each.get("message")) for name, each in conditions(live).items() if name.endswith("Error")]
    compared = (sync.get("comparedTo") or {}).get("source")
    if not sync.get("status") and not problems:
        return Readiness(state=State.PROGRESSING, message="Argo CD has not looked at it yet")
    if compared and not _is_current(compared, live["spec"]["source"]):
        return Readiness(state=State.PROGRESSING, message=f"Argo CD still compares it with {compared.get('repoURL')}")
    if problems:
        said = "; ".join(problems)
        if any(text in said.lower() for text in _CONTENT):
            return Readiness(state=State.READY, message=f"nothing can be deployed yet: {said}")
        return Readiness(state=State.PROGRESSING, message=f"Argo CD can't read the repository: {said}")
    health = (status.get("health") or {}).get("status")
    if health in {None, "Healthy", "Missing"}:
        return READY
    return Readiness(state=State.READY, message=f"the application is {health}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationResource(ObjectResource):
    """An Application. A finalizer that would delete the running workloads with it is taken away, whoever has set it."""

    ready: Judge = judge

    def observe(self, context: "Context") -> Observation:
        """Find out what differs, and whether deleting it would delete what runs."""
        seen = ObjectResource.observe(self, context)
        if seen.later:
            return seen
        live = context.cluster.get(self.ref)
        held = _finalizers(live)
        kept = [each for each in held if not _is_cascade(each)]
        if held == kept:
            return seen
        field = FieldChange(path=FINALIZERS, before=held, after=kept or None)
        change = seen.change or Change(resource=self.label, action=Action.UPDATE)
        note = change.note or "deleting it would delete what runs"
        return replace(seen, change=replace(change, fields=(*change.fields, field), note=note))

    def apply(self, context: "Context", change: Change) -> None:
        """Take the finalizer away, then apply the manifest where it differs."""
        self._keep_only(context, lambda each: not _is_cascade(each))
        if change.action is not Action.UPDATE or any(field.path != FINALIZERS for field in change.fields):
            ObjectResource.apply(self, context, change)

    def removal(self, context: "Context") -> Removal | None:
        """Delete it, and leave what it has deployed."""
        found = ObjectResource.removal(self, context)
        return replace(found, note="what it has deployed goes on running") if found and not found.kept else found

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Delete it after every finalizer that Argo CD would act on."""
        self._keep_only(context, lambda each: not _is_cascade(each) and not each.startswith(_HOOKS))
        ObjectResource.remove(self, context, deadline)

    def _keep_only(self, context: "Context", wanted: Callable[[str], bool]) -> None:
        held = _finalizers(context.cluster.get(self.ref))
        kept = [each for each in held if wanted(each)]
        if held == kept:
            return
        context.guard.check()
        after: Manifest = {"op": "replace", "path": "/metadata/finalizers", "value": kept}
        if not kept:
            after = {"op": "remove", "path": "/metadata/finalizers"}
        context.cluster.patch(self.ref, [{"op": "test", "path": "/metadata/finalizers", "value": held}, after])


def _is_current(compared: Mapping[str, Any], source: Mapping[str, Any]) -> bool:
    return all(compared.get(key) == source.get(key) for key in ("repoURL", "path", "targetRevision"))


def _finalizers(live: Mapping[str, Any] | None) -> Sequence[str]:
    return list(((live or {}).get("metadata") or {}).get("finalizers") or ())


def _is_cascade(finalizer: str) -> bool:
    # Also with /foreground or /background behind it.
    return finalizer.partition("/")[0] == _CASCADE
