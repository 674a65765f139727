"""The last resort for what hangs on its way out: its finalizers are taken away, and what they would have cleaned up is left behind."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from bootstrap.core.errors import ClusterError
from bootstrap.core.objects import Manifest, Ref, ref_of

if TYPE_CHECKING:
    from bootstrap.core.context import Context


def free(context: "Context", ref: Ref) -> None:
    """Take the finalizers from an object that is being deleted; of a namespace, from all that is being deleted in it."""
    held = list(_leaving(context, ref.name)) if ref.kind == "Namespace" else []
    live = context.cluster.get(ref)
    for each in [*held, *([live] if live and ref.kind != "Namespace" else [])]:
        metadata = each["metadata"]
        if not metadata.get("deletionTimestamp") or not metadata.get("finalizers"):
            continue
        context.guard.check()
        names = ", ".join(metadata["finalizers"])
        context.console.warn(f"{ref_of(each).label} loses its finalizers ({names}); what they would have cleaned up may be left behind")
        context.cluster.patch(ref_of(each), {"metadata": {"finalizers": None}})


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
