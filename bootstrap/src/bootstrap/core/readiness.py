"""Whether an object is in order, read from its status: pure."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.objects import Manifest

Judge: TypeAlias = Callable[[Manifest], Readiness]

_UNSEEN = "its controller has not seen the last change yet"
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "Pod"})


def of(live: Manifest) -> Readiness:
    """Judge an object by the rule of its kind; an object of another kind is ready unless its condition `Ready` says no."""
    deleted = (live.get("metadata") or {}).get("deletionTimestamp")
    if deleted and live.get("kind") != "Namespace":
        return _progressing(f"is being deleted since {deleted}")
    seen, written = (live.get("status") or {}).get("observedGeneration"), (live.get("metadata") or {}).get("generation")
    if isinstance(seen, int) and isinstance(written, int) and seen < written:
        return _progressing(_UNSEEN)
    return _BY_KIND.get(str(live.get("kind")), _by_ready_condition)(live)


def condition(name: str) -> Judge:
    """Make a judge for objects that are ready when this condition is True, and not before it is there and about the last change."""

    def judge(live: Manifest) -> Readiness:
        found = conditions(live).get(name)
        # Of some kinds only the conditions say what was seen: cert-manager's, and Kargo's Projects.
        seen, written = (found or {}).get("observedGeneration"), (live.get("metadata") or {}).get("generation")
        if isinstance(seen, int) and isinstance(written, int) and seen < written:
            return _progressing(_UNSEEN)
        if found and found.get("status") == "True":
            return READY
        return _progressing(_said(found) if found else f"has no condition {name} yet")

    return judge


def conditions(live: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the conditions of an object by type."""
    return {str(each.get("type")): each for each in (live.get("status") or {}).get("conditions") or () if isinstance(each, Mapping)}


def _progressing(message: str) -> Readiness:
    return Readiness(state=State.PROGRESSING, message=message)


def _failed(message: str) -> Readiness:
    return Readiness(state=State.FAILED, message=message)


def _said(found: Mapping[str, Any]) -> str:
    text = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    return f"{found.get('type')}={found.get('status')}{f' ({text})' if text else ''}"


def _by_ready_condition(live: Manifest) -> Readiness:
    found = conditions(live).get("Ready")
    return READY if found is None or found.get("status") == "True" else _progressing(_said(found))


def _deployment(live: Manifest) -> Readiness:
    status, wanted = live.get("status") or {}, (live.get("spec") or {}).get("replicas", 1)
    progress = conditions(live).get("Progressing") or {}
    if progress.get("reason") == "ProgressDeadlineExceeded":
        return _failed(_said(progress))
    if not isinstance(status.get("observedGeneration"), int):
        return _progressing("its controller has not seen it yet")
    updated, available, all_pods = (status.get(key, 0) for key in ("updatedReplicas", "availableReplicas", "replicas"))
    if updated < wanted:
        return _progressing(f"{updated} of {wanted} pods are of the new version")
    if all_pods > updated:
        return _progressing(f"{all_pods - updated} pods of the old version are still there")
    return READY if available >= wanted else _progressing(f"{available} of {wanted} pods are available")


def _stateful_set(live: Manifest) -> Readiness:
    status, spec = live.get("status") or {}, live.get("spec") or {}
    wanted = spec.get("replicas", 1)
    if not isinstance(status.get("observedGeneration"), int):
        return _progressing("its controller has not seen it yet")
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    rolling = (spec.get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
    if rolling and updated < wanted and status.get("currentRevision") != status.get("updateRevision"):
        return _progressing(f"{updated} of {wanted} pods are of the new version")
    return READY if ready >= wanted else _progressing(f"{ready} of {wanted} pods are ready")


def _daemon_set(live: Manifest) -> Readiness:
    status = live.get("status") or {}
    if not isinstance(status.get("observedGeneration"), int):
        return _progressing("its controller has not seen it yet")
    wanted, ready, updated = (status.get(key, 0) for key in ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled"))
    return READY if min(ready, updated) >= wanted else _progressing(f"{min(ready, updated)} of {wanted} pods are ready")


def _job(live: Manifest) -> Readiness:
    found = conditions(live)
    if (found.get("Complete") or {}).get("status") == "True":
        return READY
    if (found.get("Failed") or {}).get("status") == "True":
        return _failed(_said(found["Failed"]))
    return _progressing("has not ended yet")


def _pod(live: Manifest) -> Readiness:
    phase = (live.get("status") or {}).get("phase")
    if phase == "Succeeded" or (conditions(live).get("Ready") or {}).get("status") == "True":
        return READY
    return _failed("has failed") if phase == "Failed" else _progressing(f"is {phase or 'not started'}")


def _claim(live: Manifest) -> Readiness:
    phase, spec = (live.get("status") or {}).get("phase", "Pending"), live.get("spec") or {}
    if phase == "Bound":
        return READY
    if phase == "Lost":
        return _failed(f"its volume {spec.get('volumeName')} is gone")
    # Most classes bind a claim when a pod wants it; one that names its volume, or no class, is bound at once or never.
    if spec.get("volumeName") or spec.get("storageClassName") == "":
        return _progressing(f"is {phase}")
    return Readiness(state=State.READY, message="is bound when a pod uses it")


def _volume(live: Manifest) -> Readiness:
    status = live.get("status") or {}
    match status.get("phase"):
        case "Available" | "Bound":
            return READY
        case "Failed":
            return _failed(str(status.get("message") or "Failed"))
    return _progressing(f"is {status.get('phase') or 'Pending'}")


def _namespace(live: Manifest) -> Readiness:
    if (live.get("status") or {}).get("phase") != "Terminating":
        return READY
    held = "; ".join(str(each.get("message")) for each in conditions(live).values() if each.get("status") == "True" and each.get("message"))
    return _progressing(f"is being deleted{f': {held}' if held else ''}")


def _definition(live: Manifest) -> Readiness:
    found = conditions(live)
    if (found.get("NamesAccepted") or {}).get("status") == "False":
        return _failed(_said(found["NamesAccepted"]))
    return READY if (found.get("Established") or {}).get("status") == "True" else _progressing("is not served yet")


_BY_KIND: Mapping[str, Judge] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "Namespace": _namespace,
    "CustomResourceDefinition": _definition,
    "APIService": condition("Available"),
}
