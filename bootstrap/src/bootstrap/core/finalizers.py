"""The last resort for what hangs on its way out: its finalizers are taken away, and what they would have cleaned up is left behind."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from bootstrap.core.errors import ClusterError
from bootstrap.core.objects import Manifest, Ref, ref_of

if TYPE_CHECKING:
    from bootstrap.core.context import Context


# They go by themselves when no pod uses the volume any more, and until then they are what keeps its data from going.
_IN_USE = frozenset({"kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"})


def free(context: "Context", ref: Ref) -> None:
    """Take the finalizers from an object that is being deleted; of a namespace, from all that is being deleted in it."""
    held = list(_leaving(context, ref.name)) if ref.kind == "Namespace" else []
    live = context.cluster.get(ref)
    for each in [*held, *([live] if live and ref.kind != "Namespace" else [])]:
        metadata = each["metadata"]
        held_by = metadata.get("finalizers") or ()
        kept = [name for name in held_by if name in _IN_USE]
        if not metadata.get("deletionTimestamp") or len(kept) == len(held_by):
            continue
        context.guard.check()
        names = ", ".join(name for name in held_by if name not in _IN_USE)
        context.console.warn(f"{ref_of(each).label} loses its finalizers ({names}); what they would have cleaned up may be left behind")
        context.cluster.patch(ref_of(each), {"metadata": {"finalizers": kept or None}})


def _leaving(context: "Context", namespace: str) -> Iterator[Manifest]:
    kinds = [name.rpartition("/") for name in context.cluster.api_versions()]
    # A group and version without a kind has a slash, too, but nobody's kind begins with a small v.
    for api_version, _, kind in kinds:
        if not api_version or not kind[:1].isupper():
            continue
        # Not every kind can be listed.
        with suppress(ClusterError):
            for found in context.cluster.list(api_version, kind, namespace=namespace):
                if found["metadata"].get("namespace") == namespace and found["metadata"].get("deletionTimestamp"):
                    yield found
