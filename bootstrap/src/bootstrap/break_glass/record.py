"""A record of break-glass: a ConfigMap that is made once and never changed. Pure.

    metadata:  labels {local-cicd.dev/break-glass: "true"}, in the platform's namespace
    immutable: true
    data:      project        the Kargo project
               stage          a stage of it
               operator       the name of who made it, as the API server knows them
               justification  one line
               expires        a time of RFC 3339

It holds from its creation, by the API server's clock, until it expires.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bootstrap.core.objects import Manifest

LABEL = "local-cicd.dev/break-glass"
ARCHIVE_LABEL = "local-cicd.dev/break-glass-archive"
"""Of a ConfigMap with the texts of records that `bootstrap restore` has brought back; they let nobody through."""
KEYS = ("project", "stage", "operator", "justification", "expires")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class GarbageError(ValueError):
    """Something that carries the label and is no record; nobody may be let through because of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Who let promotions of one stage through, why, and how long."""

    name: str
    """Of the ConfigMap."""
    project: str
    stage: str
    operator: str
    justification: str
    created: datetime
    expires: datetime

    def holds(self, at: datetime) -> bool:
        """Tell whether it lets promotions through at a time."""
        return self.created <= at < self.expires


def parse(manifest: Mapping[str, Any]) -> Record:
    """Read a ConfigMap; GarbageError says what is wrong with it."""
    metadata = _map(manifest.get("metadata"), "metadata")
    data = _map(manifest.get("data"), "data")
    if LABEL not in _map(metadata.get("labels"), "labels"):
        raise GarbageError(f"it has no label {LABEL}")
    if manifest.get("immutable") is not True:
        raise GarbageError("it is not immutable: what it says may have been changed")
    if missing := [key for key in KEYS if not isinstance(data.get(key), str) or not data[key].strip()]:
        raise GarbageError(f"it has no {', '.join(missing)}")
    record = Record(
        name=str(metadata.get("name", "")),
        created=parse_time(metadata.get("creationTimestamp"), "creationTimestamp"),
        expires=parse_time(data["expires"], "expires"),
        **{key: data[key] for key in KEYS if key != "expires"},
    )
    if record.expires <= record.created:
        raise GarbageError("it expires before it was made")
    return record


def parse_time(value: object, what: str) -> datetime:
    """Read a time of RFC 3339 as UTC; GarbageError for anything else."""
    if isinstance(value, datetime):
        # lightkube reads the times of some kinds.
        value = value.isoformat()
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise GarbageError(f"{what} is no time")


def write_time(time: datetime) -> str:
    """Write a time as Kubernetes does, in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def manifest(name: str, namespace: str, *, data: Mapping[str, str]) -> Manifest:
    """Write the ConfigMap of a record."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {LABEL: "true"}},
        "immutable": True,
        "data": dict(data),
    }


def _map(value: object, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise GarbageError(f"{what} is no map")
    return value
