"""cert-manager from its chart, and an issuer whose CA is kept in a Secret of record."""

from collections.abc import Sequence

from bootstrap.components.authority import new_authority, parted
from bootstrap.components.encoding import encoded
from bootstrap.components.trust import RECORD, RECORD_KEY, certificates_kept, makes_ca
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import load_manifest
from bootstrap.core.record import RecordResource
from bootstrap.core.release import release_of
from bootstrap.core.resource import Awaited, Resource, objects
from bootstrap.platform.platform import Platform


class CertManager:
    """What makes the certificates of the ingresses, where `prerequisites.cert_manager.mode` is `install`."""

    name = "cert-manager"
    title = "cert-manager"
    needs: tuple[str, ...] = ("namespaces",)

    def enabled(self, platform: Platform) -> bool:
        """Tell whether it is installed here."""
        return makes_ca(platform)

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return the CA, the release, and the issuer that signs with the CA."""
        wanted = context.platform.prerequisites.cert_manager
        if wanted.issuer_kind != "ClusterIssuer":
            raise BootstrapError(
                "prerequisites.cert_manager.issuer_kind is Issuer, and an issuer that is installed here has to serve all namespaces",
                hint="leave `issuer_kind` out, or make the Issuers yourself and set `mode: external`",
            )
        kept = certificates_kept(context.platform)
        # In a record, and not made by cert-manager: its namespace may go, and nodes and people trust this CA by hand.
        record = RecordResource(
            name=RECORD,
            values={RECORD_KEY: lambda: new_authority(f"{context.platform.name} CA")},
            purpose=f"key and certificate of the CA behind {wanted.issuer_kind} {wanted.issuer}",
        )
        # Without the CRDs all certificates would go, and the ingresses of what `down` keeps with them.
        release = release_of(wanted.chart, {"crds": {"enabled": True, "keep": True}}, kept=kept)
        secret = f"{wanted.issuer}-ca"
        pem = context.records.value(RECORD, RECORD_KEY)
        if pem is None:
            label = f"Secret {wanted.chart.namespace}/{secret}"
            issuer = f"{wanted.issuer_kind} {wanted.issuer}"
            return [record, release, *(Awaited(label=each, reason=f"{record.label} is there") for each in (label, issuer))]
        key, certificate = parted(pem)
        values = {
            "namespace": wanted.chart.namespace,
            "secret": secret,
            "issuer": wanted.issuer,
            "key": encoded(key),
            "certificate": encoded(certificate),
        }
        return [record, release, *objects(load_manifest(__package__, "issuer.yaml", values), kept=kept)]
