"""Whom ssh may talk to: GitHub's own host keys, and those that the `known_hosts` setting gives.

Nothing is ever learned from the network: what a host shows is only read in order to say in a refusal what was seen.
"""

import base64
import binascii
import contextlib
import fnmatch
import hashlib
import hmac
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Self

from github_mirror.errors import HostKeyError
from github_mirror.keys import fingerprint
from github_mirror.remote import Remote

_KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
_HARDWARE = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
_MARKERS = ("@cert-authority", "@revoked")
_SEEN_SECONDS = 10.0
_GITHUB_PAGE = "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """A line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""

    hosts: str
    kind: str
    blob: bytes
    marker: str = ""

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line; raises ValueError with a sentence."""
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if marker and marker not in _MARKERS:
            raise ValueError(f"{marker} is no mark that ssh knows")
        if any(word.startswith(("SHA256:", "MD5:")) for word in words):
            raise ValueError("it holds a fingerprint, from which ssh can't tell the key; give the line that `ssh-keyscan` prints")
        if words and words[0] in _KINDS + _HARDWARE:
            raise ValueError(f"it begins with {words[0]}; the host that has this key must stand in front")
        hosts, kind, encoded = (*words, "", "", "")[:3]
        if not encoded:
            raise ValueError("a line must be: host, kind of key, key")
        if kind not in _KINDS + _HARDWARE:
            raise ValueError(f"{kind} is no kind of host key; {', '.join(_KINDS)} are")
        try:
            blob = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            blob = b""
        if not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
            raise ValueError(f"its {kind} key is cut off or damaged")
        return cls(hosts=hosts, kind=kind, blob=blob, marker=marker)

    @property
    def fingerprint(self) -> str:
        """`SHA256:...`, as ssh-keygen -l prints it."""
        return fingerprint(self.blob)

    @property
    def line(self) -> str:
        """The line of a known_hosts file."""
        encoded = base64.b64encode(self.blob).decode("ascii")
        return f"{self.marker} {self.hosts} {self.kind} {encoded}".lstrip()

    def is_for(self, remote: Remote) -> bool:
        """Whether ssh looks at this line when it connects to the remote's host.

        With a port it looks for the line with the port first, then for one without (openssh sshconnect.c, check_host_key).
        """
        return any(self._names(place) for place in {remote.place, remote.host})

    def _names(self, place: str) -> bool:
        if self.hosts.startswith("|1|"):
            return _is_hash_of(self.hosts, place)
        patterns = self.hosts.lower().split(",")
        refused = any(_matches(place, pattern[1:]) for pattern in patterns if pattern.startswith("!"))
        return not refused and any(_matches(place, pattern) for pattern in patterns if not pattern.startswith("!"))


@cache
def github() -> tuple[HostKey, ...]:
    """Give GitHub's published host keys, which are part of this package."""
    return _parsed(resources.files("github_mirror").joinpath("github_known_hosts").read_text(encoding="ascii"))


def read(setting: str | None, workspace: Path) -> tuple[HostKey, ...]:
    """Read the `known_hosts` setting: lines, or the path of a file with them; raises HostKeyError with every bad line."""
    if not setting or not setting.strip():
        return ()
    text = setting.replace("\\n", "\n").replace("\ufeff", "")
    if len(text.split()) == 1:
        path = workspace / text.strip()
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise HostKeyError(
                f"known_hosts: {path} can't be read ({error.strerror})",
                hint="give the lines themselves, or a path that this step can read",
            ) from None
    return _parsed(text)


def known_hosts(setting: str | None, remotes: Iterable[Remote], workspace: Path) -> str:
    """Give the text of the known_hosts file for ssh; raises HostKeyError when it has no key of a host that is needed."""
    given = read(setting, workspace)
    for remote in remotes:
        if not any(key.is_for(remote) and not key.marker == "@revoked" for key in (*github(), *given)):
            raise unknown(remote, given)
    return "".join(f"{key.line}\n" for key in (*github(), *given))


def unknown(remote: Remote, given: Sequence[HostKey] = ()) -> HostKeyError:
    """Make the refusal of a host that no line is about."""
    others = sorted({key.hosts for key in given if not key.hosts.startswith("|")})
    details = [f"known_hosts has keys of {', '.join(others)}"] if others else []
    return HostKeyError(
        f"the host key of {remote.place} is not known, so nothing was sent there", details=[*details, *_seen(remote)], hint=_advice(remote)
    )


def changed(remote: Remote) -> HostKeyError:
    """Make the refusal of a host that shows another key than the one that known_hosts has."""
    who = "GitHub's published ones" if remote.on_github else "the one in known_hosts"
    return HostKeyError(
        f"{remote.place} showed a host key that is not {who}, so nothing was sent: somebody may be in between, or the key was changed",
        details=_seen(remote),
        hint=_advice(remote),
    )


def fetch(remote: Remote, timeout: float = _SEEN_SECONDS) -> HostKey | None:
    """Ask a host for its key, without logging in; None where it doesn't answer as an ssh server."""
    import paramiko  # noqa: PLC0415  0.2 s, and only for a refusal

    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(socket.create_connection((remote.host, remote.port), timeout=timeout))
            transport = paramiko.Transport(connection)
            stack.callback(transport.close)
            transport.banner_timeout = timeout
            transport.start_client(timeout=timeout)
            key = transport.get_remote_server_key()
        except (OSError, paramiko.SSHException, EOFError):
            return None
        return HostKey(hosts=remote.place, kind=key.get_name(), blob=key.asbytes())


def fetch_fingerprint(host: str, port: int) -> str | None:
    """Give the fingerprint of the key that a host shows, or None."""
    found = fetch(Remote(user="git", host=host, port=port, path="/"))
    return found.fingerprint if found else None


def _seen(remote: Remote) -> list[str]:
    key = fetch(remote)
    if key is None:
        return ["what it shows can't be said: it does not answer as an ssh server right now"]
    return [f"it shows the {key.kind} key {key.fingerprint}", *([] if remote.on_github else ["as a line of known_hosts:", f"  {key.line}"])]


def _advice(remote: Remote) -> str:
    if remote.on_github:
        return f"compare with {_GITHUB_PAGE}; if GitHub has a new key, take a newer image, or put the key from that page into `known_hosts`"
    return (
        f"ask whoever runs {remote.host} for the fingerprint (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); "
        "if it is the same, put the line into `known_hosts`"
    )


def _parsed(text: str) -> tuple[HostKey, ...]:
    keys, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                keys.append(HostKey.parse(line))
            except ValueError as error:
                problems.append(f"line {number}: {error}")
    if problems:
        raise HostKeyError(
            "known_hosts can't be used", details=problems, hint="each line is as in ~/.ssh/known_hosts: `host ssh-ed25519 AAAA...`"
        )
    return tuple(keys)


def _matches(place: str, pattern: str) -> bool:
    # `*` and `?` are wildcards to ssh, brackets are not: they stand around the host where there is a port.
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), place) is not None


def _is_hash_of(hosts: str, place: str) -> bool:
    _, _, salt, digest = hosts.split("|", 3)
    try:
        expected = base64.b64decode(digest, validate=True)
        found = hmac.digest(base64.b64decode(salt, validate=True), place.encode(), hashlib.sha1)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(expected, found)
