"""Encryption of secrets in the format of age, which other programs read, too: `age -d -i KEYFILE FILE.yaml.age`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyrage import DecryptError, IdentityError, decrypt, encrypt, x25519

from bootstrap.core.errors import BootstrapError

_ENCRYPTED = "age-encryption.org/"
_ARMOURED = "-----BEGIN AGE ENCRYPTED FILE-----"


class SealError(BootstrapError):
    """A secret of a backup can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """Private keys."""

    file: Path
    keys: Sequence[x25519.Identity] = field(repr=False)

    @classmethod
    def read(cls, file: Path) -> "Identities":
        """Read a file as age-keygen writes it: a key in each line, and comments."""
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise SealError(f"the private key {file} can't be read: {error.strerror}", hint="name its file with --identity") from error
        if text.startswith((_ENCRYPTED, _ARMOURED)):
            raise SealError(f"{file} is encrypted itself", hint=f"age -d {file} > key.txt, then --identity key.txt")
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        try:
            keys = [x25519.Identity.from_str(line) for line in lines]
        except IdentityError:
            # Never the line: it may be a key with a typing error.
            keys = []
        if not keys:
            raise SealError(f"{file} holds no private key of age", hint="a line of it begins with AGE-SECRET-KEY-1")
        return cls(file=file, keys=keys)

    @property
    def recipients(self) -> tuple[str, ...]:
        """The public keys that belong to them."""
        return tuple(str(key.to_public()) for key in self.keys)

    def open(self, sealed: bytes, *, what: str, recipients: Sequence[str]) -> bytes:
        """Decrypt; SealError names the public key that the private one is needed of."""
        try:
            return bytes(decrypt(sealed, list(self.keys)))
        except DecryptError as error:
            raise SealError(
                f"{what} can't be decrypted with {self.file}",
                details=[f"it is encrypted for {', '.join(recipients)}", f"{self.file} is the private key of {', '.join(self.recipients)}"],
                hint="name the file with the right private key with --identity; without it nobody can read the secrets of this backup",
            ) from error


def seal(content: bytes, recipients: Sequence[str]) -> bytes:
    """Encrypt so that each of the recipients' private keys opens it."""
    return bytes(encrypt(content, [x25519.Recipient.from_str(recipient) for recipient in recipients]))


def new_identity(file: Path) -> str:
    """Write a private key to a file that must not be there yet, and return the public one."""
    key = x25519.Identity.generate()
    public = str(key.to_public())
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SealError(f"{file} exists already", hint="a private key is never overwritten; name another file") from None
    except OSError as error:
        raise SealError(f"{file} can't be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(f"# public key: {public}\n{key}\n")
    return public
