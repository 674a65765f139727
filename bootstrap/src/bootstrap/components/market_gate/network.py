"""Who may ask the gate."""

from collections.abc import Mapping
from typing import Any

from bootstrap.platform.platform import Platform

_COMPONENT = "app.kubernetes.io/component"


def callers(platform: Platform) -> list[Mapping[str, Any]]:
    """Return the peers of a NetworkPolicy: who runs the steps of promotions, who runs analyses, and the way in for browsers."""
    found = [_peer(platform.kargo.chart.namespace, {_COMPONENT: "controller"})]
    if platform.market_gate.analysis_template:
        # Where the cluster has a controller of its own, its namespace is not known.
        namespace = platform.argo_rollouts.chart.namespace if platform.argo_rollouts.enabled else None
        found.append(_peer(namespace, {_COMPONENT: "rollouts-controller"}))
    if platform.market_gate.host is not None:
        ingress = platform.prerequisites.ingress
        found.append(_peer(ingress.namespace, ingress.pod_labels))
    return found


def _peer(namespace: str | None, labels: Mapping[str, str]) -> Mapping[str, Any]:
    namespaces = {"matchLabels": {"kubernetes.io/metadata.name": namespace}} if namespace else {}
    return {"namespaceSelector": namespaces, "podSelector": {"matchLabels": dict(labels)}}
