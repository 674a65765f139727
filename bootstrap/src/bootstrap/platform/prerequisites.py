"""What the cluster must have before anything is installed."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from bootstrap.platform.chart import Chart, ChartSource, Version
from bootstrap.platform.names import Name, ObjectName
from bootstrap.platform.section import Section


class CertManagerChart(Chart):
    """The chart of cert-manager."""

    source: ChartSource = "oci://quay.io/jetstack/charts"
    name: str = "cert-manager"
    version: Version = "v1.21.1"
    release: Name = "cert-manager"
    namespace: Name = "cert-manager"


class CertManager(Section):
    """Who makes the certificates of the ingresses, of BuildKit and of Kargo's webhooks."""

    mode: Literal["external", "install"]
    """`external`: cert-manager and the issuer are there and are left alone. `install`: both are made here, the issuer with a CA of its
    own."""

    issuer: ObjectName = "ca-issuer"
    """The issuer of all certificates."""

    issuer_kind: Literal["ClusterIssuer", "Issuer"] = "ClusterIssuer"
    """Kind of the issuer. An `Issuer` serves only certificates of its own namespace."""

    chart: CertManagerChart = CertManagerChart()
    """The chart, where `mode: install`."""


class IngressController(Section):
    """The ingress controller, which is never installed here: k3s brings Traefik."""

    class_name: ObjectName = "traefik"
    """IngressClass of all ingresses."""

    namespace: Name = "kube-system"
    """Namespace of its pods; NetworkPolicies let them in."""

    pod_labels: Mapping[str, str] = Field(default={"app.kubernetes.io/name": "traefik"})
    """Labels of its pods."""


class Prerequisites(Section):
    """What is looked at first, before anything is changed."""

    cert_manager: CertManager
    """Who makes the certificates."""

    ingress: IngressController = IngressController()
    """The ingress controller."""

    storage_class: ObjectName | None = None
    """StorageClass of volumes that one pod writes. Default: the cluster's default class."""

    rwx_storage_class: ObjectName | None = None
    """StorageClass of volumes that pods on several nodes write at once. k3s' own `local-path` can't."""

    probe_image: str = "docker.io/library/busybox:1.37"
    """Image of the pod that tries from inside the cluster whether names resolve and Gitea, registry and NFS server answer."""

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Ask for `cert_manager.mode` where nothing is written, rather than for the map around it."""
        return {"cert_manager": {}, **data}
