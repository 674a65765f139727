"""Component 0: everything that must be there is looked at, at once, before anything is changed."""

from collections.abc import Sequence
from functools import partial

from bootstrap.components.prerequisites import api, certificates, classes, inside
from bootstrap.components.registry.client import registry
from bootstrap.core.context import Context
from bootstrap.core.resource import Check, Resource
from bootstrap.platform.platform import Platform


class Prerequisites:
    """Observed and never guessed: each check names what is missing and what to do."""

    name = "prerequisites"
    title = "Prerequisites"
    needs: tuple[str, ...] = ()

    def enabled(self, platform: Platform) -> bool:
        """Every platform has some."""
        del platform
        return True

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return the checks, and the pods that look from inside."""
        platform = context.platform
        checks = [
            Check(label="Version of Kubernetes", look=api.version),
            Check(label="Rights on the cluster", look=api.rights),
            Check(label=f"IngressClass {platform.prerequisites.ingress.class_name}", look=classes.ingress_class),
        ]
        for name in classes.storage_classes(platform):
            label = f"StorageClass {name}" if name else "Default StorageClass"
            checks.append(Check(label=label, look=partial(classes.storage_class, name=name)))
        wanted = platform.prerequisites.cert_manager
        if wanted.mode == "external":
            checks.append(Check(label="cert-manager", look=certificates.cert_manager))
            for namespace in certificates.issuer_namespaces(platform):
                label = f"{wanted.issuer_kind} {f'{namespace}/' if namespace else ''}{wanted.issuer}"
                checks.append(Check(label=label, look=partial(certificates.issuer, namespace=namespace)))
        if platform.registry.mode == "external":
            checks.append(Check(label=f"Registry {platform.registry.host}", look=_registry))
        targets = inside.targets(platform)
        probes = [inside.network_probe(platform, targets)] if targets else []
        volumes = inside.volume_probe(platform)
        return [*checks, *probes, *([volumes] if volumes else [])]


def _registry(context: Context) -> None:
    with registry(context) as opened:
        opened.ping()
