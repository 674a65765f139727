"""A nightly Job beside each volume for exports, with the rights to read what it writes there."""

from collections.abc import Iterator, Sequence

import yaml

from bootstrap.backup.scope import Scope, Target, targets
from bootstrap.components.api_ports import api_ports
from bootstrap.components.backup.job import ExportJob
from bootstrap.components.backup.rights import cluster_rules, rules
from bootstrap.components.images.component import BOOTSTRAP
from bootstrap.components.registry.access import pull_secret, pull_secrets
from bootstrap.core.context import Context
from bootstrap.core.objects import load_manifest
from bootstrap.core.resource import ObjectResource, Resource
from bootstrap.platform.platform import Platform

NAME = "backup"


class Backup:
    """The nightly export."""

    name = "backup"
    title = "Nightly backup"
    needs: tuple[str, ...] = ("namespaces", "storage", "images", "argo-cd", "kargo")

    def enabled(self, platform: Platform) -> bool:
        """Tell whether there is a volume to export to."""
        return any(targets(platform))

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return the Jobs with their rights."""
        return [resource for target in targets(context.platform) for resource in _resources(context, target)]


def _resources(context: Context, target: Target) -> Iterator[Resource]:
    platform = context.platform
    scope = Scope.of(platform, target.parts)
    account = {"account": NAME, "account_namespace": target.namespace}
    if secret := pull_secret(context, target.namespace):
        yield secret
    # The account beside the other volume may read in the same namespace, and other platforms have accounts of these names.
    name = f"{platform.name}-{NAME}-{target.namespace}"
    manifests = load_manifest(__package__, "cluster-rights.yaml", {"name": name, "rules": list(cluster_rules(scope)), **account})
    for namespace, wanted in rules(scope).items():
        values: dict[str, object] = {"name": name, "namespace": namespace, "rules": list(wanted), **account}
        manifests += load_manifest(__package__, "rights.yaml", values)
    for manifest in manifests:
        yield ObjectResource(manifest=manifest, replaceable=manifest["kind"].endswith("Binding"))
    values = {
        "name": NAME,
        "namespace": target.namespace,
        "scope": yaml.safe_dump(dict(scope.document()), sort_keys=False),
        "schedule": platform.backup.schedule,
        "time_zone": platform.backup.time_zone,
        "secrets": pull_secrets(context),
        "user": platform.backup.user,
        "image": platform.backup.image or platform.image(BOOTSTRAP),
        "claim": target.claim,
        "ports": api_ports(context),
    }
    for manifest in load_manifest(__package__, "job.yaml", values):
        yield ExportJob(manifest=manifest) if manifest["kind"] == "CronJob" else ObjectResource(manifest=manifest)
