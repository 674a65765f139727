"""A private CA and what it signs, as files for servers and as PEM text for settings."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from devtools.registry import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A client's certificate and key in PEM form."""

    cert: str
    key: str


class Authority:
    """A CA; its servers take clients of the same CA where they ask for certificates."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(self.file)

    @property
    def file(self) -> Path:
        """The file of the CA's certificate."""
        return self._folder / "ca.pem"

    @property
    def pem(self) -> str:
        """The CA's certificate."""
        return self._ca.cert_pem.bytes().decode()

    def server(self, name: str, *, asks_clients: bool = False, bare: bool = False) -> Certificate:
        """Issue a certificate for a host of the network; a `bare` one has no extension but its name, as many a private CA makes them."""
        issued = self._ca.issue_cert(name, "localhost", "127.0.0.1")
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        cert.write_bytes(self._bared(chain) if bare else chain)
        issued.private_key_pem.write_to_path(key)
        return Certificate(cert=cert, key=key, client_ca=self.file if asks_clients else None)

    def _bared(self, pem: bytes) -> bytes:
        """Sign a certificate again without its key identifiers."""
        issued = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), password=None)
        assert isinstance(key, EllipticCurvePrivateKey)
        names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        builder = x509.CertificateBuilder(issued.issuer, issued.subject, issued.public_key(), issued.serial_number)
        times = builder.not_valid_before(issued.not_valid_before_utc).not_valid_after(issued.not_valid_after_utc)
        return times.add_extension(names, critical=False).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def client(self, name: str) -> Pair:
        """Issue a client's certificate."""
        issued = self._ca.issue_cert(name)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        return Pair(cert=chain.decode(), key=issued.private_key_pem.bytes().decode())
