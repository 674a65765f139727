"""Whether Gitea sends webhooks to addresses of the cluster, which it refuses unless it is told.

Up to 1.26 `[webhook] ALLOWED_HOST_LIST` decides; 1.27 reads `[security] ALLOWED_HOST_LIST` first; from 28 on only that counts, with
`EGRESS_MODE`, and `*` and `external` are no entries any more. There is no API for any of it: the workload's environment is read.
"""

import fnmatch
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bootstrap.gitea.pod import Pod
from bootstrap.gitea.version import Version

_WEBHOOK = "webhook"
_SECURITY = "security"
_HOSTS = "ALLOWED_HOST_LIST"
_MODE = "EGRESS_MODE"
_PRIVATE = "private"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# What Gitea calls `private` (modules/hostmatcher, modules/policy).
_PRIVATE_RANGES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
_STANDARD_PORTS = frozenset({80, 443})
# `GITEA__section__KEY`: what an ini name can't have is written as _0X2E_ (Gitea's environment-to-ini).
_VARIABLE = re.compile(r"GITEA__(?P<section>.*?)__(?P<key>.+?)(?P<file>__FILE)?")
_ESCAPE = re.compile(r"_0X([0-9A-F]+)_", re.IGNORECASE)
_UNSEEN = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a webhook goes. `private`: the address is one of the cluster or the local network, as a Service's is."""

    url: str
    private: bool = True

    @property
    def host(self) -> str:
        """Its host, without port."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def port(self) -> int:
        """Its port."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """Whether the webhooks arrive; `closed` are those that don't, `allowed` what is, `lines` the environment that lets them through.

    `unseen` names a variable whose value comes from a Secret, a ConfigMap or a file: then nothing is said for sure.
    """

    closed: tuple[Target, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    allowed: tuple[str, ...] = ()
    unseen: str = ""

    @property
    def open(self) -> bool:
        """Whether every webhook arrives, as far as can be seen."""
        return not self.closed

    @property
    def message(self) -> str:
        """The one sentence for a person; empty where there is nothing to say."""
        if self.unseen:
            return f"whether Gitea may send webhooks into the cluster can't be seen: {self.unseen} comes from elsewhere"
        if not self.closed:
            return ""
        where = ", ".join(dict.fromkeys(f"{each.host}:{each.port}" for each in self.closed))
        return f"Gitea may not send webhooks to {where}: it allows {', '.join(self.allowed) or 'public addresses'} only"

    @property
    def env(self) -> tuple[str, ...]:
        """The lines as NAME=value."""
        return tuple(f"{name}={value}" for name, value in self.lines)

    def remedy(self, pod: Pod) -> str:
        """Say what to do, with the exact lines."""
        if self.unseen:
            return f"see that {self.unseen} has `{_PRIVATE}` in it"
        return (
            f"set `gitea.manage_env: true` and it is done for you, or: {pod.set_env(self.env)} (restarts Gitea). Where Gitea came from a "
            "Helm chart or Git, put the same lines there; where app.ini has the setting already, this warning is for nothing"
        )


def assess(environment: Sequence[Mapping[str, Any]], version: Version | None, targets: Sequence[Target]) -> Egress:
    """Decide from a container's `env`, as it stands in the workload, and the version; None is a version that is not known."""
    settings = _settings(environment)
    section = _deciding_section(settings, version)
    value = settings.get((section, _HOSTS), "")
    if value is _UNSEEN:
        return Egress(unseen=_name(section, _HOSTS))
    strict = _strict(settings, version)
    entries = [entry.strip() for entry in str(value).split(",") if entry.strip()]
    newest = _newest(version)
    closed = tuple(each for each in targets if not _allowed(entries, each, newest=newest, strict=strict))
    if not closed:
        return Egress()
    return Egress(closed=closed, allowed=tuple(entries), lines=_lines(settings, entries, closed, version, strict=strict))


def _newest(version: Version | None) -> bool:
    return version is not None and version.at_least(28)


def _deciding_section(settings: Mapping[tuple[str, str], object], version: Version | None) -> str:
    if _newest(version):
        return _SECURITY
    if version is not None and not version.at_least(1, 27):
        return _WEBHOOK
    # 1.27, and what names no version.
    return _SECURITY if settings.get((_SECURITY, _HOSTS)) else _WEBHOOK


def _strict(settings: Mapping[tuple[str, str], object], version: Version | None) -> bool:
    return _newest(version) and str(settings.get((_SECURITY, _MODE), "lax")).lower() == "strict"


def _lines(
    settings: Mapping[tuple[str, str], object], entries: Sequence[str], closed: Sequence[Target], version: Version | None, *, strict: bool
) -> tuple[tuple[str, str], ...]:
    added = [f"{each.host}:{each.port}" for each in closed] if strict else [_PRIVATE if each.private else each.host for each in closed]
    # An empty list means `external`; with an entry in it, that has to be said.
    kept = list(entries) or ["external"]
    old = ",".join(dict.fromkeys([*kept, *added]))
    new = ",".join(dict.fromkeys([*(each for each in entries if each not in {"*", "external"}), *added]))
    if _newest(version):
        return ((_name(_SECURITY, _HOSTS), new),)
    if settings.get((_SECURITY, _HOSTS)):
        return ((_name(_WEBHOOK, _HOSTS), old), (_name(_SECURITY, _HOSTS), old))
    # The second line is what the same Gitea reads after an upgrade.
    return ((_name(_WEBHOOK, _HOSTS), old), (_name(_SECURITY, _HOSTS), new))


def _allowed(entries: Sequence[str], target: Target, *, newest: bool, strict: bool) -> bool:
    if not entries and not target.private and not strict:
        return True
    if newest and not strict and not target.private:
        return True
    return any(_matches(entry.lower(), target, newest=newest, strict=strict) for entry in entries)


def _matches(entry: str, target: Target, *, newest: bool, strict: bool) -> bool:
    host, ports = _split(entry) if newest else (entry, None)
    if ports is None and strict:
        ports = _STANDARD_PORTS
    if ports is not None and target.port not in ports:
        return False
    loopback = target.host in _LOOPBACK
    words = {
        "*": not newest,
        "external": not newest and not target.private,
        _PRIVATE: target.private and not loopback,
        "loopback": loopback,
    }
    return words[host] if host in words else _names(host, target, newest=newest)


def _names(host: str, target: Target, *, newest: bool) -> bool:
    """Tell whether an entry that is a range, a name or a pattern means the target."""
    try:
        network = ipaddress.ip_network(host.strip("[]"), strict=False)
    except ValueError:
        below = newest and target.host.endswith(f".{host}")
        return below or fnmatch.fnmatchcase(target.host, host)
    try:
        return ipaddress.ip_address(target.host) in network
    except ValueError:
        # A name, and nobody here knows its address: a range that was written for the cluster is believed.
        return target.private and any(isinstance(each, type(network)) and each.overlaps(network) for each in _PRIVATE_RANGES)


def _split(entry: str) -> tuple[str, frozenset[int] | None]:
    """Take the port or ports off an entry: `host:8000`, `host:[80|443]`; an IPv6 range has colons of its own."""
    host, colon, ports = entry.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")) or not re.fullmatch(r"\d+|\[\d+(\|\d+)*\]", ports):
        return entry, None
    return host, frozenset(int(each) for each in ports.strip("[]").split("|"))


def _settings(environment: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], object]:
    found: dict[tuple[str, str], object] = {}
    for each in environment:
        match = _VARIABLE.fullmatch(each.get("name", ""))
        if match:
            section = _ESCAPE.sub(lambda code: bytes.fromhex(code.group(1)).decode(errors="replace"), match["section"]).lower()
            hidden = match["file"] or "valueFrom" in each
            found[section, match["key"]] = _UNSEEN if hidden else each.get("value") or ""
    return found


def _name(section: str, key: str) -> str:
    return f"GITEA__{section}__{key}"
