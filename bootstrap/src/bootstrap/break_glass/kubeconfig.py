"""The kubeconfig of a person: the cluster as it is known here, and their own login."""

import base64
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from lightkube.config.kubeconfig import SingleConfig

from bootstrap.break_glass.certificate import Certificate
from bootstrap.core.connection import Connection
from plugin_kit.errors import PluginError

_LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")  # noqa: S104  compared with, not listened on


def content(connection: Connection, name: str, certificate: Certificate, *, server: str | None = None) -> str:
    """Write a kubeconfig; `server` is the address of the API server where this machine's own is of no use elsewhere.

    Its context is called as the one that is used here, because platform.yaml may name that.
    """
    cluster = {"server": server or connection.address, **_trust(connection.config)}
    user = {
        "client-certificate-data": base64.b64encode(certificate.pem).decode(),
        "client-key-data": base64.b64encode(certificate.key).decode(),
    }
    context = connection.context
    # JSON is YAML, and names need no quoting rules of their own.
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": name}}],
            "current-context": context,
        },
        indent=2,
    )


def is_address(text: str) -> bool:
    """Tell whether a certificate can be shown at an address: that takes https."""
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_local(address: str) -> bool:
    """Tell whether an address leads to the machine itself, as that in k3s' own kubeconfig does."""
    return urlsplit(address).hostname in _LOOPBACK


def write(file: Path, text: str) -> None:
    """Write a file that nobody else can read; never over one that is there."""
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:  # noqa: PTH123  a Path can't be opened with a mode
            out.write(text + "\n")
    except FileExistsError:
        raise exists(file) from None
    except OSError as error:
        raise PluginError(f"can't write {file}: {error.strerror}", hint="name another file with --output") from None


def exists(file: Path) -> PluginError:
    """Return what to say where the file is there already."""
    return PluginError(
        f"{file} exists already, and may be a login that somebody uses", hint="name another file with --output, or move it away"
    )


def _trust(config: SingleConfig) -> dict[str, str | bool]:
    cluster = config.cluster
    if cluster.insecure:
        return {"insecure-skip-tls-verify": True}
    if cluster.certificate_auth_data:
        return {"certificate-authority-data": cluster.certificate_auth_data}
    if cluster.certificate_auth:
        file = Path(config.abs_file(cluster.certificate_auth))
        return {"certificate-authority-data": base64.b64encode(file.read_bytes()).decode()}
    return {}
