"""Why something is not in order: its conditions, the last events, the last line of a log."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from bootstrap.core.change import Readiness, State
from bootstrap.core.errors import ClusterError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.readiness import WORKLOADS, conditions, of

EVENTS = 5
_PODS = 3


class Reader(Protocol):
    """What is needed of a cluster."""

    def get(self, ref: Ref) -> Manifest | None:
        """Return an object."""

    def list(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: Mapping[str, Any] | None = None
    ) -> Sequence[Manifest]:
        """Return objects."""

    def events(self, namespace: str) -> Sequence[Manifest]:
        """Return the events of a namespace."""

    def log(self, namespace: str, pod: str, *, container: str | None = None, lines: int = 1) -> Sequence[str]:
        """Return the last lines of a log."""


def explain(cluster: Reader, ref: Ref, seen: Readiness | None = None) -> list[str]:
    """Return lines for the end of an error; what can't be read is left out, since the error itself is told in any case.

    `seen` is the judgement of somebody who knows more of the object than its kind.
    """
    try:
        live = cluster.get(ref)
        if live is None:
            return [f"{ref.label} is not there"]
        state = seen or of(live)
        lines = [f"{ref.label}: {state.message or state.state.value}"]
        lines += [f"  condition {line}" for line in _bad_conditions(live)]
        pods = _pods(cluster, live)
        lines += [f"  {line}" for line in _events(cluster, ref, pods)]
        lines += [f"  {line}" for line in _logs(cluster, pods)]
    except ClusterError as error:
        return [f"{ref.label} can't be looked at: {error.message}"]
    return lines


def _bad_conditions(live: Manifest) -> Iterator[str]:
    for name, found in conditions(live).items():
        # Of most conditions True is good; these say that something is wrong.
        bad = "True" if name.endswith(("Failure", "Failed", "Pressure", "Remaining", "Stalled")) else "False"
        if found.get("status") == bad and (found.get("message") or found.get("reason")):
            yield f"{name}={found['status']}: {found.get('message') or found.get('reason')}"


def _pods(cluster: Reader, live: Manifest) -> Sequence[Manifest]:
    if live.get("kind") == "Pod":
        return [live]
    selector = ((live.get("spec") or {}).get("selector") or {}).get("matchLabels")
    if live.get("kind") not in WORKLOADS or not isinstance(selector, Mapping):
        return []
    found = cluster.list("v1", "Pod", namespace=live["metadata"].get("namespace"), labels=selector)
    return [pod for pod in found if of(pod).state is not State.READY]


def _events(cluster: Reader, ref: Ref, pods: Sequence[Manifest]) -> Iterator[str]:
    namespace = ref.namespace or (ref.name if ref.kind == "Namespace" else "default")
    # A ReplicaSet and a claim are named after their owner, and it is theirs that say why no pod comes.
    names = {pod["metadata"]["name"] for pod in pods}
    claims = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods
        for volume in (pod.get("spec") or {}).get("volumes") or ()
        if "persistentVolumeClaim" in volume
    }
    related = [event for event in cluster.events(namespace) if _is_about(event.get("involvedObject") or {}, ref, names | claims)]
    for event in related[-EVENTS:]:
        about = event.get("involvedObject") or {}
        count = event.get("count") or 1
        times = f" ({count} times)" if count > 1 else ""
        yield f"event {about.get('kind')} {about.get('name')}: {event.get('reason')}: {event.get('message')}{times}"


def _is_about(about: Mapping[str, Any], ref: Ref, names: set[str]) -> bool:
    if about.get("name") in names:
        return True
    if about.get("kind") == "ReplicaSet" and ref.kind == "Deployment":
        return str(about.get("name")).rpartition("-")[0] == ref.name
    return about.get("kind") == ref.kind and about.get("name") == ref.name


def _logs(cluster: Reader, pods: Sequence[Manifest]) -> Iterator[str]:
    for pod in pods[:_PODS]:
        name, namespace = pod["metadata"]["name"], pod["metadata"].get("namespace", "default")
        status = pod.get("status") or {}
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            if container.get("ready") or (container.get("state") or {}).get("terminated", {}).get("exitCode") == 0:
                continue
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting.get("reason"):
                said = ": ".join(waiting[key] for key in ("reason", "message") if waiting.get(key))
                yield f"container {container['name']} of Pod {name}: {said}"
            yield from _last_line(cluster, namespace, name, container["name"])


def _last_line(cluster: Reader, namespace: str, pod: str, container: str) -> Iterator[str]:
    try:
        lines = cluster.log(namespace, pod, container=container, lines=1)
    except ClusterError:
        # Without a started container there is no log, and the events say why it did not start.
        return
    for line in lines[-1:]:
        yield f"log of {pod}/{container}: {line}"
