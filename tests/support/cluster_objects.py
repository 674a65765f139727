"""Objects of a cluster as tests compare them."""

from collections.abc import Mapping
from typing import Any

import lightkube
from lightkube.types import PatchType

from bootstrap.core.cluster import Cluster
from bootstrap.core.objects import Manifest, Ref

_DIFFERENT_EACH_TIME = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")


def config_map(namespace: str, name: str = "settings", **data: str) -> Manifest:
    """Write a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def namespace_of(name: str) -> Manifest:
    """Write a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def deployment(namespace: str, name: str = "api", *, replicas: int = 1, selector: Mapping[str, str] | None = None) -> Manifest:
    """Write a Deployment; `selector` is that of its nodes."""
    labels = {"app": name}
    pod = {"containers": [{"name": "api", "image": "registry.example.lan/shop/api:1"}], "nodeSelector": dict(selector or {})}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def by_hand(client: lightkube.Client, kind: Any, ref: Ref, patch: Manifest, *, manager: str = "kubectl-edit") -> None:  # noqa: ANN401  a class of lightkube
    """Change an object as this manager does."""
    where = {"namespace": ref.namespace} if ref.namespace else {}
    untyped: Any = client
    untyped.patch(kind, ref.name, patch, patch_type=PatchType.MERGE, field_manager=manager, **where)


def made_by(client: lightkube.Client, kind: Any, manifest: Manifest, *, manager: str = "kubectl-create") -> None:  # noqa: ANN401  a class of lightkube
    """Create an object as this manager does."""
    client.create(kind.from_dict(manifest), field_manager=manager)


def there(cluster: Cluster, ref: Ref) -> Manifest:
    """Return an object that has to be there."""
    live = cluster.get(ref)
    assert live is not None, f"{ref.label} is not there"
    return live


def version(cluster: Cluster, ref: Ref) -> str:
    """Return what changes with every change of an object."""
    return str(there(cluster, ref)["metadata"]["resourceVersion"])


def lasting(live: Manifest | None) -> Manifest | None:
    """Return an object without what differs from one to the next that is made in the same way."""
    if live is None:
        return None
    metadata = {key: value for key, value in live["metadata"].items() if key not in _DIFFERENT_EACH_TIME}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}
