"""Kargo's resources as its API shows them."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

API_VERSION = "kargo.akuity.io/v1alpha1"
REFRESH = "kargo.akuity.io/refresh"
ALIAS = "kargo.akuity.io/alias"
Document = dict[str, Any]

_ADJECTIVES = ("bailing", "brisk", "calm", "full", "geared", "good", "lolling", "mottled", "quiet", "wonky")
_ANIMALS = ("badger", "elephant", "goose", "heron", "marmot", "mongoose", "otter", "quokka", "wombat", "zorse")


def timestamp() -> str:
    """Give the time as the Kubernetes API writes it: whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def freight_id(origin: str, images: Sequence[Mapping[str, Any]]) -> str:
    """Hash a Freight's contents as pkg/api/freight.go does; the controller does so without the origin."""
    parts = sorted(f"{image['repoURL']}:{image['tag']}@{image['digest']}" for image in images)
    return hashlib.sha1(f"{origin}:{'|'.join(parts)}".encode(), usedforsecurity=False).hexdigest()


def metadata(project: str, name: str) -> Document:
    """Make the metadata of a new object, without its resourceVersion."""
    return {"name": name, "namespace": project, "uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": timestamp()}


def warehouse(project: str, name: str, spec: Mapping[str, Any]) -> Document:
    """Make a Warehouse with the webhook's defaults."""
    filled = {"interval": "5m0s", "freightCreationPolicy": "Automatic", **json.loads(json.dumps(spec))}
    for subscription in filled["subscriptions"]:
        if "image" in subscription:
            subscription["image"] = {"discoveryLimit": 20, "strictSemvers": True, **subscription["image"]}
    return {"kind": "Warehouse", "apiVersion": API_VERSION, "metadata": metadata(project, name), "spec": filled, "status": {}}


def freight(project: str, origin: str, images: Sequence[Mapping[str, Any]]) -> Document:
    """Make a Freight as the webhook leaves it: named by its contents, with an alias."""
    name = freight_id(f"Warehouse/{origin}", images)
    alias = f"{_ADJECTIVES[int(name[:4], 16) % len(_ADJECTIVES)]}-{_ANIMALS[int(name[4:8], 16) % len(_ANIMALS)]}"
    return {
        "kind": "Freight",
        "apiVersion": API_VERSION,
        "metadata": {**metadata(project, name), "labels": {ALIAS: alias}},
        "alias": alias,
        "discoveredAt": timestamp(),
        "origin": {"kind": "Warehouse", "name": origin},
        "images": [dict(image) for image in images],
        "status": {},
    }


def stage(project: str, name: str, origin: str, *, upstream: Sequence[str] = (), automatic: bool = False) -> Document:
    """Make a Stage that takes a Warehouse's Freight at once, or from the Stages before it."""
    sources: Document = {"stages": list(upstream)} if upstream else {"direct": True}
    steps = [{"uses": "compose-output", "as": "out", "config": {"tag": "${{ quote(imageFrom('" + origin + "').Tag) }}"}}]
    status: Document = {"conditions": [_condition("Ready", "False", "NoFreight", "Stage has no current Freight")]}
    return {
        "kind": "Stage",
        "apiVersion": API_VERSION,
        "metadata": {**metadata(project, name), "finalizers": ["kargo.akuity.io/finalizer"]},
        "spec": {
            "requestedFreight": [{"origin": {"kind": "Warehouse", "name": origin}, "sources": sources}],
            "promotionTemplate": {"spec": {"steps": steps}},
        },
        "status": {**status, "autoPromotionEnabled": True} if automatic else status,
    }


def promoted(before: Document, carried: Document) -> Document:
    """Give a Stage's status after a promotion of the Freight that has succeeded."""
    name, now = before["metadata"]["name"], timestamp()
    reference = {"name": carried["metadata"]["name"], "origin": carried["origin"], "images": carried["images"]}
    origin = f"Warehouse/{carried['origin']['name']}"
    collection = {"id": hashlib.sha1(reference["name"].encode(), usedforsecurity=False).hexdigest(), "items": {origin: reference}}
    verification = {"id": str(uuid.uuid4()), "startTime": now, "phase": "Successful", "finishTime": now}
    step = {"alias": "out", "startedAt": now, "finishedAt": now, "status": "Succeeded"}
    status = before["status"]
    return {
        **status,
        "conditions": [
            _condition("Ready", "True", "Verified", "Freight has been verified"),
            _condition("Healthy", "True", "Healthy", "Stage is healthy (performed 0 health checks)"),
            _condition("Verified", "True", "Verified", "Freight has been verified"),
        ],
        "freightHistory": [{**collection, "verificationHistory": [verification]}, *status.get("freightHistory", [])][:10],
        "freightSummary": reference["name"],
        "health": {"status": "Healthy"},
        "observedGeneration": 1,
        "lastPromotion": {
            "name": f"{name}.{uuid.uuid4().hex[:26]}.{reference['name'][:7]}",
            "freight": reference,
            "status": {
                "phase": "Succeeded",
                "freight": reference,
                "freightCollection": collection,
                "startedAt": now,
                "finishedAt": now,
                "stepExecutionMetadata": [step],
                "state": {"out": {"tag": carried["images"][0]["tag"]}},
            },
            "finishedAt": now,
        },
    }


def set_condition(status: Document, kind: str, value: str, reason: str, message: str) -> None:
    """Set a condition in its place, or add it; its time changes only with its value."""
    new = _condition(kind, value, reason, message)
    conditions = status.setdefault("conditions", [])
    for index, old in enumerate(conditions):
        if old["type"] == kind:
            kept = old["lastTransitionTime"] if old["status"] == value else new["lastTransitionTime"]
            conditions[index] = {**new, "lastTransitionTime": kept}
            return
    conditions.append(new)


def drop_conditions(status: Document, *kinds: str) -> None:
    """Remove conditions."""
    status["conditions"] = [each for each in status.get("conditions", []) if each["type"] not in kinds]


def _condition(kind: str, value: str, reason: str, message: str) -> Document:
    return {
        "type": kind,
        "status": value,
        "observedGeneration": 1,
        "lastTransitionTime": timestamp(),
        "reason": reason,
        "message": message,
    }
