"""A Gitea of our own: one pod with SQLite on a volume, behind the ingress with TLS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bootstrap.components.encoding import encoded
from bootstrap.components.forge import RECORD, git_login
from bootstrap.components.gitea.administrator import MARK, AdministratorResource
from bootstrap.components.gitea.snapshot import Snapshot, workload_ref
from bootstrap.components.web import gitea_web
from bootstrap.core.change import Readiness, State
from bootstrap.core.clock import Deadline
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.core.fingerprint import fingerprint
from bootstrap.core.objects import Ref, load_manifest
from bootstrap.core.readiness import condition
from bootstrap.core.resource import Awaited, ObjectResource, Resource, objects
from bootstrap.gitea import probe
from bootstrap.gitea.errors import WebError
from bootstrap.platform.platform import Platform

SECRET_KEY = "secret-key"  # noqa: S105  a key of the record
SECRET = "gitea-administrator"  # noqa: S105  the name of one
_KEPT = "it holds the repositories"


def installation(context: Context, seen: Snapshot) -> Sequence[Resource]:
    """Return the Secret, the volume, the pod, the way to it, and the administrator that the pod makes before it starts."""
    platform = context.platform
    host = _host(platform)
    wanted, install, controller = platform.gitea, platform.gitea.install, platform.prerequisites.ingress
    issuer = platform.prerequisites.cert_manager
    values = {"namespace": wanted.namespace}
    names = {**values, "host": host, "tls_secret": install.tls_secret}
    volume = {**values, "size": install.size, "storage_class": install.storage_class or platform.prerequisites.storage_class}
    network = {
        **values,
        "ingress_namespace": controller.namespace,
        "ingress_labels": dict(controller.pod_labels),
        "readers": _readers(platform),
    }
    files: list[tuple[str, Mapping[str, object]]] = [
        ("volume.yaml", volume),
        ("service.yaml", {**values, "ssh_port": wanted.ssh_port}),
        ("network.yaml", network),
    ]
    manifests = [each for file, given in files for each in load_manifest(__package__, file, given)]
    certified = {**names, "issuer_kind": issuer.issuer_kind, "issuer": issuer.issuer}
    (certificate,) = load_manifest(__package__, "certificate.yaml", certified)
    (ingress,) = load_manifest(__package__, "ingress.yaml", {**names, "class_name": controller.class_name})
    mark, pods = _pods(context, host)
    return [
        *objects(manifests, kept=_KEPT),
        *pods,
        ObjectResource(manifest=certificate, ready=condition("Ready"), kept=_KEPT),
        Entrance(manifest=ingress, kept=_KEPT),
        AdministratorResource(name=wanted.admin.name, snapshot=seen, started=mark),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance(ObjectResource):
    """The ingress; it is in order when Gitea answers behind it."""

    def verify(self, context: Context, deadline: Deadline) -> None:
        """Wait until it answers, with the right certificate."""

        def look() -> Readiness:
            try:
                return probe.readiness(gitea_web(context))
            except WebError as error:
                return Readiness(state=State.PROGRESSING, message=error.message)

        hint = f"see that {context.platform.gitea.endpoint.bootstrap_url} leads to the ingress, or set `gitea.endpoint.bootstrap_url`"
        context.waiter.wait(self.label, look, deadline=deadline, refs=[self.ref, workload_ref(context.platform)], hint=hint)


def _pods(context: Context, host: str) -> tuple[str, Sequence[Resource]]:
    """Return the Secret of the administrator and the Deployment, and the mark by which the pod is known that has seen this Secret."""
    platform = context.platform
    wanted, admin, ref = platform.gitea, platform.gitea.admin, workload_ref(platform)
    login, key = git_login(context), context.records.value(RECORD, SECRET_KEY)
    if login is None or key is None:
        secret = Ref(api_version="v1", kind="Secret", name=SECRET, namespace=wanted.namespace)
        return "", [Awaited(label=each.label, reason=f"Secret of record {RECORD} is there") for each in (secret, ref)]
    given = {
        "namespace": wanted.namespace,
        "name": SECRET,
        "username": encoded(admin.name),
        "email": encoded(admin.email),
        "password": encoded(login.password),
        "secret_key": encoded(key),
    }
    mark = fingerprint(key, admin.name, admin.email, login.password)
    pod = {
        "namespace": wanted.namespace,
        "name": ref.name,
        "image": wanted.install.image,
        "mark_name": MARK,
        "mark": mark,
        "secret": SECRET,
        "root_url": f"{wanted.endpoint.public_url}/",
        "host": host,
        "ssh_port": str(wanted.ssh_port),
    }
    manifests = [*load_manifest(__package__, "administrator.yaml", given), *load_manifest(__package__, "gitea.yaml", pod)]
    return mark, objects(manifests, kept=_KEPT)


def _host(platform: Platform) -> str:
    """Return the name of the ingress; BootstrapError for an address or a workload that can't be had."""
    wanted = platform.gitea
    parts = urlsplit(wanted.endpoint.public_url)
    if parts.scheme != "https" or parts.port not in {None, 443} or parts.path:
        raise BootstrapError(
            f"gitea.endpoint.public_url is {wanted.endpoint.public_url}, and the ingress in front of a Gitea that is installed here has "
            "https on port 443, and no path",
            hint=f"write https://{parts.hostname}",
        )
    if wanted.workload.kind != "Deployment":
        raise BootstrapError(
            f"gitea.workload.kind is {wanted.workload.kind}, and a Gitea that is installed here is a Deployment",
            hint="leave `gitea.workload` out; it is for a Gitea that is there already",
        )
    return parts.hostname or ""


def _readers(platform: Platform) -> list[str]:
    """Return the namespaces whose pods clone."""
    parts = (platform.woodpecker, platform.argo_cd, platform.kargo)
    return list(dict.fromkeys((*(part.chart.namespace for part in parts), platform.woodpecker.workspace.namespace)))
