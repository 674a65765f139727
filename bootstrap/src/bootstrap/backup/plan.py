"""What a restore would do: each object of a backup against the cluster, by reading only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from bootstrap.backup import break_glass, status
from bootstrap.backup.kinds import BREAK_GLASS_ARCHIVE, DEFINITIONS
from bootstrap.backup.loading import Loaded
from bootstrap.backup.saved import Saved, managed
from bootstrap.core.cluster import Cluster
from bootstrap.core.objects import Manifest, Ref
from bootstrap.platform.platform import Platform
from plugin_kit.parallel import each

_AT_ONCE = 16
_KARGO = {"app.kubernetes.io/name": "kargo"}


class Action(StrEnum):
    """What happens with an object."""

    CREATE = "create"
    FINISH = "finish"
    """It is there, and lacks what a restore that was broken off has not written, or what Kargo knows only from its past."""
    SAME = "same"
    DIFFERS = "differs"
    GOING = "going"
    """It is being deleted."""
    LATER = "later"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One object."""

    action: Action
    saved: Saved
    reason: str = ""
    lacks: bool = False
    """Whether its status is to be restored even where the rest is kept as it is."""

    @property
    def ref(self) -> Ref:
        """Which object."""
        return self.saved.ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All objects, in order."""

    steps: tuple[Step, ...]

    def only(self, *actions: Action) -> tuple[Step, ...]:
        """Return the steps of these actions."""
        return tuple(step for step in self.steps if step.action in actions)

    def code(self, *, keep: bool = False) -> int:
        """Return the exit code: 0 nothing to do, 2 something to do now or later, 1 where a person has to decide what differs."""
        if self.only(Action.GOING) or (self.only(Action.DIFFERS) and not keep):
            return 1
        return 2 if self.only(Action.CREATE, Action.FINISH, Action.LATER) else 0

    def json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"steps": [{"action": step.action, "object": step.ref.label, "reason": step.reason} for step in self.steps]}


def plan(cluster: Cluster, platform: Platform, loaded: Loaded) -> Plan:
    """Compare the backup with the cluster."""
    objects = [*_without_records(loaded), *_archives(cluster, platform, loaded)]
    coming = {(each.manifest["spec"]["group"], each.manifest["spec"]["names"]["kind"]) for each in objects if _is_definition(each)}
    kinds = {(each.ref.api_version, each.ref.kind) for each in objects}
    served = {kind: cluster.serves(*kind) for kind in kinds}
    alive = _kargo_is_alive(cluster, platform)

    def look(saved: Saved) -> Step:
        ref = saved.ref
        if not served[ref.api_version, ref.kind]:
            if (ref.group, ref.kind) not in coming:
                return Step(action=Action.LATER, saved=saved, reason="when the cluster has the kind, which `bootstrap up` brings")
            live = None
        else:
            live = cluster.get(ref)
        return step(saved, live, kargo_is_alive=alive)

    return Plan(steps=tuple(each(look, objects, at_once=_AT_ONCE)))


def step(saved: Saved, live: Manifest | None, *, kargo_is_alive: bool) -> Step:
    """Decide for one object."""
    made: Callable[..., Step] = partial(Step, saved=saved)
    if live is not None:
        return _beside(saved, live, made)
    if phase := status.unfinished(saved.manifest):
        return made(action=Action.LEFT_OUT, reason=f"it was {phase} when the backup was made: promote again")
    if saved.ref.kind == "Promotion" and kargo_is_alive:
        # Its webhook gives every new promotion another name and the steps of today, and its controller then carries it out.
        return made(action=Action.LEFT_OUT, reason="Kargo runs, and would promote it again; it can be read in the backup")
    return made(action=Action.CREATE)


def _beside(saved: Saved, live: Manifest, made: Callable[..., Step]) -> Step:
    if gone := live["metadata"].get("deletionTimestamp"):
        return made(action=Action.GOING, reason=f"is being deleted since {gone}")
    lacks = bool(status.missing(saved.manifest, live))
    if found := differences(saved, live):
        return made(action=Action.DIFFERS, reason=", ".join(found), lacks=lacks)
    if lacks:
        return made(action=Action.FINISH, reason="its status")
    if saved.fields and managed(live) is None:
        return made(action=Action.FINISH, reason="which of its fields are whose")
    return made(action=Action.SAME)


def differences(saved: Saved, live: Manifest) -> tuple[str, ...]:
    """Name what of an object is not as in the backup; nothing of what is only there for others, and of its metadata the labels alone."""
    if saved.ref.kind in {"CustomResourceDefinition", "Namespace"}:
        # What is there is what the platform of today needs.
        return ()
    # Its name is the digest of what it is made of; Kargo gives it an alias and a time when it finds it again.
    ignored = {"alias", "discoveredAt"} if saved.ref.kind == "Freight" else set()
    found = [
        key
        for key in sorted({*saved.manifest, *live} - {"metadata", "status", "operation"} - ignored)
        if _content(saved.manifest.get(key)) != _content(live.get(key))
    ]
    labels = live["metadata"].get("labels") or {}
    kept = {} if ignored else saved.manifest["metadata"].get("labels") or {}
    found += [f"label {key}" for key, value in kept.items() if labels.get(key) != value]
    if saved.is_secret and "data" in found:
        before, now = saved.manifest.get("data") or {}, live.get("data") or {}
        keys = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
        found[found.index("data")] = f"data: {', '.join(keys)}"
    return tuple(found)


def _content(node: object) -> object:
    return node or None


def _is_definition(saved: Saved) -> bool:
    return saved.ref.api_version == DEFINITIONS


def _without_records(loaded: Loaded) -> Iterator[Saved]:
    return (saved for saved in loaded.objects if not break_glass.is_record(saved))


def _archives(cluster: Cluster, platform: Platform, loaded: Loaded) -> Sequence[Saved]:
    """Return the archives for the records of break-glass that the cluster has neither as a record nor in an archive."""
    namespace = platform.namespace
    records = [saved for saved in loaded.objects if break_glass.is_record(saved)]
    if not records:
        return []
    archived = [
        *cluster.list("v1", "ConfigMap", namespace=namespace, labels={BREAK_GLASS_ARCHIVE: None}),
        *(saved.manifest for saved in loaded.objects if saved.ref.name.startswith("break-glass-archive-")),
    ]
    lost = [saved for saved in break_glass.unarchived(records, archived) if _uid(cluster.get(saved.ref) or {}) != _uid(saved.manifest)]
    index = loaded.archives[-1].index
    return list(break_glass.archives(lost, namespace=namespace, origin=f"a backup of {index.when}, {index.cluster}"))


def _uid(manifest: Mapping[str, Any]) -> str | None:
    return (manifest.get("metadata") or {}).get("uid")


def _kargo_is_alive(cluster: Cluster, platform: Platform) -> bool:
    deployments = cluster.list("apps/v1", "Deployment", namespace=platform.kargo.chart.namespace, labels=_KARGO)
    return any((deployment.get("spec") or {}).get("replicas", 1) for deployment in deployments)
