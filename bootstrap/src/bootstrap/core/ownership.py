"""Whose an object is, and who manages its fields: read from `managedFields`, annotations and owner references."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from bootstrap.core.errors import Conflict
from bootstrap.core.objects import Manifest

MANAGER = "local-cicd"
HELM = "helm"
MANAGED_BY = "app.kubernetes.io/managed-by"

_RELEASE_NAME = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
_ARGO_CD = "argocd.argoproj.io/tracking-id"


def managers(live: Mapping[str, Any]) -> tuple[str, ...]:
    """Return who has set fields of an object (not of its status), in the order of the API server."""
    entries = [entry for entry in _entries(live) if entry.get("subresource") != "status"]
    return tuple(dict.fromkeys(str(entry.get("manager")) for entry in entries))


def is_by_hand(manager: str, hand_managers: Iterable[str]) -> bool:
    """Tell whether changes of this manager are put right; patterns as in a shell."""
    return any(fnmatchcase(manager, pattern) for pattern in hand_managers)


def unresolved(conflicts: Sequence[Conflict], hand_managers: Iterable[str], *, ours: Iterable[str] = (MANAGER,)) -> tuple[Conflict, ...]:
    """Return the conflicts that a person has to decide."""
    patterns = tuple(hand_managers)
    own = frozenset(ours)
    return tuple(each for each in conflicts if each.manager not in own and not is_by_hand(each.manager, patterns))


def release_of(live: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return namespace and name of the Helm release that an object belongs to."""
    annotations = (live.get("metadata") or {}).get("annotations") or {}
    name = annotations.get(_RELEASE_NAME)
    return (str(annotations.get(_RELEASE_NAMESPACE, "")), str(name)) if name else None


def owner(live: Mapping[str, Any]) -> str | None:
    """Say whose an object is, where something other than a person looks after it."""
    if release := release_of(live):
        return f"the Helm release {release[0]}/{release[1]}"
    metadata = live.get("metadata") or {}
    if tracking := (metadata.get("annotations") or {}).get(_ARGO_CD):
        return f"the Argo CD Application {str(tracking).partition(':')[0]}"
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            return f"{reference.get('kind')} {reference.get('name')}"
    return None


def reclaimed(live: Mapping[str, Any], hand_managers: Iterable[str]) -> list[Manifest] | None:
    """Return `managedFields` in which what was set by hand is ours; None where nothing was.

    An apply then takes away what is ours and no longer wanted, such as the port of a Service that somebody has renumbered: left to that
    person it would stay beside ours, and the API server refuses two ports of one name.
    """
    patterns = tuple(hand_managers)
    kept: list[Manifest] = []
    ours: Manifest | None = None
    merged: dict[str, Any] = {}
    found = False
    for entry in _entries(live):
        is_ours = entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")
        if is_ours:
            ours = dict(entry)
            merged = _union(merged, entry.get("fieldsV1") or {})
        elif is_by_hand(str(entry.get("manager")), patterns) and not entry.get("subresource"):
            found = True
            merged = _union(merged, entry.get("fieldsV1") or {})
        else:
            kept.append(dict(entry))
    if not found:
        return None
    mine = ours or {"manager": MANAGER, "operation": "Apply", "apiVersion": live.get("apiVersion"), "fieldsType": "FieldsV1"}
    return [*kept, {**mine, "fieldsV1": merged}]


def _entries(live: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (live.get("metadata") or {}).get("managedFields") or ()


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(one)
    for key, value in other.items():
        result[key] = _union(result.get(key) or {}, value or {})
    return result
