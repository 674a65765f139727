"""Kargo: what promotes a commit from stage to stage."""

from pydantic import Field

from bootstrap.platform.chart import Chart, ChartSource, Version
from bootstrap.platform.names import Host, Name, ObjectName
from bootstrap.platform.secret_ref import RecordedSecretRef
from bootstrap.platform.section import Section, computed


class KargoChart(Chart):
    """The chart of Kargo."""

    source: ChartSource = "oci://ghcr.io/akuity/kargo-charts"
    name: str = "kargo"
    version: Version = "1.11.2"
    release: Name = "kargo"
    namespace: Name = "kargo"


class Kargo(Section):
    """What promotes a commit from stage to stage."""

    chart: KargoChart = KargoChart()
    """The chart."""

    host: Host = Field(json_schema_extra=computed("kargo.<domain>"))
    """Host name of its pages and of its API."""

    tls_secret: ObjectName = "kargo-tls"  # noqa: S105  the name of one
    """Secret with the certificate of the ingress; cert-manager makes it."""

    admin_password: RecordedSecretRef = RecordedSecretRef(generate=True)
    """Password of Kargo's own account `admin`. The key that signs its tokens is always generated."""

    @property
    def public_url(self) -> str:
        """The address for browsers and for kargo-notify."""
        return f"https://{self.host}"
