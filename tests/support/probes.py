"""What a kubelet writes into the status of probe pods, for tests whose nodes run nothing."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import lightkube
from lightkube import ApiError
from lightkube.resources.core_v1 import Pod
from lightkube.types import PatchType

from bootstrap.core.objects import Manifest
from devtools.controlplane import ControlPlane

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


@contextmanager
def answering(plane: ControlPlane, namespace: str, answers: Answers) -> Iterator[None]:
    """Let every probe pod of a namespace end with these last words, as soon as it is there."""
    stop = threading.Event()
    with plane.client() as client:
        # lightkube's watches end when their connection does, and not before: this looks again and again.
        thread = threading.Thread(target=_answer, args=(client, namespace, answers, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _answer(client: lightkube.Client, namespace: str, answers: Answers, stop: threading.Event) -> None:
    while not stop.wait(0.05):
        for pod in client.list(Pod, namespace=namespace, labels={LABEL: "probe"}):
            assert pod.metadata
            name = str(pod.metadata.name)
            if name in answers and not (pod.status and pod.status.phase == "Succeeded"):
                state = {"terminated": {"exitCode": 0, "message": answers[name], "reason": "Completed"}}
                write(client, namespace, name, "Succeeded", state)


def write(client: lightkube.Client, namespace: str, name: str, phase: str, state: Mapping[str, Any]) -> None:
    """Set the status of a pod; nothing where it is gone."""
    statuses = [{"name": "probe", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}]
    patch = {"status": {"phase": phase, "containerStatuses": statuses}}
    try:
        client.patch(Pod.Status, name, patch, namespace=namespace, patch_type=PatchType.MERGE)
    except ApiError as error:
        if error.status.code != 404:
            raise


def _with(manifest: Manifest, phase: str, state: Mapping[str, Any]) -> Manifest:
    return {**manifest, "status": {"phase": phase, "containerStatuses": [{"name": "probe", "state": state}]}}
