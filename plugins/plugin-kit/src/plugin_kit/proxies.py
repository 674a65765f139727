"""The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, each in capitals or small letters.

The exceptions are those of Go (golang.org/x/net/http/httpproxy), because BuildKit pushes to the same hosts by its rules.
"""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy: where it listens, and the headers that let us in."""

    scheme: str
    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def proxy_for(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a server, or None where it is reached directly; raises ValueError when the address of the proxy is none."""
    named = _variable(environ, f"{scheme}_proxy") or _variable(environ, "all_proxy")
    if not named or _direct(host, port, _variable(environ, "no_proxy")):
        return None
    address = urlsplit(named if "://" in named else f"http://{named}")
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise ValueError(f"the proxy for {scheme} is neither http:// nor https://host:port")
    headers = {}
    if address.username:
        login = f"{unquote(address.username)}:{unquote(address.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode('ascii')}"
    default = 443 if address.scheme == "https" else 80
    return Proxy(scheme=address.scheme, host=address.hostname, port=address.port or default, headers=headers)


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _direct(host: str, port: int, exceptions: str) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_excepts(entry, host, port, address) for entry in exceptions.lower().replace(",", " ").split())


def _excepts(entry: str, host: str, port: int, address: _Address | None) -> bool:
    if entry == "*":
        return True
    if address is not None and "/" in entry:
        return _within(address, entry)
    name, colon, only = entry.rpartition(":")
    if colon and only.isdigit() and (":" not in name or name.endswith("]")):
        if only != str(port):
            return False
        entry = name
    if address is not None:
        return _address(entry) == address
    domain = entry.removeprefix("*")
    return host == domain or host.endswith(f".{domain.removeprefix('.')}")


def _within(address: _Address, network: str) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
