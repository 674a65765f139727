"""Every page of the platform shows a certificate that is trusted, and that does not end soon."""

import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from bootstrap.components.prerequisites.certificates import API_VERSION
from bootstrap.components.trust import ca_pem
from bootstrap.core.objects import Manifest
from bootstrap.core.readiness import conditions
from bootstrap.platform.platform import Platform
from bootstrap.verify.finding import Finding, Looked, Row, joined
from bootstrap.verify.names import unresolved
from bootstrap.verify.scene import Scene
from bootstrap.verify.times import length, of_condition
from plugin_kit import parallel
from plugin_kit.console import counted
from plugin_kit.http import tls_context

SOON = timedelta(days=30)
_HTTPS = 443
# By the number that OpenSSL gives them (X509_V_ERR_...): its end has passed, and it is of another name.
_CAUSES = {10: "", 62: "an ingress controller shows one of its own where the Secret of the Ingress is not there yet; "}
_UNTRUSTED = "is it signed by the CA that `ca` of platform.yaml names? "


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a certificate is shown."""

    service: str
    host: str
    port: int = _HTTPS


def places(platform: Platform) -> tuple[Place, ...]:
    """Return every name that browsers, nodes and pods know a part of the platform by, where it speaks TLS."""
    hosts = [("Woodpecker", platform.woodpecker.host), ("Argo CD", platform.argo_cd.host), ("Kargo", platform.kargo.host)]
    if platform.guarded and platform.market_gate.host:
        hosts.append(("market-gate", platform.market_gate.host))
    found = [Place(service=service, host=host) for service, host in hosts]
    gitea = urlsplit(platform.gitea.endpoint.public_url)
    if gitea.scheme == "https":
        found.insert(0, Place(service="Gitea", host=gitea.hostname or "", port=gitea.port or _HTTPS))
    if not platform.registry.plain_http:
        port = urlsplit(f"//{platform.registry.host}").port
        found.append(Place(service="registry", host=platform.registry.hostname, port=port or _HTTPS))
    return tuple(found)


def _look(scene: Scene) -> Looked:
    try:
        trust = tls_context(ca_pem(scene.context) or None)
    except ValueError as error:
        problem = f"the CA that `ca` names can't be used: {error}"
        return Looked(at="`ca`", findings=(Finding(where="", problem=problem, hint="try: openssl x509 -in FILE -noout -text"),))
    certificates = scene.context.cluster.list(API_VERSION, "Certificate")
    wanted = places(scene.platform)
    seen = parallel.each(lambda place: _place(scene, place, trust, certificates), wanted)
    ends = [end for end, _ in seen if end]
    first = f", the first ends {min(ends):%d %b %Y}" if ends else ""
    return Looked(at=f"{counted(len(wanted), 'name')}{first}", findings=joined(finding for _, found in seen for finding in found))


def _place(scene: Scene, place: Place, trust: ssl.SSLContext, certificates: Sequence[Manifest]) -> tuple[datetime | None, list[Finding]]:
    made = next((each for each in certificates if place.host in ((each.get("spec") or {}).get("dnsNames") or ())), None)
    where = f"{place.host} ({place.service})"
    try:
        end = _end(scene, place, trust)
    except ssl.SSLCertVerificationError as error:
        return None, [_bad(where, error, made)]
    except (OSError, ssl.SSLError) as error:
        if finding := unresolved(scene, place.host, error):
            return None, [replace(finding, where=where)]
        hint = "this machine must resolve the name to the ingress controller: kubectl get ingress -A"
        return None, [Finding(where=where, problem=f"it can't be reached with TLS: {error}", hint=hint)]
    return end, list(_ending(scene, where, end, made))


def _end(scene: Scene, place: Place, trust: ssl.SSLContext) -> datetime:
    with scene.connect(place.host, place.port) as plain, trust.wrap_socket(plain, server_hostname=place.host) as line:
        shown = line.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)


def _ending(scene: Scene, where: str, end: datetime, made: Manifest | None) -> Iterator[Finding]:
    left = end - scene.now()
    trouble = _not_ready(made)
    if left <= SOON:
        why = f": {trouble}" if trouble else ""
        problem = f"its certificate ends in {length(left)}, on {end:%d %b %Y}, and should have been renewed{why}"
        yield Finding(
            where=where,
            problem=problem,
            hint=_remedy(made),
            is_warning=True,
            begun=of_condition(made, "Ready") if made and trouble else None,
        )
    elif trouble and made:
        problem = f"cert-manager can't renew its certificate: {trouble}"
        yield Finding(where=where, problem=problem, hint=_remedy(made), is_warning=True, begun=of_condition(made, "Ready"))


def _bad(where: str, error: ssl.SSLCertVerificationError, made: Manifest | None) -> Finding:
    trouble = _not_ready(made)
    problem = f"its certificate is refused: {error.verify_message}{f'; cert-manager says: {trouble}' if trouble else ''}"
    hint = f"{'' if trouble else _CAUSES.get(error.verify_code, _UNTRUSTED)}{_remedy(made)}"
    return Finding(where=where, problem=problem, hint=hint, begun=of_condition(made, "Ready") if made and trouble else None)


def _not_ready(made: Manifest | None) -> str:
    found = conditions(made).get("Ready") if made else None
    if found is None or found.get("status") == "True":
        return ""
    return str(found.get("message") or found.get("reason") or "it is not ready")


def _remedy(made: Manifest | None) -> str:
    if made is None:
        return "kubectl get certificates -A shows what cert-manager makes; this one may have been made by hand"
    name, namespace = made["metadata"]["name"], made["metadata"].get("namespace")
    return f"kubectl -n {namespace} describe certificate {name}; to have it made anew: cmctl renew -n {namespace} {name}"


ROW = Row(name="certificates", title="TLS certificates", how="a TLS handshake with each name, with the platform's CA", look=_look)
