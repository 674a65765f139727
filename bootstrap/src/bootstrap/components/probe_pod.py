"""Pods that try something where only a pod can: from inside the cluster, or on one node."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.objects import Manifest

INPUTS = "local-cicd.dev/inputs"
# Why a container does not start by itself any more (k8s.io/kubernetes pkg/kubelet/images/types.go, kuberuntime).
_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError"})
_START = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def stamped(manifest: Manifest) -> Manifest:
    """Return the manifest with a stamp of what it tries, so that a pod that has tried something else is known."""
    digest = hashlib.sha256(json.dumps(manifest["spec"], sort_keys=True).encode()).hexdigest()[:16]
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), INPUTS: digest}}}


def is_of(live: Manifest, manifest: Manifest) -> bool:
    """Tell whether a pod tries what a stamped manifest says."""
    return _stamp(live) == _stamp(manifest)


def progress(live: Manifest) -> Readiness:
    """Say how far a pod is; ready means that its container has ended, however that was."""
    if _state(live).get("terminated"):
        return READY
    status = live.get("status") or {}
    if status.get("phase") == "Failed":
        # Evicted, or over its time, before its container has begun.
        return Readiness(state=State.FAILED, message=_said(status) or "has failed")
    if trouble := pull_trouble(live):
        return Readiness(state=State.FAILED, message=trouble)
    waiting = _state(live).get("waiting") or {}
    if waiting.get("reason") in _START:
        return Readiness(state=State.FAILED, message=_said(waiting))
    return Readiness(state=State.PROGRESSING, message=_said(waiting) or _unscheduled(live) or "has not ended yet")


def pull_trouble(live: Manifest) -> str:
    """Say why its image can't be pulled, nothing where it can or is not tried yet."""
    waiting = _state(live).get("waiting") or {}
    return _said(waiting) if waiting.get("reason") in _PULL else ""


def is_pulled(live: Manifest) -> bool:
    """Tell whether its image has come to the node."""
    return bool(_state(live).get("running") or _state(live).get("terminated"))


def message(live: Manifest) -> str:
    """Return what its container has left as its last words (`terminationMessagePath`)."""
    return str((_state(live).get("terminated") or {}).get("message") or "")


def _stamp(manifest: Manifest) -> object:
    return (manifest["metadata"].get("annotations") or {}).get(INPUTS)


def _state(live: Manifest) -> Mapping[str, Mapping[str, object]]:
    statuses: Sequence[Mapping[str, Any]] = (live.get("status") or {}).get("containerStatuses") or [{}]
    return statuses[0].get("state") or {}


def _said(waiting: Mapping[str, object]) -> str:
    return ": ".join(str(waiting[key]) for key in ("reason", "message") if waiting.get(key))


def _unscheduled(live: Manifest) -> str:
    for found in (live.get("status") or {}).get("conditions") or ():
        if found.get("type") == "PodScheduled" and found.get("status") == "False":
            return f"no node takes it: {found.get('message')}"
    return ""
