"""Private keys as they come out of secrets, against OpenSSH's own programs."""

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from github_mirror import keys
from github_mirror.errors import SshKeyError

KINDS = {
    "ed25519": ("-t", "ed25519"),
    "ecdsa-256": ("-t", "ecdsa", "-b", "256"),
    "ecdsa-384": ("-t", "ecdsa", "-b", "384"),
    "ecdsa-521": ("-t", "ecdsa", "-b", "521"),
    "rsa-2048": ("-t", "rsa", "-b", "2048"),
    "rsa-3072": ("-t", "rsa", "-b", "3072"),
}
FORMATS = ("openssh", "pem", "pkcs8")
# There is no PEM format of ed25519 keys.
COMBINATIONS = [(kind, form) for kind in KINDS for form in FORMATS if (kind, form) != ("ed25519", "pem")]

KeyFiles = dict[tuple[str, str], tuple[str, str]]

MANGLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "no last newline": str.strip,
    "CRLF": lambda key: key.replace("\n", "\r\n"),
    "CR only": lambda key: key.replace("\n", "\r"),
    "literal backslash-n": lambda key: key.replace("\n", "\\n"),
    "literal backslash-r-backslash-n": lambda key: key.replace("\n", "\\r\\n"),
    "twice escaped": lambda key: key.replace("\n", "\\\\n"),
    "spaces for newlines": lambda key: key.replace("\n", " "),
    "no newlines at all": lambda key: key.replace("\n", ""),
    "indented": lambda key: "".join(f"    {line}\n" for line in key.splitlines()),
    "tabs": lambda key: "".join(f"\t{line}\t\n" for line in key.splitlines()),
    "blank lines around": lambda key: f"\n\n{key}\n\n",
    "blank lines between": lambda key: key.replace("\n", "\n\n"),
    "byte order mark": lambda key: f"\ufeff{key}",
    "byte order mark and blank lines": lambda key: f"\n\ufeff\n{key}",
    "double quotes": lambda key: f'"{key}"',
    "single quotes": lambda key: f"'{key}'",
    "JSON string": json.dumps,
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 in lines": lambda key: base64.encodebytes(key.encode()).decode(),
    "text around it": lambda key: f"deploy key of the shop:\n{key}\nthat was it",
    "with the public key": lambda key: f"{key}ssh-ed25519 AAAA me@here\n",
}


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    """Make each kind of key in each format that OpenSSH writes; gives private and public by kind and format."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for kind, form in COMBINATIONS:
        path = folder / f"{kind}-{form}"
        run("ssh-keygen", "-q", "-N", "", "-C", f"{kind} of Ada", "-f", path, *KINDS[kind])
        if form == "pkcs8":
            path.write_text(as_pkcs8(path.read_text()))
        elif form == "pem":
            run("ssh-keygen", "-q", "-p", "-P", "", "-N", "", "-m", "PEM", "-f", path)
        made[kind, form] = path.read_text(), " ".join(path.with_suffix(".pub").read_text().split()[:2])
    return made


def run(*argv: object) -> str:
    """Run a program of OpenSSH."""
    return subprocess.run(list(map(str, argv)), check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def as_pkcs8(text: str) -> str:
    """Write a key in PKCS#8, which ssh-keygen refuses for ed25519."""
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key  # noqa: PLC0415

    key = load_ssh_private_key(text.encode(), password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("mangling", MANGLINGS)
@pytest.mark.parametrize(("kind", "form"), COMBINATIONS)
def test_a_mangled_key_is_repaired(key_files: KeyFiles, tmp_path: Path, kind: str, form: str, mangling: str) -> None:
    """Whatever befell it on the way, ssh accepts the result and it is the same key."""
    private, public = key_files[kind, form]
    key = keys.repair(MANGLINGS[mangling](private))
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(key.openssh)
    assert key.public == public
    assert run("ssh-keygen", "-y", "-f", path).split()[:2] == public.split()


@pytest.mark.parametrize("kind", KINDS)
def test_the_comment_is_read_from_an_openssh_key(key_files: KeyFiles, kind: str) -> None:
    """It is what tells a person which of the keys this is."""
    assert keys.repair(key_files[kind, "openssh"][0]).comment == f"{kind} of Ada"


def test_other_formats_have_no_comment(key_files: KeyFiles) -> None:
    """PEM has no place for one."""
    assert keys.repair(key_files["rsa-2048", "pem"][0]).comment == ""


@pytest.mark.parametrize(("kind", "expected"), [("ed25519", "ssh-ed25519"), ("ecdsa-384", "ecdsa-sha2-nistp384"), ("rsa-2048", "ssh-rsa")])
def test_the_kind_is_named_as_ssh_does(key_files: KeyFiles, kind: str, expected: str) -> None:
    """The word in front of a public key."""
    assert keys.repair(key_files[kind, "openssh"][0]).kind == expected


def test_a_key_does_not_show_itself(key_files: KeyFiles) -> None:
    """Neither a log nor a traceback may have the secret."""
    key = keys.repair(key_files["ed25519", "openssh"][0])
    assert "BEGIN" not in repr(key)
    assert key.openssh not in repr(key)


def encrypted(folder: Path, *options: str) -> str:
    """Make a key with a passphrase."""
    path = folder / "encrypted"
    run("ssh-keygen", "-q", "-N", "correct horse", "-f", path, *options)
    return path.read_text()


@pytest.mark.parametrize("mangling", ["as it is", "CRLF", "literal backslash-n", "spaces for newlines", "indented", "base64"])
@pytest.mark.parametrize(
    "options",
    [("-t", "ed25519"), ("-t", "rsa", "-b", "2048", "-m", "PEM"), ("-t", "ecdsa", "-m", "PKCS8"), ("-t", "rsa", "-b", "2048")],
    ids=["openssh", "pem", "pkcs8", "openssh-rsa"],
)
def test_an_encrypted_key_says_so(tmp_path: Path, options: tuple[str, ...], mangling: str) -> None:
    """A passphrase can't be typed in a pipeline, and it is not mistaken for damage."""
    with pytest.raises(SshKeyError, match="encrypted with a passphrase") as caught:
        keys.repair(MANGLINGS[mangling](encrypted(tmp_path, *options)))
    assert "ssh-keygen -p" in str(caught.value.hint)


ED25519 = """-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACC1ip4VO3dGVjCq5NBgHHd3FOp8UbYIVYzQc4yVpAL1ZwAAAJj3bs9i927P
"""

NO_KEYS = {
    "empty": ("", "is empty"),
    "blank": (" \n\t\n", "is empty"),
    "only a byte order mark": ("\ufeff", "is empty"),
    "public key": ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0 ada@example", "is a public key"),
    "public RSA key": ("ssh-rsa AAAAB3NzaC1yc2E", "is a public key"),
    "public ECDSA key": ("ecdsa-sha2-nistp256 AAAAE2VjZHNh ada", "is a public key"),
    "public key, RFC 4716": ('---- BEGIN SSH2 PUBLIC KEY ----\nComment: "x"\nAAAA\n---- END SSH2 PUBLIC KEY ----', "is a public key"),
    "public key, PEM": ("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", "is a public key"),
    "public key, PKCS#1": ("-----BEGIN RSA PUBLIC KEY-----\nMFkw\n-----END RSA PUBLIC KEY-----", "is a public key"),
    "ssh certificate": ("ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQ ada", "is a certificate of ssh"),
    "RSA certificate": ("ssh-rsa-cert-v01@openssh.com AAAAIHNzaC1l ada", "is a certificate of ssh"),
    "TLS certificate": ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "is a certificate of TLS"),
    "PuTTY key": ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\n", "is a key of PuTTY"),
    "JSON object": ('{"ssh_key": "SECRETVALUE"}', "is JSON"),
    "JSON list": ('["SECRETVALUE"]', "is JSON"),
    "fingerprint": ("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", "is the fingerprint"),
    "path": ("/root/.ssh/id_ed25519", "is a path"),
    "path in a home": ("~/.ssh/id_ed25519", "is a path"),
    "no end": (ED25519, "is cut off: its -----END line is missing"),
    "no begin": ("c2gtZWQyNTUxOQ==\n-----END OPENSSH PRIVATE KEY-----", "is cut off: its -----BEGIN line is missing"),
    "truncated": (f"{ED25519}-----END OPENSSH PRIVATE KEY-----", "is cut off or damaged"),
    "no content": ("-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----", "is cut off or damaged"),
    "half an end line": (f"{ED25519}-----END OPENSSH PRIV", "is cut off"),
    "no base64": ("-----BEGIN OPENSSH PRIVATE KEY-----\n$SECRETVALUE\n-----END OPENSSH PRIVATE KEY-----", "is cut off or damaged"),
    "truncated PEM": ("-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----", "is cut off or damaged"),
    "name of a secret": ("GITHUB_DEPLOY_KEY", "has no -----BEGIN line"),
    "base64 of something else": (base64.b64encode(b"SECRETVALUE" * 9).decode(), "has no -----BEGIN line"),
    "two keys": (2 * f"{ED25519}-----END OPENSSH PRIVATE KEY-----\n", "holds 2 private keys"),
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_what_is_no_private_key_is_called_by_its_name(name: str) -> None:
    """One sentence says what the value is, a hint what to do, and nothing repeats the value."""
    value, sentence = NO_KEYS[name]
    with pytest.raises(SshKeyError) as caught:
        keys.repair(value)
    said = f"{caught.value.message} {caught.value.hint} {caught.value.details}"
    assert sentence in caught.value.message
    assert caught.value.message.startswith("ssh_key ")
    assert caught.value.hint
    for part in ("SECRETVALUE", "b3BlbnNzaC1rZXktdjE", "MIIEow", "GITHUB_DEPLOY_KEY", "id_ed25519"):
        assert part not in said
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("form", ["openssh", "pem", "pkcs8"])
def test_a_key_that_lost_its_last_lines_is_damaged(key_files: KeyFiles, form: str, keep: float) -> None:
    """With its END line still there a shortened key is told from a good one."""
    lines = key_files["rsa-2048", form][0].splitlines()
    body = lines[1:-1]
    with pytest.raises(SshKeyError, match="cut off or damaged"):
        keys.repair("\n".join([lines[0], *body[: int(len(body) * keep)], lines[-1]]))


def serialised(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey | ed448.Ed448PrivateKey) -> str:
    """Write a key in PKCS#8."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: serialised(rsa.generate_private_key(65537, 1024)), "is an RSA key of 1024 bits"),
        (lambda: serialised(ec.generate_private_key(ec.SECP256K1())), "is on the curve secp256k1"),
        (lambda: serialised(ed448.Ed448PrivateKey.generate()), "is of a kind that ssh can't use"),
        (lambda: serialised(dsa.generate_private_key(2048)), "is of a kind that ssh can't use"),
    ],
    ids=["short RSA", "curve of another trade", "ed448", "DSA"],
)
def test_a_key_that_ssh_refuses_is_refused_here(make: Callable[[], str], sentence: str) -> None:
    """It would fail at the server with less to go on."""
    with pytest.raises(SshKeyError) as caught:
        keys.repair(make())
    assert sentence in caught.value.message


def test_the_sentence_names_the_setting() -> None:
    """There are two settings that hold keys."""
    with pytest.raises(SshKeyError, match=r"^source_ssh_key is empty"):
        keys.repair("", setting="source_ssh_key")


@pytest.mark.parametrize("kind", KINDS)
def test_fingerprints_are_those_of_ssh_keygen(key_files: KeyFiles, tmp_path: Path, kind: str) -> None:
    """So that they can be compared with GitHub's page."""
    private, public = key_files[kind, "openssh"]
    path = tmp_path / "key.pub"
    path.write_text(f"{public}\n")
    assert keys.repair(private).fingerprint == run("ssh-keygen", "-l", "-f", path).split()[1]


def test_public_format_is_what_github_takes(key_files: KeyFiles) -> None:
    """It is printed for whoever adds the key."""
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key  # noqa: PLC0415

    public = keys.repair(key_files["rsa-2048", "pkcs8"][0]).public
    assert load_ssh_public_key(public.encode()).public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() == public
