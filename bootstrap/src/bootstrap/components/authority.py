"""A certificate authority of our own, for clusters that have none."""

from datetime import UTC, datetime, timedelta

# Nodes and browsers are told by hand to trust it: nobody wants to do that every year.
VALID = timedelta(days=3650)
# Machines whose clocks are behind must take it, too.
_BEFORE = timedelta(hours=1)


def new_authority(name: str) -> str:
    """Make a CA and return its key and its certificate as one PEM text, so that they can't be parted when they are stored."""
    # Here, since this is needed once in the life of a platform and takes long to load.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.now(UTC) - _BEFORE
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), begin, begin + VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (secret + certificate.public_bytes(serialization.Encoding.PEM)).decode("ascii")


def parted(pem: str) -> tuple[str, str]:
    """Return key and certificate of what `new_authority` has made."""
    key, begin, certificate = pem.partition("-----BEGIN CERTIFICATE-----")
    return key, begin + certificate
