"""buildkitd.toml: where it listens, what it trusts, and how much of the cache it keeps."""

import json
from collections.abc import Iterator

from bootstrap.platform.buildkit import PORT
from bootstrap.platform.platform import Platform
from bootstrap.platform.quantity import size_in_bytes

TLS = "/etc/buildkit/tls"
CA_FILE = "/etc/buildkit/ca.pem"
# In percent of the volume. A build needs room for what it makes, above all that is kept.
_MOST, _LEAST, _FREE = 80, 20, 10


def buildkitd_toml(platform: Platform, *, ca: bool, socket: str) -> str:
    """Return the configuration; `ca` says whether there is a CA beside those of the system, `socket` where probes ask."""
    return "\n".join(_lines(platform, ca=ca, socket=socket)) + "\n"


def _lines(platform: Platform, *, ca: bool, socket: str) -> Iterator[str]:
    wanted = platform.buildkit
    yield "[grpc]"
    # The socket is for probes: they need no certificate.
    yield f"  address = [{_text(socket)}, {_text(f'tcp://0.0.0.0:{PORT}')}]"
    if wanted.mtls:
        yield "  [grpc.tls]"
        yield f"    cert = {_text(f'{TLS}/tls.crt')}"
        yield f"    key = {_text(f'{TLS}/tls.key')}"
        # Whoever shows a certificate of this CA may build.
        yield f"    ca = {_text(f'{TLS}/ca.crt')}"
    yield ""
    yield "[worker.oci]"
    yield "  gc = true"
    size = size_in_bytes(wanted.storage.size)
    # In bytes and not in percent: a volume of local-path is a folder, and percentages would be those of the node's whole disk.
    yield f"  reservedSpace = {size * _LEAST // 100}"
    yield f"  maxUsedSpace = {size * _MOST // 100}"
    yield f"  minFreeSpace = {size * _FREE // 100}"
    for host, mirrors in _registries(platform).items():
        lines = [f"  mirrors = [{', '.join(map(_text, mirrors))}]"] if mirrors else []
        ours = host == platform.registry.host
        lines += ["  http = true"] if ours and platform.registry.plain_http else []
        # BuildKit adds these to the CAs of the system.
        lines += [f"  ca = [{_text(CA_FILE)}]"] if ca and not (ours and platform.registry.plain_http) else []
        if lines:
            yield ""
            yield f"[registry.{_text(host)}]"
            yield from lines


def _registries(platform: Platform) -> dict[str, tuple[str, ...]]:
    """Return every registry that is known by name, with its mirrors."""
    found: dict[str, tuple[str, ...]] = {platform.registry.host: ()}
    for host, mirrors in platform.buildkit.mirrors.items():
        found[host] = mirrors
        for mirror in mirrors:
            # Of a mirror with a path, the settings are those of its host.
            found.setdefault(mirror.partition("/")[0], ())
    return found


def _text(text: str) -> str:
    # A JSON text is a TOML text: both escape alike what can stand in an address.
    return json.dumps(text)
