"""While Helm waits for the objects of a release: what it waits for, and what would make it wait for ever."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bootstrap.core.change import State
from bootstrap.core.errors import BootstrapError
from bootstrap.core.explain import explain
from bootstrap.core.objects import Manifest, ref_of
from bootstrap.core.readiness import WORKLOADS, of
from bootstrap.core.waiting import PROGRESS_SECONDS
from plugin_kit.console import elapsed

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_LOOK_SECONDS = 2.0
_EXPLAINED = 3


@contextmanager
def watched(context: "Context", label: str, objects: Sequence[Manifest], timeout: float) -> Iterator[None]:
    """Say now and then what is not in order yet, and free StatefulSets that hang, as long as the block runs."""
    stop = threading.Event()
    thread = threading.Thread(target=_watch, args=(context, label, objects, timeout, stop), name=f"watch of {label}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def free_stateful_sets(context: "Context", objects: Sequence[Manifest]) -> None:
    """Delete pods that are not ready and of a revision that nobody wants any more: their controller waits for them for ever.

    kubernetes/kubernetes#67250: a pod that does not become ready is not replaced by one of a better revision.
    """
    for manifest in objects:
        live = context.cluster.get(ref_of(manifest)) if manifest["kind"] == "StatefulSet" else None
        status = (live or {}).get("status") or {}
        if live is None or status.get("observedGeneration") != live["metadata"].get("generation"):
            continue
        selector = (live["spec"].get("selector") or {}).get("matchLabels") or {}
        for pod in context.cluster.list("v1", "Pod", namespace=live["metadata"]["namespace"], labels=selector):
            metadata = pod["metadata"]
            outdated = (metadata.get("labels") or {}).get("controller-revision-hash") != status.get("updateRevision")
            if outdated and not metadata.get("deletionTimestamp") and of(pod).state is not State.READY:
                context.guard.check()
                context.console.detail(f"{ref_of(manifest).label}: pod {metadata['name']} of an earlier version hangs, and is replaced")
                context.cluster.delete(ref_of(pod))


def explained(context: "Context", objects: Sequence[Manifest]) -> list[str]:
    """Say why workloads are not in order, of the first few that are not."""
    lines: list[str] = []
    refs = [ref_of(manifest) for manifest in objects if manifest["kind"] in WORKLOADS or manifest["kind"] == "PersistentVolumeClaim"]
    found = 0
    for ref in refs:
        try:
            live = context.cluster.get(ref)
        except BootstrapError:
            return lines
        if live is not None and of(live).state is not State.READY and found < _EXPLAINED:
            found += 1
            lines += explain(context.cluster, ref)
    return lines


def _watch(context: "Context", label: str, objects: Sequence[Manifest], timeout: float, stop: threading.Event) -> None:
    begin = context.clock.now()
    next_sign = begin + PROGRESS_SECONDS
    workloads = [manifest for manifest in objects if manifest["kind"] in WORKLOADS]
    while not stop.wait(_LOOK_SECONDS):
        try:
            free_stateful_sets(context, workloads)
            if context.clock.now() >= next_sign:
                next_sign += PROGRESS_SECONDS
                waits = _unready(context, workloads)
                context.console.detail(f"{label}: {waits}, {elapsed(context.clock.now() - begin)} of at most {elapsed(timeout)}")
        except BootstrapError as error:
            # Helm says it, too, if it matters.
            context.console.detail(f"{label}: {error.message}")


def _unready(context: "Context", workloads: Sequence[Manifest]) -> str:
    for manifest in workloads:
        live = context.cluster.get(ref_of(manifest))
        if live is None:
            return f"{ref_of(manifest).label} is not there yet"
        if (seen := of(live)).state is not State.READY:
            return f"{ref_of(manifest).label}: {seen.message}"
    return "workloads are ready"
