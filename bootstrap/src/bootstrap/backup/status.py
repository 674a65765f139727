"""The status of restored objects: Kargo keeps there which Freight was verified, approved, and is in a stage; pure."""

import copy
from collections.abc import Mapping
from typing import Any

from bootstrap.backup.kinds import KARGO
from bootstrap.core.objects import Manifest

_ENDED = frozenset({"Succeeded", "Failed", "Errored", "Aborted"})
# What says of Freight where it has been; each a map by stage, or of what somebody has noted.
_PASSED = ("verifiedIn", "approvedFor", "metadata")


def unfinished(manifest: Manifest) -> str:
    """Return what a promotion was doing when the backup was made, empty where it had ended."""
    if manifest["kind"] != "Promotion":
        return ""
    phase = str((manifest.get("status") or {}).get("phase") or "Pending")
    return "" if phase in _ENDED else phase


def wanted(manifest: Manifest) -> Manifest:
    """Return the status as it is to be restored: of a stage without the promotion that was under way, which is not restored."""
    status = copy.deepcopy(manifest.get("status") or {})
    if manifest["kind"] == "Stage":
        status.pop("currentPromotion", None)
    if manifest["kind"] == "Application" and (status.get("operationState") or {}).get("phase") in {"Running", "Terminating"}:
        status.pop("operationState")
    return status


def missing(manifest: Manifest, live: Mapping[str, Any]) -> Manifest:
    """Return what of its saved status a live object of Kargo lacks, as a merge patch of the status; what it says itself is left.

    Stages: all of it, where nothing was ever promoted to it here. Freight: where it was verified or approved. Others: all where there is
    none.
    """
    if manifest["apiVersion"] != KARGO:
        return {}
    status, there = wanted(manifest), live.get("status") or {}
    if not status or _is_empty(there):
        return _seen(status, live) if status != there else {}
    if manifest["kind"] == "Stage":
        is_new = not there.get("freightHistory") and not there.get("currentPromotion")
        return _seen(status, live) if is_new and status.get("freightHistory") else {}
    if manifest["kind"] == "Freight":
        found = {}
        for key in _PASSED:
            lacking = {name: value for name, value in (status.get(key) or {}).items() if name not in (there.get(key) or {})}
            if lacking:
                found[key] = lacking
        return found
    return {}


def _is_empty(status: Mapping[str, Any]) -> bool:
    return not any(status.values())


def _seen(status: Manifest, live: Mapping[str, Any]) -> Manifest:
    """Say that the controller has seen this object, whose changes are counted from 1 again."""
    generation = live["metadata"].get("generation", 1)
    if "observedGeneration" in status:
        status["observedGeneration"] = generation
    for condition in status.get("conditions") or ():
        if "observedGeneration" in condition:
            condition["observedGeneration"] = generation
    return status
