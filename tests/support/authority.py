"""A private CA and what it signs, as files for servers and as PEM text for settings."""

from dataclasses import dataclass
from pathlib import Path

import trustme

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

    def server(self, name: str, *, asks_clients: bool = False) -> Certificate:
        """Issue a certificate for a host of the network."""
        issued = self._ca.issue_cert(name, "localhost", "127.0.0.1")
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        for number, blob in enumerate(issued.cert_chain_pems):
            blob.write_to_path(cert, append=number > 0)
        issued.private_key_pem.write_to_path(key)
        return Certificate(cert=cert, key=key, client_ca=self.file if asks_clients else None)

    def client(self, name: str) -> Pair:
        """Issue a client's certificate."""
        issued = self._ca.issue_cert(name)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        return Pair(cert=chain.decode(), key=issued.private_key_pem.bytes().decode())
