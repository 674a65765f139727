"""Kargo from its chart, behind the ingress with TLS, trusting the platform's CA."""

import hashlib
from collections.abc import Sequence

from bootstrap.components.encoding import encoded
from bootstrap.components.ingress import issuer_annotations
from bootstrap.components.kargo.account import HASH, SIGNING_KEY, Account, account
from bootstrap.components.kargo.webhooks import Webhooks
from bootstrap.components.trust import RECORD as CA_RECORD
from bootstrap.components.trust import awaits_ca, ca_pem
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, load_manifest
from bootstrap.core.release import release_of
from bootstrap.core.resource import Awaited, ObjectResource, Resource, objects
from bootstrap.platform.platform import Platform

ACCOUNT_SECRET = "kargo-admin-account"  # noqa: S105  the name of one; not kargo-api, which the chart makes by itself where it may
CA_CONFIG_MAP = "platform-ca"
_BEGIN = "-----BEGIN CERTIFICATE-----"


class Kargo:
    """What promotes; the projects come later, each for itself."""

    name = "kargo"
    title = "Kargo"
    # It looks for the kinds of Argo Rollouts and Argo CD when it starts, and does without what it does not find.
    needs: tuple[str, ...] = ("namespaces", "cert-manager", "argo-rollouts", "argo-cd")

    def enabled(self, platform: Platform) -> bool:
        """Every platform has one."""
        del platform
        return True

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return the administrator's account, the CA that Kargo trusts, the release, and its webhooks."""
        platform = context.platform
        namespace = platform.kargo.chart.namespace
        admin, ca = account(context), ca_pem(context)
        awaited = [f"ConfigMap {namespace}/{CA_CONFIG_MAP}"] if awaits_ca(context) else []
        certificates = [] if awaited else objects(_ca(namespace, ca))
        secret = f"Secret {namespace}/{ACCOUNT_SECRET}"
        if not admin.values:
            release = release_of(platform.kargo.chart, {}).label
            later = [Awaited(label=label, reason=f"{admin.record.label} is there") for label in (secret, *awaited, release)]
            return [admin.record, *certificates, *later, Webhooks(release=release)]
        (manifest,) = load_manifest(
            __package__,
            "account.yaml",
            {
                "name": ACCOUNT_SECRET,
                "namespace": namespace,
                "hash": encoded(admin.values[HASH]),
                "key": encoded(admin.values[SIGNING_KEY]),
            },
        )
        release_resource = release_of(platform.kargo.chart, values(platform, admin, ca))
        resources: list[Resource] = [admin.record, *certificates, ObjectResource(manifest=manifest)]
        if awaited:
            reason = f"Secret of record {CA_RECORD} is there"
            resources += [Awaited(label=label, reason=reason) for label in (*awaited, release_resource.label)]
        else:
            resources.append(release_resource)
        return [*resources, Webhooks(release=release_resource.label)]


def values(platform: Platform, admin: Account, ca: str) -> Manifest:
    """Return what the chart is given; `ca` is PEM text, empty where the system's CAs are enough."""
    ingress = platform.prerequisites.ingress
    (found,) = load_manifest(
        __package__,
        "values.yaml",
        {
            "host": platform.kargo.host,
            "class_name": ingress.class_name,
            "annotations": issuer_annotations(platform),
            "tls_secret": platform.kargo.tls_secret,
            "account_secret": ACCOUNT_SECRET,
            "account_digest": admin.digest,
            "ca_config_map": CA_CONFIG_MAP if ca else None,
            "ca_digest": hashlib.sha256(ca.encode()).hexdigest()[:16] if ca else None,
            "argo_cd_url": platform.argo_cd.public_url,
            "argo_cd_namespace": platform.argo_cd.chart.namespace,
            "plain_http": platform.gitea.endpoint.plain_http,
            "rollouts": platform.argo_rollouts.enabled,
        },
    )
    return found


def _ca(namespace: str, ca: str) -> list[Manifest]:
    certificates = {f"ca-{number}.crt": f"{_BEGIN}{text}" for number, text in enumerate(ca.split(_BEGIN)[1:], start=1)}
    if not certificates:
        return []
    return load_manifest(__package__, "ca.yaml", {"name": CA_CONFIG_MAP, "namespace": namespace, "certificates": certificates})
