"""Which CA is trusted beside those of the system; every part of the platform that speaks TLS asks here."""

from bootstrap.components.authority import parted
from bootstrap.components.given import object_value, text_of_file
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.platform.platform import Platform

RECORD = "ca"
RECORD_KEY = "authority.pem"
_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_WHAT = "the CA that `ca` names"


def ca_pem(context: Context) -> str:
    """Return CA certificates as PEM text, empty where the system's are enough.

    They are those that `ca` names and, where cert-manager is installed by the platform, the CA of its issuer, as soon as that is made.
    """
    given, own = given_ca(context), _own_ca(context)
    # Who has copied it into `ca` has it in there.
    return given if own in given else given + own


def awaits_ca(context: Context) -> bool:
    """Tell whether one is still to come: what is made of the others alone would have to be changed a moment later."""
    return makes_ca(context.platform) and not _own_ca(context)


def given_ca(context: Context) -> str:
    """Return what `ca` names, empty where it says nothing."""
    bundle = context.platform.ca
    if bundle is None:
        return ""
    if bundle.file is not None:
        pem = text_of_file(context, bundle.file, what=_WHAT)
    elif bundle.secret is not None:
        pem = object_value(context, "Secret", bundle.secret, what=_WHAT)
    else:
        assert bundle.config_map is not None  # noqa: S101  the model has exactly one of the three
        pem = object_value(context, "ConfigMap", bundle.config_map, what=_WHAT)
    if _BEGIN not in pem:
        raise BootstrapError(
            f"{_WHAT} is no certificate in PEM form", hint=f"it has a line {_BEGIN}; of a TLS Secret take tls.crt or ca.crt"
        )
    # The Secret of a CA issuer may hold the key beside the certificate; only certificates are handed on.
    return "".join(f"{_BEGIN}{part.partition(_END)[0]}{_END}\n" for part in pem.split(_BEGIN)[1:])


def makes_ca(platform: Platform) -> bool:
    """Tell whether the platform has a CA of its own."""
    return platform.prerequisites.cert_manager.mode == "install"


def certificates_kept(platform: Platform) -> str:
    """Say why `down` leaves cert-manager where it is; empty where it goes with the rest."""
    kept = [name for name, part in (("Gitea", platform.gitea), ("the registry", platform.registry)) if part.mode == "install"]
    return f"it renews the certificate of {' and '.join(kept)}, which is kept" if makes_ca(platform) and kept else ""


def _own_ca(context: Context) -> str:
    pem = context.records.value(RECORD, RECORD_KEY) if makes_ca(context.platform) else None
    return parted(pem)[1] if pem else ""
