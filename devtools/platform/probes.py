"""What a kubelet writes into the status of probe pods, where nodes run nothing."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from bootstrap.core.objects import Manifest
from devtools.controlplane import ControlPlane
from devtools.platform.api import Api, Rest, path, path_of, playing

Answers = Mapping[str, str]
"""The last words of each probe, by the name of its pod."""
LABEL = "app.kubernetes.io/name"
REACHED = {"probe-network": "registry\tok\tHTTP 200\ngitea\tok\tHTTP 200\n", "probe-registry": "registry\tok\tHTTP 200\n"}
MOUNTED = {"probe-volumes": "".join(f"{name}\tok\tcan be written\n" for name in ("argo-cd", "kargo", "woodpecker"))}


def ended(manifest: Manifest, message: str = "", *, code: int = 0) -> Manifest:
    """Return a pod whose container has ended with these last words."""
    return _with(manifest, "Succeeded" if code == 0 else "Failed", {"terminated": {"exitCode": code, "message": message}})


def waiting(manifest: Manifest, reason: str, message: str = "") -> Manifest:
    """Return a pod whose container does not start."""
    return _with(manifest, "Pending", {"waiting": {"reason": reason, "message": message}})


def event(pod: Manifest, reason: str, message: str) -> Manifest:
    """Return an event about a pod."""
    metadata = pod["metadata"]
    about = {"kind": "Pod", "name": metadata["name"], "namespace": metadata["namespace"]}
    name = {"name": f"{metadata['name']}.1", "namespace": metadata["namespace"]}
    return {"apiVersion": "v1", "kind": "Event", "metadata": name, "involvedObject": about, "reason": reason, "message": message}


def answering(plane: ControlPlane, namespace: str, answers: Answers, *, rest: Rest | None = None) -> AbstractContextManager[None]:
    """Let every probe pod of a namespace end with these last words, as soon as it is there."""

    def look(api: Api) -> None:
        for pod in api.objects("v1", "pods", namespace=namespace, labels=f"{LABEL}=probe"):
            message = answers.get(pod["metadata"]["name"])
            if message is not None and (pod.get("status") or {}).get("phase") != "Succeeded":
                state = {"terminated": {"exitCode": 0, "message": message, "reason": "Completed"}}
                api.merge(path_of(pod, "v1", "pods", "status"), _status("Succeeded", state))

    return playing(plane, look, rest=rest)


def write(plane: ControlPlane, namespace: str, name: str, phase: str, state: Mapping[str, Any]) -> None:
    """Set the status of a pod; nothing where it is gone."""
    with Api(plane) as api:
        api.merge(path("v1", "pods", namespace, name, "status"), _status(phase, state))


def _status(phase: str, state: Mapping[str, Any]) -> Mapping[str, Any]:
    statuses = [{"name": "probe", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}]
    return {"status": {"phase": phase, "containerStatuses": statuses}}


def _with(manifest: Manifest, phase: str, state: Mapping[str, Any]) -> Manifest:
    return {**manifest, "status": {"phase": phase, "containerStatuses": [{"name": "probe", "state": state}]}}
