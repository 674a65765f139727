"""Argo CD: what brings the charts in Git to the cluster."""

from pydantic import Field

from bootstrap.platform.chart import Chart, ChartSource, Version
from bootstrap.platform.names import Host, Name, ObjectName
from bootstrap.platform.section import Section, computed


class ArgoCdChart(Chart):
    """The chart of Argo CD."""

    source: ChartSource = "https://argoproj.github.io/argo-helm"
    name: str = "argo-cd"
    version: Version = "10.1.1"
    release: Name = "argocd"
    namespace: Name = "argocd"


class ArgoCd(Section):
    """What brings the charts in Git to the cluster."""

    chart: ArgoCdChart = ArgoCdChart()
    """The chart."""

    host: Host = Field(json_schema_extra=computed("argocd.<domain>"))
    """Host name of its pages."""

    tls_secret: ObjectName = "argocd-tls"  # noqa: S105  the name of one
    """Secret with the certificate of the ingress; cert-manager makes it."""

    project: ObjectName = "default"
    """AppProject of the Applications."""

    @property
    def public_url(self) -> str:
        """The address for browsers."""
        return f"https://{self.host}"
