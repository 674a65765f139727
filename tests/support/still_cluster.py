"""A cluster that is only looked at, for tests of what components make of platform.yaml; whoever changes something needs the real one."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from bootstrap.core.cluster import Cluster, Version
from bootstrap.core.context import Context
from bootstrap.core.lease import Unheld
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.resource import ObjectResource, Resource
from bootstrap.platform.platform import Platform
from plugin_kit.console import Console


class StillCluster:
    """Objects that are there; `cluster` is what components are given."""

    def __init__(self, *objects: Manifest, version: tuple[int, int] = (1, 36), refused: frozenset[tuple[str, str]] = frozenset()) -> None:
        """Refuse the rights `refused`, pairs of verb and kind."""
        self.objects = list(objects)
        self._version = version
        self._refused = refused

    def context(self, platform: Platform, folder: Path | None = None, *, locked: bool = False) -> Context:
        """Return what a run has at hand; with the lock it may change what is not in the cluster."""
        cluster = cast("Cluster", self)
        return Context(
            platform=platform,
            cluster=cluster,
            helm=cast("Any", None),
            console=Console(io.StringIO(), colour=False),
            guard=_Held() if locked else Unheld(cluster, platform.namespace),
            folder=folder or Path.cwd(),
        )

    def get(self, ref: Ref) -> Manifest | None:
        """Return an object."""
        return next((each for each in self.objects if ref_of(each) == ref), None)

    def list(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: Mapping[str, Any] | None = None
    ) -> Sequence[Manifest]:
        """Return the objects of a kind."""
        return [
            each
            for each in self.objects
            if (each["apiVersion"], each["kind"]) == (api_version, kind)
            and namespace in {None, each["metadata"].get("namespace")}
            and (labels or {}).items() <= (each["metadata"].get("labels") or {}).items()
        ]

    def events(self, namespace: str) -> Sequence[Manifest]:
        """Return events."""
        return self.list("v1", "Event", namespace=namespace)

    def serves(self, api_version: str, kind: str) -> bool:
        """Tell whether there is such an object."""
        return any((each["apiVersion"], each["kind"]) == (api_version, kind) for each in self.objects)

    def version(self) -> Version:
        """Return the version."""
        major, minor = self._version
        return Version(major=major, minor=minor, text=f"v{major}.{minor}.0")

    def can(self, verb: str, ref: Ref) -> bool:
        """Allow all that is not refused."""
        return not self._refused if ref.kind == "*" else (verb, ref.kind) not in self._refused

    def forget(self) -> None:
        """Keep nothing that could be forgotten."""


class _Held:
    """The lock, held for ever."""

    holder = "test"

    def check(self) -> None:
        """Say nothing."""

    def is_dead(self, holder: str) -> bool:
        """Say that nobody is."""
        del holder
        return False


def record(platform: Platform, name: str, **values: str) -> Manifest:
    """Write a Secret of record, `__` in a key being a dot."""
    data = {key.replace("__", "."): base64.b64encode(value.encode()).decode() for key, value in values.items()}
    metadata = {"name": name, "namespace": platform.namespace, "labels": {"local-cicd.dev/record": "true"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def manifest_of(resources: Sequence[Resource], label: str) -> Manifest:
    """Return the manifest of the resource that has this label."""
    found = next((each for each in resources if each.label == label), None)
    assert found is not None, f"there is no {label}, but {', '.join(each.label for each in resources)}"
    assert isinstance(found, ObjectResource), f"{label} is {type(found).__name__}"
    return found.manifest
