"""A registry of our own: one pod on a volume, behind the ingress with TLS."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bootstrap.components.encoding import encoded
from bootstrap.components.prerequisites.inside import network_probe, registry_target
from bootstrap.components.registry.access import RECORD, RECORD_KEY, htpasswd
from bootstrap.components.registry.client import UNREACHED, RegistryTroubleError, registry
from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.clock import Deadline
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import load_manifest
from bootstrap.core.readiness import condition
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import ObjectResource, Resource, objects
from bootstrap.platform.platform import Platform

_KEPT = "it holds the images that run"


class ContainerRegistry:
    """The registry, where `registry.mode` is `install`; `down` leaves it alone."""

    name = "registry"
    title = "Registry"
    needs: tuple[str, ...] = ("namespaces",)

    def enabled(self, platform: Platform) -> bool:
        """Tell whether it is installed here."""
        return platform.registry.mode == "install"

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return the volume, the pod, and the way to it."""
        platform = context.platform
        wanted, install, prerequisites = platform.registry, platform.registry.install, platform.prerequisites
        if wanted.host != wanted.hostname:
            raise BootstrapError(
                f"registry.host is {wanted.host}, and the ingress in front of a registry that is installed here has port 443",
                hint=f"write {wanted.hostname}",
            )
        line = htpasswd(context)
        record = RecordResource(name=RECORD, given={RECORD_KEY: line}, purpose="what the registry checks logins against") if line else None
        values = {"namespace": wanted.namespace}
        volume = {**values, "size": install.size, "storage_class": install.storage_class or prerequisites.storage_class}
        # The registry reads the file again when it changes, but a kubelet takes a minute to bring it; a new pod has it at once.
        digest = hashlib.sha256(line.encode()).hexdigest() if line else None
        pod = {**values, "image": install.image, "login_digest": digest, **_login(line)}
        controller = prerequisites.ingress
        network = {**values, "ingress_namespace": controller.namespace, "ingress_labels": dict(controller.pod_labels)}
        issuer = prerequisites.cert_manager
        names = {**values, "host": wanted.hostname, "tls_secret": install.tls_secret}
        files: list[tuple[str, Mapping[str, object]]] = [("volume.yaml", volume), ("registry.yaml", pod), ("network.yaml", network)]
        if line:
            files.insert(1, ("login.yaml", {**values, "htpasswd": encoded(line)}))
        manifests = [each for file, given in files for each in load_manifest(__package__, file, given)]
        (certificate,) = load_manifest(
            __package__, "certificate.yaml", {**names, "issuer_kind": issuer.issuer_kind, "issuer": issuer.issuer}
        )
        (ingress,) = load_manifest(__package__, "ingress.yaml", {**names, "class_name": controller.class_name})
        return [
            *([record] if record else []),
            *objects(manifests, kept=_KEPT),
            ObjectResource(manifest=certificate, ready=condition("Ready"), kept=_KEPT),
            Entrance(manifest=ingress, kept=_KEPT),
            network_probe(platform, [registry_target(platform)], name="probe-registry"),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance(ObjectResource):
    """The ingress; it is in order when the registry answers behind it."""

    def verify(self, context: Context, deadline: Deadline) -> None:
        """Wait until it answers, with the right certificate."""

        def look() -> Readiness:
            try:
                with registry(context) as opened:
                    opened.ping()
            except RegistryTroubleError as error:
                return Readiness(state=State.PROGRESSING, message=error.message)
            return READY

        context.waiter.wait(self.label, look, deadline=deadline, refs=[self.ref], hint=UNREACHED)


def _login(line: str | None) -> dict[str, object]:
    """Return what the pod needs to ask for a login; all of it is left out where it lets everybody in."""
    return {
        # Either of these alone, even empty, would switch logins on.
        "auth_realm": {"name": "REGISTRY_AUTH_HTPASSWD_REALM", "value": "registry"} if line else None,
        "auth_file": {"name": "REGISTRY_AUTH_HTPASSWD_PATH", "value": "/auth/htpasswd"} if line else None,
        "mount": {"name": "login", "mountPath": "/auth", "readOnly": True} if line else None,
        "login": {"name": "login", "secret": {"secretName": "registry-htpasswd"}} if line else None,
    }
