"""The volume of a StorageClass that Woodpecker's database lies on: it outlives its claim, and the next claim gets it back.

The claim goes with its namespace, and most classes then delete the volume (`local-path` does): so the volume is set to Retain as soon as
there is one, and after `down` it is freed for the claim of the same name.
"""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bootstrap.components.woodpecker import access
from bootstrap.components.workload import is_up
from bootstrap.core.change import ABSENT, READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.volume import RETAIN, free
from bootstrap.platform.platform import Platform

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_POLICY = "persistentVolumeReclaimPolicy"


def has_block_volume(platform: Platform) -> bool:
    """Tell whether the database is a file on a volume that a StorageClass has made."""
    return platform.woodpecker.database.driver == "sqlite3" and platform.woodpecker.storage.kind == "block"


def claim_of(platform: Platform) -> Ref:
    """Return the claim that the server's StatefulSet makes."""
    wanted = platform.woodpecker
    return Ref(api_version="v1", kind="PersistentVolumeClaim", name=wanted.server_claim, namespace=wanted.chart.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseVolume:
    """The volume that the server's claim is bound to, which `down` keeps."""

    label: str = "Volume of Woodpecker's database"

    def observe(self, context: "Context") -> Observation:
        """Find out whether it would be deleted with its claim."""
        volume = _bound(context)
        if volume is None:
            # Its claim comes with the server; where the server runs without one, the chart's own values have it so.
            is_waited_for = not is_up(context, access.server_ref(context))
            return Observation(later=Later(resource=self.label, reason="Woodpecker's server is up") if is_waited_for else None)
        if (policy := volume["spec"].get(_POLICY)) == "Retain":
            return Observation()
        field = FieldChange(path=f"spec.{_POLICY}", before=policy, after="Retain")
        note = f"{ref_of(volume).label} outlives its claim"
        return Observation(change=Change(resource=self.label, action=Action.UPDATE, fields=(field,), note=note))

    def apply(self, context: "Context", change: Change) -> None:
        """Have it retained."""
        del change
        if volume := _bound(context):
            context.guard.check()
            context.cluster.patch(ref_of(volume), {"spec": {_POLICY: "Retain"}})

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: "Context") -> Readiness:
        """Say whether it would be deleted with its claim."""
        volume = _bound(context)
        if volume is None:
            return READY if is_up(context, access.server_ref(context)) else ABSENT
        policy = volume["spec"].get(_POLICY)
        return READY if policy == "Retain" else Readiness(state=State.FAILED, message=f"{ref_of(volume).label} has {_POLICY} {policy}")

    def removal(self, context: "Context") -> Removal | None:
        """Keep it; refuse where the cluster would delete it with its claim."""
        volume = _bound(context)
        if volume is None:
            return None
        name, policy = volume["metadata"]["name"], volume["spec"].get(_POLICY)
        if policy != "Retain":
            raise BootstrapError(
                f"Woodpecker's database would be deleted: the {_POLICY} of PersistentVolume {name} is {policy}",
                hint=f"`bootstrap up` sets it to Retain; or: kubectl patch pv {name} -p {shlex.quote(RETAIN)}."
                f" Where pipelines, logs and secrets may go, delete it when all else is down: kubectl delete pv {name}",
            )
        return Removal(resource=self.label, kept=f"PersistentVolume {name} holds its pipelines, logs and secrets; `up` binds it again")

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerVolume:
    """The volume that an earlier claim has left, which is freed before the server makes its new one."""

    label: str = "Volume of an earlier Woodpecker's database"

    def observe(self, context: "Context") -> Observation:
        """Find a volume that still waits for a claim that is gone."""
        volume = _left(context)
        if volume is None:
            return Observation()
        field = FieldChange(path="spec.claimRef.uid", before=volume["spec"]["claimRef"]["uid"])
        note = f"{ref_of(volume).label} is bound again, with the pipelines, logs and secrets that are on it"
        return Observation(change=Change(resource=self.label, action=Action.UPDATE, fields=(field,), note=note))

    def apply(self, context: "Context", change: Change) -> None:
        """Free it for the claim of the same name."""
        del change
        if volume := _left(context):
            context.guard.check()
            free(context, ref_of(volume), str(volume["spec"]["claimRef"]["uid"]))

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: the claim comes later."""

    def status(self, context: "Context") -> Readiness:
        """Say nothing: the server's own volume is looked at for itself."""
        del context
        return READY

    def removal(self, context: "Context") -> Removal | None:
        """Leave it."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never deleted."""


def _bound(context: "Context") -> Manifest | None:
    claim = context.cluster.get(claim_of(context.platform))
    name = ((claim or {}).get("spec") or {}).get("volumeName")
    return context.cluster.get(Ref(api_version="v1", kind="PersistentVolume", name=name)) if name else None


def _left(context: "Context") -> Manifest | None:
    """Return the newest volume that a claim of this name has left; None while there is a claim, or a volume that is free for one."""
    claim = claim_of(context.platform)
    if context.cluster.get(claim) is not None:
        return None

    def claimed_by(volume: Manifest) -> dict[str, Any]:
        found: dict[str, Any] = (volume.get("spec") or {}).get("claimRef") or {}
        return found if (found.get("namespace"), found.get("name")) == (claim.namespace, claim.name) else {}

    ours = [volume for volume in context.cluster.list("v1", "PersistentVolume") if claimed_by(volume)]
    if any(not claimed_by(volume).get("uid") for volume in ours):
        return None
    kept = [each for each in ours if each["spec"].get(_POLICY) == "Retain" and "deletionTimestamp" not in each["metadata"]]
    return max(kept, key=lambda volume: str(volume["metadata"].get("creationTimestamp")), default=None)
