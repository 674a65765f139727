"""The certificates of builders and pipelines: what cert-manager is asked for, and what it has made."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bootstrap.components.buildkit.builder import server_names
from bootstrap.core import diff
from bootstrap.core.change import State
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, Ref, load_manifest
from bootstrap.core.readiness import condition
from bootstrap.core.resource import ObjectResource
from bootstrap.platform.platform import Platform

SERVER_SECRET, CLIENT_SECRET = "buildkitd-tls", "buildkit-client"
CA, CERTIFICATE, KEY = "ca.crt", "tls.crt", "tls.key"
_ready = condition("Ready")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What is in the Secret of a certificate, as PEM texts by key; None while it is going to change in this run, `reason` until when."""

    parts: Mapping[str, str] | None = field(default=None, repr=False)
    reason: str = ""


def certificates(platform: Platform) -> Sequence[ObjectResource]:
    """Return the CA and the two certificates, with their issuers."""
    return [ObjectResource(manifest=manifest, ready=_ready) for manifest in _manifests(platform)]


def issued(context: Context, secret: str) -> Issued:
    """Look what a Secret holds; what it is made of may be about to change, and is Later then for whoever needs it."""
    namespace = context.platform.buildkit.namespace
    (certificate,) = (each for each in _manifests(context.platform) if each["spec"].get("secretName") == secret)
    live = context.cluster.get(Ref(api_version=certificate["apiVersion"], kind="Certificate", name=secret, namespace=namespace))
    filled = context.cluster.get(Ref(api_version="v1", kind="Secret", name=secret, namespace=namespace))
    data = (filled or {}).get("data") or {}
    if not all(data.get(key) for key in (CA, CERTIFICATE, KEY)):
        return Issued(reason=f"cert-manager has filled Secret {namespace}/{secret}")
    if live is None or diff.declared({"spec": live["spec"]}, {"spec": certificate["spec"]}):
        return Issued(reason=f"cert-manager has seen the change of Certificate {namespace}/{secret}")
    if (seen := _ready(live)).state is not State.READY:
        return Issued(reason=f"Certificate {namespace}/{secret} is ready ({seen.message})")
    parts = {key: base64.b64decode(data[key]).decode("ascii") for key in (CA, CERTIFICATE, KEY)}
    context.hide(parts[KEY])
    return Issued(parts=parts)


def _manifests(platform: Platform) -> Sequence[Manifest]:
    values = {"namespace": platform.buildkit.namespace, "server": SERVER_SECRET, "client": CLIENT_SECRET, "names": server_names(platform)}
    return load_manifest(__package__, "certificates.yaml", values)
