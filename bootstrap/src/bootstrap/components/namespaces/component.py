"""The namespaces that the platform needs: those of its parts, of Kargo projects, of integration tests and of applications."""

from collections.abc import Mapping, Sequence

from bootstrap.components.trust import certificates_kept, makes_ca
from bootstrap.core.context import Context
from bootstrap.core.objects import load_manifest
from bootstrap.core.resource import ObjectResource, Resource
from bootstrap.platform.namespaces import NamespaceUse, Use, uses
from bootstrap.platform.platform import Platform

_KEPT: Mapping[Use, str] = {
    Use.PLATFORM: "it holds the Secrets of record and the records of break-glass; `bootstrap down --forget-secrets` deletes it",
    Use.SERVICE: "Gitea and the registry are kept",
    Use.APPLICATION: "applications go on running",
    Use.KARGO: "it holds the Freight, and may hold Secrets of yours; its Kargo project is deleted",
}
# Without the second one, deleting the Project deletes the namespace and all that is in it.
_PROJECT_LABELS = {"kargo.akuity.io/project": "true"}
_PROJECT_ANNOTATIONS = {"kargo.akuity.io/keep-namespace": "true"}


class Namespaces:
    """Makes the namespaces; `down` deletes those in which only the platform is."""

    name = "namespaces"
    title = "Namespaces"
    needs: tuple[str, ...] = ()

    def enabled(self, platform: Platform) -> bool:
        """Every platform has some."""
        del platform
        return True

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return one namespace for each that is used, the platform's own first: it is the last one that `down` deletes."""
        first: dict[str, NamespaceUse] = {}
        for each in uses(context.platform):
            if _is_made(context.platform, each):
                first.setdefault(each.name, each)
        return [_namespace(context, each) for each in first.values()]


def _is_made(platform: Platform, each: NamespaceUse) -> bool:
    match each.use:
        case Use.ARC:
            # It is there, and is to go.
            return False
        case Use.SERVICE:
            section = platform.gitea if each.at[0] == "gitea" else platform.registry
            return section.mode == "install"
    return True


def _namespace(context: Context, each: NamespaceUse) -> ObjectResource:
    is_project = each.use is Use.KARGO
    values = {
        "name": each.name,
        "labels": _PROJECT_LABELS if is_project else None,
        "annotations": _PROJECT_ANNOTATIONS if is_project else None,
    }
    (manifest,) = load_manifest(__package__, "namespace.yaml", values)
    kept = _KEPT.get(each.use, "")
    if makes_ca(context.platform) and each.name == context.platform.prerequisites.cert_manager.chart.namespace:
        kept = kept or certificates_kept(context.platform)
    if each.use is Use.PLATFORM and context.options.forget_secrets:
        kept = ""
    return ObjectResource(manifest=manifest, kept=kept)
