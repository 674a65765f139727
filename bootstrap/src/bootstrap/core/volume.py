"""PersistentVolumes whose data outlive the cluster's idea of them."""

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bootstrap.core.change import Action, Change, FieldChange, Observation, Readiness, Removal
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError, ReplacementError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.resource import ObjectResource

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_KEPT = "its data stay where they are; `up` binds it again"
_UID = "spec.claimRef.uid"
RETAIN = '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class NfsVolumeResource:
    """A PersistentVolume that is reserved for one claim (`spec.claimRef`), always retained, and bound again after its claim was deleted."""

    manifest: Manifest

    @property
    def label(self) -> str:
        """How a person knows it."""
        return self._object.label

    def observe(self, context: "Context") -> Observation:
        """Find out what differs, and whether the volume still waits for a claim that is gone."""
        try:
            seen = self._object.observe(context)
        except ReplacementError as error:
            raise self._moved(context, error) from error
        uid = self._dead_claim(context)
        if uid is None or seen.later:
            return seen
        field = FieldChange(path=_UID, before=uid)
        note = f"bound again to the claim {self._claim.namespace}/{self._claim.name}"
        change = seen.change or Change(resource=self.label, action=Action.UPDATE)
        return replace(seen, change=replace(change, fields=(*change.fields, field), note=note))

    def apply(self, context: "Context", change: Change) -> None:
        """Apply the manifest where it differs, and free the volume for its claim."""
        if change.action is not Action.UPDATE or any(field.path != _UID for field in change.fields):
            self._object.apply(context, change)
        if uid := self._dead_claim(context):
            context.guard.check()
            free(context, self._object.ref, uid)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until it is free or bound."""
        self._object.verify(context, deadline)

    def status(self, context: "Context") -> Readiness:
        """Say what phase it is in."""
        return self._object.status(context)

    def removal(self, context: "Context") -> Removal | None:
        """Keep it; refuse where the cluster would delete its data with its claim."""
        live = context.cluster.get(self._object.ref)
        if live is None:
            return None
        policy = (live.get("spec") or {}).get("persistentVolumeReclaimPolicy")
        if policy != "Retain":
            raise BootstrapError(
                f"{self.label} would not be retained: its persistentVolumeReclaimPolicy is {policy}",
                hint=f"`bootstrap up` sets it to Retain; or: kubectl patch pv {self._object.ref.name} -p {shlex.quote(RETAIN)}",
            )
        return Removal(resource=self.label, kept=_KEPT)

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never deleted."""

    @property
    def _object(self) -> ObjectResource:
        return ObjectResource(manifest=self.manifest, kept=_KEPT)

    @property
    def _claim(self) -> Ref:
        reference = self.manifest["spec"]["claimRef"]
        return Ref(api_version="v1", kind="PersistentVolumeClaim", name=reference["name"], namespace=reference["namespace"])

    def _moved(self, context: "Context", error: ReplacementError) -> ReplacementError:
        """Say how a person moves the data, which is never done by itself."""
        spec = (context.cluster.get(self._object.ref) or {}).get("spec") or {}
        name, claim, before = self._object.ref.name, self._claim, spec.get("nfs") or {}
        place = f"{before.get('server')}:{before.get('path')}" if before else "what it holds"
        kept = "" if spec.get("persistentVolumeReclaimPolicy") == "Retain" else f"kubectl patch pv {name} -p {shlex.quote(RETAIN)}; "
        return ReplacementError(
            error.message,
            details=error.details,
            hint="put the old server and path back into platform.yaml; or move the data: stop what uses the claim"
            f" {claim.namespace}/{claim.name}, copy {place} to the new place, then: {kept}kubectl delete pvc -n {claim.namespace}"
            f" {claim.name}; kubectl delete pv {name}; and run this again. The old files stay where they are",
        )

    def _dead_claim(self, context: "Context") -> str | None:
        """Return the uid that the volume is reserved for, if it is that of an earlier claim of ours that is no longer there."""
        live = context.cluster.get(self._object.ref)
        reference: dict[str, Any] = ((live or {}).get("spec") or {}).get("claimRef") or {}
        uid = reference.get("uid")
        if not uid or (reference.get("namespace"), reference.get("name")) != (self._claim.namespace, self._claim.name):
            return None
        claims = context.cluster.list("v1", "PersistentVolumeClaim")
        return None if any(claim["metadata"].get("uid") == uid for claim in claims) else str(uid)


def free(context: "Context", volume: Ref, uid: str) -> None:
    """Let a volume that waits for the claim of this uid, which is gone, be bound by the next claim of the same name."""
    context.cluster.patch(
        volume,
        [
            {"op": "test", "path": "/spec/claimRef/uid", "value": uid},
            # Both name the claim that is gone; without them the one of the same name is taken.
            {"op": "add", "path": "/spec/claimRef/resourceVersion", "value": ""},
            {"op": "remove", "path": "/spec/claimRef/resourceVersion"},
            {"op": "remove", "path": "/spec/claimRef/uid"},
        ],
    )
