"""Argo Rollouts: what runs the AnalysisTemplates of Kargo's verifications."""

from bootstrap.platform.chart import Chart, ChartSource, Version
from bootstrap.platform.names import Name
from bootstrap.platform.section import Flag, Section


class RolloutsChart(Chart):
    """The chart of Argo Rollouts."""

    source: ChartSource = "https://argoproj.github.io/argo-helm"
    name: str = "argo-rollouts"
    version: Version = "2.41.0"
    release: Name = "argo-rollouts"
    namespace: Name = "argo-rollouts"


class ArgoRollouts(Section):
    """Needed only for verifications; Kargo looks for it when it starts."""

    enabled: Flag = False
    """`true`: it is installed, before Kargo."""

    chart: RolloutsChart = RolloutsChart()
    """The chart."""
