"""Who may ask the gate, and whom the gate asks."""

from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.core.context import Context
from bootstrap.core.objects import Ref
from bootstrap.platform.platform import Platform

_COMPONENT = "app.kubernetes.io/component"
# Where the API server answers on most clusters: its Service, and k3s and kubeadm behind it.
_API_PORTS = (443, 6443)


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


def api_ports(context: Context) -> Sequence[Mapping[str, Any]]:
    """Return the ports of the API server, which policies see as that of its Service or as the one behind it."""
    live = context.cluster.get(Ref(api_version="discovery.k8s.io/v1", kind="EndpointSlice", name="kubernetes", namespace="default"))
    found = {port["port"] for port in (live or {}).get("ports") or () if port.get("port")}
    return [{"protocol": "TCP", "port": port} for port in sorted({*_API_PORTS, *found})]


def _peer(namespace: str | None, labels: Mapping[str, str]) -> Mapping[str, Any]:
    namespaces = {"matchLabels": {"kubernetes.io/metadata.name": namespace}} if namespace else {}
    return {"namespaceSelector": namespaces, "podSelector": {"matchLabels": dict(labels)}}
