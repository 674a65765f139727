"""BuildKit with a cache that stays, and mTLS in front of it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bootstrap.components.buildkit.builder import Builder, builders
from bootstrap.components.buildkit.certificate import SERVER_SECRET, Issued, certificates, issued
from bootstrap.components.buildkit.configuration import CA_FILE, TLS, buildkitd_toml
from bootstrap.components.buildkit.security import FORMS, PodSecurity
from bootstrap.components.registry.access import pull_secret, pull_secrets
from bootstrap.components.trust import awaits_ca, ca_pem
from bootstrap.core.context import Context
from bootstrap.core.objects import load_manifest
from bootstrap.core.resource import Awaited, ObjectResource, Resource, objects
from bootstrap.platform.buildkit import PORT
from bootstrap.platform.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildKit:
    """The builders, their certificates, and who may reach them."""

    name: str = "buildkit"
    title: str = "BuildKit"
    needs: tuple[str, ...] = ("namespaces", "images")

    def enabled(self, platform: Platform) -> bool:
        """Tell whether it is installed here."""
        return platform.buildkit.enabled

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return certificates, configuration, builders, and the policy in front of them."""
        platform = context.platform
        wanted = platform.buildkit
        namespace = wanted.namespace
        found: list[Resource] = [PodSecurity(namespace=namespace)]
        if secret := pull_secret(context, namespace):
            found.append(secret)
        if wanted.mtls:
            found += certificates(platform)
        values = {"namespace": namespace, "pipelines": platform.woodpecker.workspace.namespace, "port": PORT}
        found += objects(load_manifest(__package__, "network.yaml", values))
        for builder in builders(platform):
            values = {"namespace": namespace, "name": builder.name, "port": PORT}
            found += objects(load_manifest(__package__, "service.yaml", values))
        labels = [f"StatefulSet {namespace}/{builder.name}" for builder in builders(platform)]
        if awaits_ca(context):
            waiting = (f"ConfigMap {namespace}/buildkitd", *labels)
            return [*found, *(Awaited(label=each, reason="the CA of the platform is made") for each in waiting)]
        ca = ca_pem(context)
        toml = buildkitd_toml(platform, ca=bool(ca), socket=FORMS[wanted.privileges].socket)
        values = {"namespace": namespace, "toml": toml, "ca": ca or None}
        found += objects(load_manifest(__package__, "configuration.yaml", values))
        certificate = issued(context, SERVER_SECRET) if wanted.mtls else Issued(parts={})
        if certificate.parts is None:
            return [*found, *(Awaited(label=label, reason=certificate.reason) for label in labels)]
        # buildkitd reads both only when it starts; a configuration or certificate that differs is a new pod.
        digest = hashlib.sha256("\n".join((toml, ca, *sorted(certificate.parts.values()))).encode()).hexdigest()
        return [*found, *(each for builder in builders(platform) for each in _builder(context, builder, digest, ca=bool(ca)))]


def _builder(context: Context, builder: Builder, digest: str, *, ca: bool) -> Iterator[ObjectResource]:
    platform, wanted = context.platform, context.platform.buildkit
    form = FORMS[wanted.privileges]
    values = {
        "namespace": builder.namespace,
        "name": builder.name,
        "replicas": wanted.replicas,
        "image": platform.image(form.image),
        "secrets": pull_secrets(context),
        "digest": digest,
        "port": PORT,
        "arguments": ["--config", "/etc/buildkit/buildkitd.toml", *form.arguments],
        "socket": form.socket,
        "folder": form.folder,
        "pod_security": form.pod,
        "container_security": form.container,
        "nodes": {"kubernetes.io/arch": builder.architecture} if builder.architecture else None,
        "size": wanted.storage.size,
        "storage_class": wanted.storage.storage_class or platform.prerequisites.storage_class,
        "tls_mount": {"name": "tls", "mountPath": TLS, "readOnly": True} if wanted.mtls else None,
        "tls_volume": {"name": "tls", "secret": {"secretName": SERVER_SECRET, "defaultMode": 0o444}} if wanted.mtls else None,
        "ca_mount": {"name": "configuration", "mountPath": CA_FILE, "subPath": "ca.pem", "readOnly": True} if ca else None,
    }
    yield from objects(load_manifest(__package__, "buildkitd.yaml", values))
