"""What runs a part of the platform: whether it is in order, since when not, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bootstrap.core import readiness
from bootstrap.core.change import State
from bootstrap.core.cluster import Cluster
from bootstrap.core.errors import ClusterError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.verify.finding import Finding
from bootstrap.verify.times import earliest, made, of_condition

_LONGEST_LINE = 160


def troubles(cluster: Cluster, refs: Iterable[Ref]) -> Iterator[Finding]:
    """Yield a finding for each workload that is not in order."""
    for ref in refs:
        live = cluster.get(ref)
        if live is None:
            yield Finding(where=ref.label, problem="is not there", hint="bootstrap up")
            continue
        seen = readiness.of(live)
        if seen.state is State.READY:
            continue
        pods = _bad_pods(cluster, live)
        why = _why(cluster, pods)
        yield Finding(
            where=ref.label,
            problem=f"{seen.message}{f'; {why}' if why else ''}",
            hint=_remedy(ref, pods, why),
            begun=begun(cluster, live),
        )


def begun(cluster: Cluster, live: Manifest) -> datetime | None:
    """Return since when a workload is not in order: only a Deployment says so itself."""
    own = of_condition(live, "Available") if live["kind"] == "Deployment" else None
    return own or earliest(of_condition(pod, "Ready", "PodScheduled") or made(pod) for pod in _bad_pods(cluster, live))


def _bad_pods(cluster: Cluster, live: Manifest) -> Sequence[Manifest]:
    labels = ((live.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    pods = cluster.list("v1", "Pod", namespace=live["metadata"].get("namespace"), labels=labels)
    return [pod for pod in pods if readiness.of(pod).state is not State.READY]


def _why(cluster: Cluster, pods: Sequence[Manifest]) -> str:
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status") or {}
        for container in status.get("containerStatuses") or ():
            if waiting := (container.get("state") or {}).get("waiting"):
                last = _last_line(cluster, pod, container) if container.get("restartCount") else ""
                said = last or waiting.get("message") or ""
                return f"pod {name}: {waiting.get('reason')}{f': {said}' if said else ''}"
        scheduled = readiness.conditions(pod).get("PodScheduled") or {}
        if scheduled.get("status") == "False":
            return f"pod {name}: no node takes it: {scheduled.get('message')}"
        return f"pod {name}: {readiness.of(pod).message}"
    return ""


def _last_line(cluster: Cluster, pod: Manifest, container: Mapping[str, Any]) -> str:
    try:
        lines = cluster.log(pod["metadata"]["namespace"], pod["metadata"]["name"], container=container.get("name"))
    except ClusterError:
        return ""
    return f'its log ends with "{lines[-1].strip()[:_LONGEST_LINE]}"' if lines else ""


def _remedy(ref: Ref, pods: Sequence[Manifest], why: str) -> str:
    if not pods:
        return f"kubectl -n {ref.namespace} describe {ref.kind.lower()} {ref.name}"
    name = pods[0]["metadata"]["name"]
    verb = "logs --previous" if "CrashLoopBackOff" in why else "describe pod"
    return f"kubectl -n {ref.namespace} {verb} {name}"
