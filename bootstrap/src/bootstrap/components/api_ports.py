"""The way to the API server, as a NetworkPolicy lets pods go it."""

from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.core.context import Context
from bootstrap.core.objects import Ref

# Where it answers on most clusters: its Service, and k3s and kubeadm behind it.
_USUAL = (443, 6443)


def api_ports(context: Context) -> Sequence[Mapping[str, Any]]:
    """Return the ports of the API server, which policies see as that of its Service or as the one behind it."""
    live = context.cluster.get(Ref(api_version="discovery.k8s.io/v1", kind="EndpointSlice", name="kubernetes", namespace="default"))
    found = {port["port"] for port in (live or {}).get("ports") or () if port.get("port")}
    return [{"protocol": "TCP", "port": port} for port in sorted({*_USUAL, *found})]
