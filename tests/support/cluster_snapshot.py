"""Every object of a cluster at one moment, and what is another one later."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from devtools.controlplane import ControlPlane

_TRIES = 20
# What lives by itself: signs of life, reports, what follows from pods, and hooks of charts that end and are deleted after a while.
_RESTLESS = frozenset(
    {"Job", "Lease", "Event", "Node", "CSINode", "ComponentStatus", "Endpoints", "EndpointSlice", "IPAddress", "Pod", "APIService"}
)
# What follows from the rest of an object, or from the time of day.
_FOLLOWING = frozenset({"resourceVersion", "managedFields"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Objects by kind, namespace and name, as they are meant: without status."""

    objects: Mapping[str, Any]

    @classmethod
    def of(cls, plane: ControlPlane) -> "Snapshot":
        """Read all of them, but those that live by themselves."""
        headers = {"Authorization": f"Bearer {plane.tokens['admin']}"}
        found: dict[str, Any] = {}
        with httpx.Client(base_url=plane.url, headers=headers, verify=False, trust_env=False, timeout=30) as client:
            for version in _versions(client):
                for resource in _answer(client, version, "resources"):
                    if "list" in resource["verbs"] and "/" not in resource["name"] and resource["kind"] not in _RESTLESS:
                        listed = _answer(client, f"{version}/{resource['name']}", "items")
                        found |= {_name(resource["kind"], each): _meant(each) for each in listed}
        return cls(objects=found)

    def changed(self, later: "Snapshot", *, but: Callable[[str], bool] = lambda _: False) -> list[str]:
        """Return what is another one in the later snapshot, or not there any more, each with its parts."""
        return sorted(
            f"{name}: {', '.join(_parts(before, later.objects.get(name)))}"
            for name, before in self.objects.items()
            if before != later.objects.get(name) and not but(name)
        )

    def new(self, later: "Snapshot") -> list[str]:
        """Return what is only in the later one."""
        return sorted(set(later.objects) - set(self.objects))


def _versions(client: httpx.Client) -> list[str]:
    groups = _answer(client, "/apis", "groups")
    return ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]


def _answer(client: httpx.Client, path: str, part: str) -> list[dict[str, Any]]:
    answer = client.get(path)
    for _ in range(_TRIES):
        # The storage of a CRD that is new comes a moment after the CRD.
        if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            break
        time.sleep(float(answer.headers.get("Retry-After", 1)))
        answer = client.get(path)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        # A CRD that goes is listed for a moment longer.
        return []
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()[part]
    return found


def _name(kind: str, live: Mapping[str, Any]) -> str:
    metadata = live["metadata"]
    return f"{kind} {metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else f"{kind} {metadata['name']}"


def _meant(live: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in live["metadata"].items() if key not in _FOLLOWING}
    return {**{key: value for key, value in live.items() if key not in {"status", "apiVersion", "kind"}}, "metadata": metadata}


def _parts(before: Mapping[str, Any], after: Mapping[str, Any] | None) -> list[str]:
    if after is None:
        return ["gone"]
    flat = [{**{f"metadata.{key}": value for key, value in each["metadata"].items()}, **each} for each in (before, after)]
    return [key for key in {**flat[0], **flat[1]} if key != "metadata" and flat[0].get(key) != flat[1].get(key)]
