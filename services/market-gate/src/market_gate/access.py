"""The way to the API server: from inside a pod, or by a kubeconfig file."""

import base64
import binascii
import http.client
import os
import socket
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import yaml

from market_gate.errors import ClusterConfigError

POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# A host that is gone without a word is noticed after this many seconds plus as many probes.
_PROBE_AFTER = 10
_PROBES = 3


class Access(Protocol):
    """Opens connections to the API server."""

    @property
    def address(self) -> str:
        """The API server's URL."""

    def connect(self, *, timeout: float) -> http.client.HTTPConnection:
        """Open a connection; OSError where there is none. `timeout` in seconds, for each wait on it."""

    def headers(self) -> dict[str, str]:
        """Return the headers that say who asks, read anew each time: tokens in a pod change hourly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodAccess:
    """The pod's own ServiceAccount."""

    address: str
    folder: Path = POD

    def connect(self, *, timeout: float) -> http.client.HTTPConnection:
        """Open a connection."""
        return opened(self.address, ssl.create_default_context(cafile=str(self.folder / "ca.crt")), timeout)

    def headers(self) -> dict[str, str]:
        """Return the token as it is on disk now."""
        return {"Authorization": f"Bearer {(self.folder / 'token').read_text('ascii').strip()}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAccess:
    """The current context of a kubeconfig file."""

    address: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]
    folder: Path

    def connect(self, *, timeout: float) -> http.client.HTTPConnection:
        """Open a connection."""
        return opened(self.address, self._context(), timeout)

    def headers(self) -> dict[str, str]:
        """Return the token, where there is one."""
        if file := self.user.get("tokenFile"):
            return {"Authorization": f"Bearer {(self.folder / str(file)).read_text('ascii').strip()}"}
        return {"Authorization": f"Bearer {self.user['token']}"} if self.user.get("token") else {}

    def _context(self) -> ssl.SSLContext:
        authority = _content(self.cluster, "certificate-authority", self.folder)
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if self.cluster.get("insecure-skip-tls-verify") is True:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate, key = (_content(self.user, name, self.folder) for name in ("client-certificate", "client-key"))
        if certificate and key:
            # OpenSSL reads them from a file only; in memory where the system has that.
            with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:  # noqa: S108  readable by us only
                file.write(certificate + b"\n" + key)
                file.flush()
                context.load_cert_chain(file.name)
        return context


def find(environment: Mapping[str, str] = os.environ) -> Access:
    """Return the way to the cluster: KUBECONFIG where it is set, else the pod's; ClusterConfigError where there is none."""
    if file := environment.get("KUBECONFIG"):
        return _from_file(Path(file))
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise ClusterConfigError(
            "break-glass records are read from the cluster, but this is no pod and KUBECONFIG names no file",
            hint="outside of a cluster set KUBECONFIG, or `records: none`",
        )
    return PodAccess(address=f"https://{f'[{host}]' if ':' in host else host}:{port}")


def opened(address: str, context: ssl.SSLContext, timeout: float) -> http.client.HTTPConnection:
    """Connect to an address and watch whether the other side still lives."""
    url = urlsplit(address)
    host = url.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, url.port, timeout=timeout, context=context)
        if url.scheme == "https"
        else http.client.HTTPConnection(host, url.port, timeout=timeout)
    )
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Names that not every system has; without them the timeout of the reads notices it, too.
    for name, value in (("TCP_KEEPIDLE", _PROBE_AFTER), ("TCP_KEEPINTVL", _PROBE_AFTER), ("TCP_KEEPCNT", _PROBES)):
        with suppress(AttributeError, OSError):
            connection.sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection


def _from_file(path: Path) -> FileAccess:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
        context = _named(content, "contexts", content["current-context"])["context"]
        cluster = _named(content, "clusters", context["cluster"])["cluster"]
        user = _named(content, "users", context["user"])["user"] or {} if context.get("user") else {}
        address = str(cluster["server"])
    except OSError as error:
        raise ClusterConfigError(f"the kubeconfig {path} can't be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        raise ClusterConfigError(f"the kubeconfig {path} is not one, or its current context is incomplete: {error}") from None
    if "exec" in user or "auth-provider" in user:
        raise ClusterConfigError(
            f"the kubeconfig {path} gets its login from another program", hint="use one with a token or a client certificate"
        )
    return FileAccess(address=address, cluster=cluster, user=user, folder=path.parent)


def _named(content: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    for each in content[kind]:
        if each["name"] == name:
            return dict(each)
    raise KeyError(f"{kind} has no {name!r}")


def _content(section: Mapping[str, Any], key: str, folder: Path) -> bytes:
    if data := section.get(f"{key}-data"):
        try:
            return base64.b64decode(str(data))
        except binascii.Error as error:
            raise OSError(f"{key}-data in the kubeconfig is not base64: {error}") from None
    return (folder / str(section[key])).read_bytes() if section.get(key) else b""
