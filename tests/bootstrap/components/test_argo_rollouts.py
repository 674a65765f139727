"""What is asked of the chart of Argo Rollouts."""

from bootstrap.components.argo_rollouts.component import ArgoRollouts
from bootstrap.core.release import ReleaseResource
from tests.support.bootstrap_run import a_platform
from tests.support.chart_values import unknown
from tests.support.still_cluster import StillCluster


def release(**chart: object) -> ReleaseResource:
    """Return the release of a platform that wants it."""
    platform = a_platform(argo_rollouts={"enabled": True, "chart": chart})
    (found,) = ArgoRollouts().resources(StillCluster().context(platform))
    assert isinstance(found, ReleaseResource)
    return found


def test_it_is_installed_only_where_it_is_wanted() -> None:
    """Without verifications nobody needs it."""
    assert not ArgoRollouts().enabled(a_platform())
    assert ArgoRollouts().enabled(a_platform(argo_rollouts={"enabled": True}))


def test_its_kinds_outlive_it() -> None:
    """AnalysisTemplates of applications would go with the CRDs."""
    assert release().values["keepCRDs"] is True


def test_the_chart_knows_every_value() -> None:
    """A misspelt key would be ignored by Helm."""
    assert unknown(release().values, "argo-rollouts/chart-values-2.41.0.yaml") == []


def test_the_persons_own_values_win() -> None:
    """They are merged last."""
    assert release(values={"controller": {"replicas": 3}}).values["controller"] == {"replicas": 3}
