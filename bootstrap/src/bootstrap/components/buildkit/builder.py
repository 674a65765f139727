"""The builders: one, or one for each platform; and the certificate that pipelines show them."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

from bootstrap.core.context import Context
from bootstrap.core.objects import Ref
from bootstrap.platform.platform import Platform

SERVER_SECRET, CLIENT_SECRET = "buildkitd-tls", "buildkit-client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """One StatefulSet and its Service."""

    name: str
    namespace: str
    architecture: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """What a pipeline needs to be let in, as PEM text."""

    ca: str
    certificate: str
    key: str = field(repr=False)


def builders(platform: Platform) -> Sequence[Builder]:
    """Return the builders of a platform, none where it has none."""
    wanted = platform.buildkit
    if not wanted.enabled:
        return ()
    return tuple(Builder(name=name, namespace=wanted.namespace, architecture=each) for name, each in wanted.builders.items())


def server_names(platform: Platform) -> list[str]:
    """Return every name that a builder is reached by."""
    suffixes = (
        "",
        f".{platform.buildkit.namespace}",
        f".{platform.buildkit.namespace}.svc",
        f".{platform.buildkit.namespace}.svc.cluster.local",
    )
    return ["localhost", *(f"{each.name}{suffix}" for each in builders(platform) for suffix in suffixes)]


def client_certificate(context: Context) -> ClientCertificate | None:
    """Return the certificate for pipelines (Woodpecker's secrets builder_ca, builder_cert and builder_key).

    None where BuildKit asks for none, or where cert-manager has not made it yet.
    """
    wanted = context.platform.buildkit
    if not wanted.enabled or not wanted.mtls:
        return None
    found = tls_secret(context, CLIENT_SECRET)
    if found is None:
        return None
    context.hide(found["tls.key"])
    return ClientCertificate(ca=found["ca.crt"], certificate=found["tls.crt"], key=found["tls.key"])


def tls_secret(context: Context, name: str) -> dict[str, str] | None:
    """Return the parts of a certificate's Secret, None until cert-manager has filled it."""
    live = context.cluster.get(Ref(api_version="v1", kind="Secret", name=name, namespace=context.platform.buildkit.namespace))
    data = (live or {}).get("data") or {}
    if not all(data.get(key) for key in ("ca.crt", "tls.crt", "tls.key")):
        return None
    return {key: base64.b64decode(data[key]).decode("ascii") for key in ("ca.crt", "tls.crt", "tls.key")}
