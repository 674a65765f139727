"""What an earlier platform.yaml has left: objects with our labels that no component has any more. They are told, and never deleted."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.core.context import PART_OF
from bootstrap.core.errors import ClusterError
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.ownership import MANAGED_BY, MANAGER, managers
from plugin_kit.parallel import each

if TYPE_CHECKING:
    from bootstrap.core.context import Context

# What projects are made of, in the order in which it can be deleted. The rest of theirs does nothing by itself.
KINDS = (
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("kargo.akuity.io/v1alpha1", "Stage"),
    ("kargo.akuity.io/v1alpha1", "Warehouse"),
    ("kargo.akuity.io/v1alpha1", "Project"),
    ("argoproj.io/v1alpha1", "Application"),
)
_CASCADE = "resources-finalizer.argocd.argoproj.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOver:
    """One object, and the command that deletes it."""

    resource: str
    command: str
    note: str = ""

    def __str__(self) -> str:
        """Write it as a line."""
        return f"{self.resource}: {self.command}{f' ({self.note})' if self.note else ''}"

    def json(self) -> dict[str, str]:
        """Give what programs read."""
        return {"resource": self.resource, "command": self.command, "note": self.note}


def find(context: "Context", known: Collection[str]) -> Sequence[LeftOver]:
    """Return what carries our labels and is none of the resources `known`, by one list per kind."""
    labels = {MANAGED_BY: MANAGER, PART_OF: context.platform.name}

    def look(item: tuple[str, str]) -> list[Manifest]:
        # Who may not list them is not told of them.
        with suppress(ClusterError):
            return list(context.cluster.list(*item, labels=labels))
        return []

    found = [live for lives in each(look, KINDS, at_once=len(KINDS)) for live in lives]
    return [_left_over(live) for live in found if _is_ours(live) and ref_of(live).label not in known]


def _is_ours(live: Manifest) -> bool:
    # Labels are copied along, by charts and by people.
    return MANAGER in managers(live) and not live["metadata"].get("deletionTimestamp")


def _left_over(live: Manifest) -> LeftOver:
    ref = ref_of(live)
    held = live["metadata"].get("finalizers") or ()
    note = "what it has deployed goes on running" if ref.kind == "Application" else ""
    if any(name.startswith(_CASCADE) for name in held):
        note = f"deletes what it has deployed, too, unless its finalizer {_CASCADE} is taken away first"
    return LeftOver(resource=ref.label, command=f"kubectl delete {_kind(ref)}{_where(ref)} {ref.name}", note=note)


def _kind(ref: Ref) -> str:
    return f"{ref.kind.lower()}.{ref.group}" if ref.group else ref.kind.lower()


def _where(ref: Ref) -> str:
    return f" -n {ref.namespace}" if ref.namespace else ""
