"""Argo CD from its chart, behind the ingress with TLS, trusting the platform's CA."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from bootstrap.components.ingress import issuer_annotations
from bootstrap.components.trust import RECORD as CA_RECORD
from bootstrap.components.trust import awaits_ca, ca_pem
from bootstrap.core.context import Context
from bootstrap.core.objects import load_manifest
from bootstrap.core.release import release_of
from bootstrap.core.resource import Awaited, ObjectResource, Resource
from bootstrap.platform.platform import Platform

# Argo CD makes this one itself.
BUILT_IN_PROJECT = "default"


class ArgoCd:
    """What brings the charts in Git to the cluster; the repositories and Applications of projects come later, each for itself."""

    name = "argo-cd"
    title = "Argo CD"
    needs: tuple[str, ...] = ("namespaces",)

    def enabled(self, platform: Platform) -> bool:
        """Every platform has one."""
        del platform
        return True

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return the release, and the AppProject of the Applications where it is not Argo CD's own."""
        platform = context.platform
        wanted, ingress = platform.argo_cd, platform.prerequisites.ingress
        ca = ca_pem(context)
        (values,) = load_manifest(
            __package__,
            "values.yaml",
            {
                "host": wanted.host,
                "certificates": dict.fromkeys(tls_hosts(platform), ca) if ca else None,
                "class_name": ingress.class_name,
                "annotations": issuer_annotations(platform),
                "tls_secret": wanted.tls_secret,
            },
        )
        release = release_of(wanted.chart, values)
        if awaits_ca(context):
            return [Awaited(label=release.label, reason=f"Secret of record {CA_RECORD} is there"), *_app_project(context)]
        return [release, *_app_project(context)]


def tls_hosts(platform: Platform) -> list[str]:
    """Return the hosts whose certificates the platform's CA has signed and that Argo CD reads from: Gitea, and charts in the registry."""
    found: list[str | None] = []
    if not platform.gitea.endpoint.plain_http:
        found.append(urlsplit(platform.gitea.endpoint.cluster_url).hostname)
    if not platform.registry.plain_http:
        found.append(platform.registry.hostname)
    # They become keys of a ConfigMap, which can't hold the colons of an IPv6 address.
    return [host for host in dict.fromkeys(found) if host and ":" not in host]


def _app_project(context: Context) -> list[Resource]:
    wanted = context.platform.argo_cd
    if wanted.project == BUILT_IN_PROJECT:
        return []
    values = {
        "name": wanted.project,
        "namespace": wanted.chart.namespace,
        "platform": context.platform.name,
        "gitea": context.platform.gitea.endpoint.cluster_url,
    }
    # An AppProject that is there already is somebody's policy, and is left as it is.
    return [ObjectResource(manifest=each, create_only=True) for each in load_manifest(__package__, "app-project.yaml", values)]
