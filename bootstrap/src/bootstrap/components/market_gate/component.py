"""The gate itself, behind its Service; stages ask it before a promotion."""

import hashlib
from collections.abc import Iterator, Sequence

from bootstrap.components.api_ports import api_ports
from bootstrap.components.market_gate.address import NAME, PORT, gate_url
from bootstrap.components.market_gate.configuration import configuration
from bootstrap.components.market_gate.network import callers
from bootstrap.components.registry.access import pull_secret, pull_secrets
from bootstrap.core.context import Context
from bootstrap.core.objects import load_manifest
from bootstrap.core.readiness import condition
from bootstrap.core.resource import ObjectResource, Resource, objects
from bootstrap.platform.platform import Platform

IMAGE = "market-gate"
ANALYSIS_TEMPLATE = "market-hours-check"


class MarketGate:
    """What says whether a promotion may run now, where a stage has a `gate`. It keeps nothing: records are the cluster's."""

    name = "market-gate"
    title = "Market gate"
    needs: tuple[str, ...] = ("namespaces", "images", "kargo", "break-glass")

    def enabled(self, platform: Platform) -> bool:
        """Tell whether a stage is guarded."""
        return bool(platform.guarded)

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return its rights, configuration, pods, and who may reach them."""
        return list(_resources(context))


def _resources(context: Context) -> Iterator[Resource]:
    platform = context.platform
    namespace = platform.market_gate.namespace
    # In the platform's own namespace the images bring it along.
    if namespace != platform.namespace and (secret := pull_secret(context, namespace)):
        yield secret
    text = configuration(platform)
    here: dict[str, object] = {"name": NAME, "namespace": namespace}
    for manifest in load_manifest(__package__, "rights.yaml", {**here, "records": platform.namespace}):
        yield ObjectResource(manifest=manifest, replaceable=manifest["kind"] == "RoleBinding")
    yield from objects(load_manifest(__package__, "configuration.yaml", {**here, "text": text}))
    network = {**here, "port": PORT, "callers": callers(platform), "api_ports": api_ports(context)}
    yield from objects(load_manifest(__package__, "network.yaml", network))
    pods = {
        **here,
        "replicas": platform.market_gate.replicas,
        "image": platform.image(IMAGE),
        "secrets": pull_secrets(context),
        "port": PORT,
        # It reads its file only when it starts: a configuration that differs is a new pod.
        "digest": hashlib.sha256(text.encode()).hexdigest()[:16],
    }
    yield from objects(load_manifest(__package__, "gate.yaml", pods))
    yield from _entrance(platform)
    if platform.market_gate.analysis_template:
        for project in platform.guarded:
            values = {"name": ANALYSIS_TEMPLATE, "project": project, "url": gate_url(platform)}
            yield from objects(load_manifest(__package__, "analysis-template.yaml", values))


def _entrance(platform: Platform) -> Iterator[Resource]:
    wanted, prerequisites = platform.market_gate, platform.prerequisites
    if wanted.host is None:
        return
    names = {"namespace": wanted.namespace, "host": wanted.host, "tls_secret": wanted.tls_secret}
    issuer = prerequisites.cert_manager
    values = {**names, "issuer_kind": issuer.issuer_kind, "issuer": issuer.issuer}
    for manifest in load_manifest(__package__, "certificate.yaml", values):
        yield ObjectResource(manifest=manifest, ready=condition("Ready"))
    ingress = {**names, "name": NAME, "class_name": prerequisites.ingress.class_name}
    yield from objects(load_manifest(__package__, "ingress.yaml", ingress))
