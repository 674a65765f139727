"""Argo Rollouts from its chart."""

from collections.abc import Sequence

from bootstrap.core.context import Context
from bootstrap.core.objects import load_manifest
from bootstrap.core.release import release_of
from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform


class ArgoRollouts:
    """What runs verifications, where `argo_rollouts.enabled`; before Kargo, which looks for it when it starts."""

    name = "argo-rollouts"
    title = "Argo Rollouts"
    needs: tuple[str, ...] = ("namespaces",)

    def enabled(self, platform: Platform) -> bool:
        """Tell whether it is installed."""
        return platform.argo_rollouts.enabled

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return the release."""
        (values,) = load_manifest(__package__, "values.yaml")
        return [release_of(context.platform.argo_rollouts.chart, values)]
