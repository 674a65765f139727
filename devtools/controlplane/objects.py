"""Objects that tests put into a control plane: manifests by server-side apply, and the made-up nodes."""

import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import lightkube
import yaml
from lightkube import ApiError
from lightkube.codecs import resource_registry
from lightkube.generic_resource import load_in_cluster_generic_resources
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.core_v1 import Namespace, Node, ServiceAccount
from lightkube.types import PatchType

from devtools.errors import DevError

SERVED_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_FIRST = ("CustomResourceDefinition", "Namespace")

Manifest = Mapping[str, Any]


def apply(client: lightkube.Client, text: str) -> None:
    """Apply YAML documents as they stand, CRDs and namespaces first; returns when the API server serves the kinds of the CRDs."""
    manifests = sorted(_documents(text), key=lambda each: _FIRST.index(each["kind"]) if each["kind"] in _FIRST else len(_FIRST))
    crds = [each for each in manifests if each["kind"] == _FIRST[0]]
    for crd in crds:
        _patch(client, crd)
    for crd in crds:
        _wait_until_served(client, crd)
    # Kinds that lightkube does not know are those of CRDs, of this text or of an earlier one.
    load_in_cluster_generic_resources(client)
    for each in manifests[len(crds) :]:
        _patch(client, each)


def has_basics(client: lightkube.Client, *, controllers: bool) -> bool:
    """Tell whether the namespace `default` is there, and with controllers its ServiceAccount, without which no pod can be made."""
    if _exists(client, Namespace, "default"):
        return not controllers or _exists(client, ServiceAccount, "default")
    return False


def add_nodes(client: lightkube.Client, count: int) -> None:
    """Create nodes called node-1 and so on."""
    for number in range(1, count + 1):
        name = f"node-{number}"
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        client.create(Node(metadata=ObjectMeta(name=name, labels=labels)))


def ready_nodes(client: lightkube.Client) -> int:
    """Return how many nodes take pods: ready, and rid of the taint that they start with."""
    nodes = list(client.list(Node))
    return sum(not (node.spec and node.spec.taints) and _is_ready(node) for node in nodes)


def _is_ready(node: Node) -> bool:
    conditions = (node.status and node.status.conditions) or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


def _documents(text: str) -> Iterator[dict[str, Any]]:
    for document in yaml.safe_load_all(text):
        if not document:
            continue
        if "items" in document:
            yield from document["items"]
        else:
            yield document


def _patch(client: lightkube.Client, manifest: Manifest) -> None:
    # The document itself, not lightkube's model of it, which drops the fields that it does not know.
    kind: Any = resource_registry.load(manifest["apiVersion"], manifest["kind"])
    metadata = manifest["metadata"]
    client.patch(kind, metadata["name"], manifest, namespace=metadata.get("namespace"), patch_type=PatchType.APPLY, force=True)


def _wait_until_served(client: lightkube.Client, crd: Manifest) -> None:
    """Wait for the condition Established and for an answer to a list of each version, which may come a moment later."""
    name = crd["metadata"]["name"]
    deadline = time.monotonic() + SERVED_SECONDS
    while True:
        there = client.get(CustomResourceDefinition, name)
        conditions = (there.status and there.status.conditions) or []
        if any(condition.type == "Established" and condition.status == "True" for condition in conditions) and _answers(client, crd):
            return
        if time.monotonic() > deadline:
            said = "; ".join(f"{condition.type}={condition.status} {condition.message or ''}".strip() for condition in conditions)
            raise DevError(f"the API server does not serve the CRD {name} after {SERVED_SECONDS:.0f} s: {said or 'no conditions'}")
        time.sleep(_LOOK_SECONDS)


def _answers(client: lightkube.Client, crd: Manifest) -> bool:
    spec = crd["spec"]
    load_in_cluster_generic_resources(client)
    for version in spec["versions"]:
        kind = resource_registry.load(f"{spec['group']}/{version['name']}", spec["names"]["kind"])
        try:
            if version["served"]:
                list(client.list(kind))
        except ApiError as error:
            # Established comes first; then for a moment the list is unknown (404) or its storage is being set up (429).
            if error.status.code in {HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS}:
                return False
            raise
    return True


def _exists(client: lightkube.Client, kind: type[Namespace | ServiceAccount], name: str) -> bool:
    try:
        client.get(kind, name)
    except ApiError as error:
        if error.status.code == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True
