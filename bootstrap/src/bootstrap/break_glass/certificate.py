"""A person's own certificate, signed by the cluster: key and request are made here, and only the request leaves this machine."""

import base64
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.clock import Deadline
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError, ForbiddenError
from bootstrap.core.objects import Manifest, Ref

API_VERSION = "certificates.k8s.io/v1"
KIND = "CertificateSigningRequest"
SIGNER = "kubernetes.io/kube-apiserver-client"
# The API server takes nothing shorter.
SHORTEST = timedelta(minutes=10)
_APPROVED, _DENIED, _FAILED = "Approved", "Denied", "Failed"
_UNSIGNED = (
    "kube-controller-manager signs these with the cluster's own CA; some hosted clusters don't, and let people in by OIDC:"
    " then add the names that they have there to `break_glass.operators`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A signed certificate with its key."""

    pem: bytes
    key: bytes = field(repr=False)
    expires: datetime


def issue(context: Context, *, name: str, groups: Sequence[str], length: timedelta, deadline: Deadline) -> Certificate:
    """Have a certificate signed for a person; what was made for that on the cluster is gone afterwards."""
    key = ec.generate_private_key(ec.SECP256R1())
    asked = _request(name, groups, key)
    try:
        pem = _signed(context, _manifest(asked, length), deadline)
    except ForbiddenError as error:
        raise BootstrapError(
            "you may not have certificates signed on this cluster",
            details=error.details,
            hint=f"it takes an administrator: who may create CertificateSigningRequests, and `approve` those for the signer {SIGNER}",
        ) from error
    found = x509.load_pem_x509_certificate(pem)
    if found.public_key() != key.public_key() or found.subject != asked.subject:
        raise BootstrapError(
            f"the cluster signed a certificate for {found.subject.rfc4514_string()}, not the one that was asked for",
            hint="something on the cluster answers in place of its own signer; look for what approves and signs certificates there",
        )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context.hide(private.decode())
    return Certificate(pem=pem, key=private, expires=found.not_valid_after_utc)


def _signed(context: Context, manifest: Manifest, deadline: Deadline) -> bytes:
    cluster = context.cluster
    made = cluster.create(manifest)
    ref = Ref(api_version=API_VERSION, kind=KIND, name=manifest["metadata"]["name"])
    try:
        cluster.replace(_approved(made), part="approval")
        context.waiter.wait(ref.label, lambda: _look(context, ref), deadline=deadline, hint=_UNSIGNED)
        return base64.b64decode((cluster.get(ref) or {})["status"]["certificate"])
    finally:
        # Else the cluster does it, after an hour.
        with suppress(BootstrapError):
            cluster.delete(ref)


def _request(name: str, groups: Sequence[str], key: ec.EllipticCurvePrivateKey) -> x509.CertificateSigningRequest:
    # The API server takes the common name for the user, and each organisation for a group.
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject)).sign(key, hashes.SHA256())


def _manifest(asked: x509.CertificateSigningRequest, length: timedelta) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": f"local-cicd-operator-{secrets.token_hex(5)}"},
        "spec": {
            "request": base64.b64encode(asked.public_bytes(serialization.Encoding.PEM)).decode(),
            "signerName": SIGNER,
            "usages": ["client auth"],
            "expirationSeconds": int(length.total_seconds()),
        },
    }


def _approved(made: Manifest) -> Manifest:
    condition = {
        "type": _APPROVED,
        "status": "True",
        "reason": "BootstrapOperatorAdd",
        "message": "Approved by who ran `bootstrap operator add`.",
    }
    return {**made, "apiVersion": API_VERSION, "kind": KIND, "status": {**(made.get("status") or {}), "conditions": [condition]}}


def _look(context: Context, ref: Ref) -> Readiness:
    live = context.cluster.get(ref)
    if live is None:
        return Readiness(state=State.FAILED, message="somebody has deleted it")
    status = live.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") in {_DENIED, _FAILED}:
            said = condition.get("message") or condition.get("reason") or "without a reason"
            return Readiness(state=State.FAILED, message=f"{str(condition['type']).lower()}: {said}")
    return READY if status.get("certificate") else Readiness(state=State.PROGRESSING, message="is approved and not signed yet")
