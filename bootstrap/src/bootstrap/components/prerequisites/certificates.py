"""cert-manager and the issuer that somebody else has installed."""

from bootstrap.core import readiness
from bootstrap.core.change import State
from bootstrap.core.context import Context
from bootstrap.core.errors import AbsentError, BootstrapError, ClusterError
from bootstrap.core.objects import Ref
from bootstrap.platform.platform import Platform

API_VERSION = "cert-manager.io/v1"
_INSTALL = "or set `prerequisites.cert_manager.mode: install`"


def cert_manager(context: Context) -> None:
    """See that cert-manager is there and its webhook answers."""
    if not context.cluster.serves(API_VERSION, "Certificate"):
        raise BootstrapError(
            "cert-manager is not installed: nobody makes the certificates of the ingresses", hint=f"install it, {_INSTALL}"
        )
    wanted = context.platform.prerequisites.cert_manager
    certificate = {
        "apiVersion": API_VERSION,
        "kind": "Certificate",
        # `default` is in every cluster; a dry-run leaves nothing there.
        "metadata": {"name": "bootstrap-probe", "namespace": "default"},
        "spec": {
            "secretName": "bootstrap-probe",
            "dnsNames": [f"probe.{context.platform.domain}"],
            "issuerRef": {"name": wanted.issuer, "kind": wanted.issuer_kind},
        },
    }
    try:
        context.cluster.apply(certificate, dry_run=True)
    except AbsentError:
        raise
    except ClusterError as error:
        raise BootstrapError(
            "cert-manager does not take a certificate: its webhook is not in order",
            details=[error.message, *error.details],
            hint=f"look at the pod cert-manager-webhook: kubectl get pods -A -l app.kubernetes.io/name=webhook; {_INSTALL}",
        ) from error


def issuer(context: Context, namespace: str | None) -> None:
    """See that the issuer is there and ready; of a ClusterIssuer there is one, an Issuer is needed in each namespace."""
    wanted = context.platform.prerequisites.cert_manager
    ref = Ref(api_version=API_VERSION, kind=wanted.issuer_kind, name=wanted.issuer, namespace=namespace)
    live = context.cluster.get(ref)
    if live is None:
        there = ", ".join(
            sorted(each["metadata"]["name"] for each in context.cluster.list(API_VERSION, wanted.issuer_kind, namespace=namespace))
        )
        raise BootstrapError(
            f"there is no {ref.label}",
            details=[f"there is: {there}"] if there else [],
            hint=f"set `prerequisites.cert_manager.issuer` to one that is there, make it, {_INSTALL}",
        )
    seen = readiness.condition("Ready")(live)
    if seen.state is not State.READY:
        raise BootstrapError(f"{ref.label} is not ready: {seen.message}", hint=f"kubectl describe {ref.kind.lower()} {ref.name}")


def issuer_namespaces(platform: Platform) -> list[str | None]:
    """Return where the issuer has to be: None for all namespaces at once, else those with an ingress."""
    if platform.prerequisites.cert_manager.issuer_kind == "ClusterIssuer":
        return [None]
    found = [platform.woodpecker.chart.namespace, platform.argo_cd.chart.namespace, platform.kargo.chart.namespace]
    found += [platform.registry.namespace] if platform.registry.mode == "install" else []
    found += [platform.gitea.namespace] if platform.gitea.mode == "install" else []
    found += [platform.market_gate.namespace] if platform.guarded and platform.market_gate.host else []
    return list(dict.fromkeys(found))
