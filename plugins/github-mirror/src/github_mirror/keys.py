"""Private keys as people and secret stores hand them over: repaired, checked, and written so that ssh takes them.

What befalls them on the way: a lost last newline, CRLF, literal backslash-n, spaces or an indent for newlines, a byte order mark, quotes,
base64 around it all. The base64 inside survives each of these, so it is what is read, and the rest is made anew.
"""

import base64
import binascii
import hashlib
import json
import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from github_mirror.errors import SshKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    Usable = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

_MAGIC = b"openssh-key-v1\0"
_OPENSSH = "OPENSSH PRIVATE KEY"
_BLOCK = re.compile(r"-----BEGIN (?P<label>[A-Z0-9 ]+?)-----(?P<body>.*?)-----END (?P=label)-----", re.DOTALL)
_ARMOUR = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]+?-----")
_PEM_HEADER = re.compile(r"\b(?:Proc-Type|DEK-Info):")
_PUBLIC = re.compile(r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-[\w@.-]+)\s+AAAA")
_CERTIFICATE = re.compile(r"(?:ssh|ecdsa|sk)-[\w-]*-cert-v01@openssh\.com\s+AAAA")
_LINE = 64
# OpenSSH refuses shorter ones (RequiredRSASize), and GitHub does, too.
_SMALLEST_RSA = 2048
_MAKE = "make a new one with `ssh-keygen -t ed25519 -N '' -f deploy_key` and give the content of the file deploy_key"
_WHOLE = "give the content of the key file whole, from -----BEGIN to -----END and with its newlines"
# How many fields each kind has in the private part of an OpenSSH key, before its comment (openssh PROTOCOL.key, sshkey.c).
_FIELDS = {"ssh-ed25519": 2, "ssh-rsa": 6}
_ECDSA_FIELDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKey:
    """A private key that ssh takes, and what a person may know of it."""

    openssh: str = field(repr=False)
    """The content of the key file."""

    public: str
    """`ssh-ed25519 AAAA...`, as GitHub wants it for a deploy key; without the comment."""

    fingerprint: str
    """`SHA256:...`, as GitHub and ssh-keygen show it."""

    comment: str
    kind: str


def repair(text: str, *, setting: str = "ssh_key") -> PrivateKey:
    """Read a key in whatever shape it came; raises SshKeyError with what it is instead, and never with the value."""
    text = _unwrapped(text)
    armoured = [match for match in _BLOCK.finditer(text) if match["label"].endswith("PRIVATE KEY")]
    if not armoured:
        raise _not_a_key(text, setting)
    if len(armoured) > 1:
        raise SshKeyError(f"{setting} holds {len(armoured)} private keys", hint="give one key; ssh tries no second one")
    label, body = armoured[0]["label"], armoured[0]["body"]
    if label.startswith("ENCRYPTED") or _PEM_HEADER.search(body):
        raise _encrypted(setting)
    data = _decoded(body, setting)
    if label == _OPENSSH:
        _check_openssh(data, setting)
    return _described(_loaded(label, data, setting), _comment(data) if label == _OPENSSH else "", setting)


def _unwrapped(text: str) -> str:
    """Take off what a copy or a secret store put around the key."""
    text = text.strip().strip("\ufeff\0").strip()
    if text.startswith('"') and text.endswith('"'):
        try:
            text = str(json.loads(text, strict=False))
        except ValueError:
            text = text.strip('"')
    text = re.sub(r"\\+r\\+n|\\+n|\\+r", "\n", text.strip("'"))
    if "-----" not in text:
        inner = _base64("".join(text.split()))
        if inner is not None and b"-----BEGIN " in inner:
            return inner.decode("utf-8", "replace").strip()
    return text


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _not_a_key(text: str, setting: str) -> SshKeyError:
    """Say what the value is instead of a private key."""
    for pattern, sentence, hint in (
        (r"\s*\Z", "is empty", f"set it from a secret; {_MAKE}"),
        (r"PuTTY-User-Key-File-", "is a key of PuTTY (.ppk), which OpenSSH can't read", "export it in PuTTYgen: Conversions, OpenSSH key"),
        (_CERTIFICATE.pattern, "is a certificate of ssh, not a private key", "give the private key that the certificate was made for"),
        (
            rf"(?:{_PUBLIC.pattern})|-----BEGIN (?:\w+ )?PUBLIC KEY-----|---- BEGIN SSH2 PUBLIC KEY",
            "is a public key; the private one is needed here",
            "the public key goes to GitHub (repository, Settings, Deploy keys); give the file without .pub",
        ),
        (r"-----BEGIN CERTIFICATE", "is a certificate of TLS, not a private key of ssh", _MAKE),
        (r"[\[{]", "is JSON, not a private key", "give the key itself, not the document that holds it"),
        (r"SHA256:", "is the fingerprint of a key, not the key", _WHOLE),
        (
            r"[~./][^\n]{0,200}\Z",
            "is a path; the key itself is needed here",
            "give the file's content, or mount the file and set `ssh_key_file`",
        ),
    ):
        if re.match(pattern, text):
            return SshKeyError(f"{setting} {sentence}", hint=hint)
    marks = [mark[1] for mark in _ARMOUR.finditer(text)]
    if marks == ["BEGIN"]:
        return SshKeyError(f"{setting} is cut off: its -----END line is missing", hint=_WHOLE)
    if marks == ["END"]:
        return SshKeyError(f"{setting} is cut off: its -----BEGIN line is missing", hint=_WHOLE)
    if "-----" in text:
        return SshKeyError(
            f"{setting} is cut off or damaged: its -----BEGIN and -----END lines are not those of a private key", hint=_WHOLE
        )
    return SshKeyError(f"{setting} is not a private key: it has no -----BEGIN line", hint=_WHOLE)


def _encrypted(setting: str) -> SshKeyError:
    return SshKeyError(
        f"{setting} is encrypted with a passphrase, which nobody can type here",
        hint=f"a deploy key needs none: take it off with `ssh-keygen -p -N '' -f FILE`, or {_MAKE}",
    )


def _damaged(setting: str) -> SshKeyError:
    return SshKeyError(f"{setting} is cut off or damaged: it begins like a private key, but it is not a whole one", hint=_WHOLE)


def _decoded(body: str, setting: str) -> bytes:
    data = _base64("".join(body.split()))
    if not data:
        raise _damaged(setting)
    return data


def _check_openssh(data: bytes, setting: str) -> None:
    """Tell an encrypted key, and one for a security key, from a damaged one: to the library they look alike."""
    try:
        reader = _Fields(data.removeprefix(_MAGIC))
        cipher = reader.next()
        reader.next(2)  # name and options of the key derivation
        reader.number()
        kind = _Fields(reader.next()).next()
    except (struct.error, ValueError):
        raise _damaged(setting) from None
    if not data.startswith(_MAGIC):
        raise _damaged(setting)
    if cipher != b"none":
        raise _encrypted(setting)
    if kind.startswith(b"sk-"):
        raise SshKeyError(f"{setting} lives on a security key, which somebody would have to touch", hint=_MAKE)
    if kind == b"ssh-dss":
        raise SshKeyError(f"{setting} is a DSA key, which neither ssh nor GitHub accepts any more", hint=_MAKE)


def _loaded(label: str, data: bytes, setting: str) -> "Usable":
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  0.05 s that --help and --version don't pay
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    encoded = base64.b64encode(data).decode("ascii")
    lines = [encoded[begin : begin + _LINE] for begin in range(0, len(encoded), _LINE)]
    pem = "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode("ascii")
    load = serialization.load_ssh_private_key if label == _OPENSSH else serialization.load_pem_private_key
    try:
        key = load(pem, password=None)
    except UnsupportedAlgorithm:
        raise SshKeyError(f"{setting} is of a kind that ssh can't use", hint=_MAKE) from None
    except (ValueError, TypeError):
        # The library's words may quote the key.
        raise _damaged(setting) from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _SMALLEST_RSA:
        raise SshKeyError(f"{setting} is an RSA key of {key.key_size} bits, and ssh and GitHub want {_SMALLEST_RSA} or more", hint=_MAKE)
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name not in {"secp256r1", "secp384r1", "secp521r1"}:
        raise SshKeyError(f"{setting} is on the curve {key.curve.name}, which ssh does not know", hint=_MAKE)
    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise SshKeyError(f"{setting} is of a kind that ssh can't use", hint=_MAKE)
    return key


def _described(key: "Usable", comment: str, setting: str) -> PrivateKey:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  see _loaded
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")
    kind, _, blob = public.partition(" ")
    try:
        openssh = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode("ascii")
    except ValueError:
        raise _damaged(setting) from None
    return PrivateKey(openssh=openssh, public=public, fingerprint=fingerprint(base64.b64decode(blob)), comment=comment, kind=kind)


def fingerprint(blob: bytes) -> str:
    """Give the SHA256 fingerprint of a public key's blob, as ssh-keygen -l prints it."""
    return f"SHA256:{base64.b64encode(hashlib.sha256(blob).digest()).decode('ascii').rstrip('=')}"


def _comment(data: bytes) -> str:
    """Read the comment, which an OpenSSH key carries at the end of its private part; the library drops it."""
    try:
        reader = _Fields(data.removeprefix(_MAGIC))
        reader.next(3)  # cipher, name and options of the key derivation
        reader.number()
        reader.next()  # public key
        private = _Fields(reader.next())
        private.number(2)  # the check that a passphrase was right
        kind = private.next().decode("ascii")
        private.next(_FIELDS.get(kind, _ECDSA_FIELDS))
        comment = private.next().decode("utf-8", "replace")
    except (struct.error, ValueError):
        return ""
    return comment if comment.isprintable() else ""


class _Fields:
    """Length-prefixed fields, one after the other (RFC 4251, section 5); struct.error or ValueError at a premature end."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def number(self, count: int = 1) -> int:
        value = 0
        for _ in range(count):
            (value,) = struct.unpack_from(">I", self._data)
            self._data = self._data[4:]
        return int(value)

    def next(self, count: int = 1) -> bytes:
        value = b""
        for _ in range(count):
            length = self.number()
            if length > len(self._data):
                raise ValueError("the data ends before the field does")
            value, self._data = bytes(self._data[:length]), self._data[length:]
        return value
