"""What a Warehouse finds in a registry: a real one, or a list that a test wrote."""

import hashlib
import ipaddress
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

CREATED = "org.opencontainers.image.created"
_ACCEPT = (
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)
_TIMEOUT = 10.0


class DiscoveryError(Exception):
    """Kargo's sentence for what it could not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A tag of a repository, and when its image was made (RFC 3339, UTC)."""

    tag: str
    digest: str
    created: str
    annotations: Mapping[str, str] = field(default_factory=dict)

    def reference(self) -> dict[str, Any]:
        """Write it as it stands in `discoveredArtifacts`."""
        notes = {"annotations": dict(self.annotations)} if self.annotations else {}
        return {"tag": self.tag, "digest": self.digest, **notes, "createdAt": self.created}


class Registries:
    """The registries that Kargo can reach. `hosts` are what it finds others than by their own names: host to host:port."""

    def __init__(self, hosts: Mapping[str, str] | None = None, *, plain_http: bool = False) -> None:
        self.written: dict[str, list[Image]] = {}
        self._hosts = dict(hosts or {})
        self._plain_http = plain_http
        self._cache: dict[tuple[str, str], Image] = {}

    def discover(self, subscription: Mapping[str, Any]) -> list[Image]:
        """Return a subscription's images in Kargo's order; raises DiscoveryError."""
        repository = subscription["repoURL"]
        images = self._written(repository, subscription) if repository in self.written else self._found(repository, subscription)
        strategy = subscription.get("imageSelectionStrategy", "SemVer")
        if strategy == "NewestBuild":
            images.sort(key=lambda image: (image.created, image.tag), reverse=True)
        else:
            images.sort(key=lambda image: image.tag, reverse=True)
        return images[: subscription.get("discoveryLimit", 20)]

    def _written(self, repository: str, subscription: Mapping[str, Any]) -> list[Image]:
        return [image for image in self.written[repository] if _accepts(subscription, image.tag)]

    def _found(self, repository: str, subscription: Mapping[str, Any]) -> list[Image]:
        host, _, path = repository.partition("/")
        base = f"{'http' if self._plain(host) else 'https'}://{self._hosts.get(host, host)}/v2/{path}"
        wrapping = f'error discovering newest applicable images "{repository}"'
        try:
            tags = self._tags(base)
        except DiscoveryError as error:
            raise DiscoveryError(f"{wrapping}: error listing tags: error listing tags for repo URL {repository}: {error}") from None
        try:
            return [self._image(base, tag, subscription) for tag in tags if _accepts(subscription, tag)]
        except DiscoveryError as error:
            raise DiscoveryError(f"{wrapping}: error retrieving images for all matched tags: {error}") from None

    def _tags(self, base: str) -> list[str]:
        tags: list[str] = []
        address = f"{base}/tags/list?n=1000"
        while address:
            content, headers = _get(address)
            tags += json.loads(content).get("tags") or []
            after = re.match(r"<([^>]+)>", headers.get("Link") or "")
            address = urllib.parse.urljoin(address, after.group(1)) if after else ""
        return tags

    def _image(self, base: str, tag: str, subscription: Mapping[str, Any]) -> Image:
        key = (base, tag)
        if subscription.get("cacheByTag") and key in self._cache:
            return self._cache[key]
        content, _ = _get(f"{base}/manifests/{tag}")
        manifest = json.loads(content)
        notes = manifest.get("annotations") or {}
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._cache[key] = Image(tag=tag, digest=digest, created=self._created(base, manifest), annotations=notes)
        return self._cache[key]

    def _created(self, base: str, manifest: Mapping[str, Any]) -> str:
        """Find when an image was made, as Kargo 1.11 does: by its annotation, a label, its config; the newest part of an index."""
        children = [each for each in manifest.get("manifests") or () if (each.get("platform") or {}).get("os") != "unknown"]
        if children:
            return max(self._created(base, json.loads(_get(f"{base}/manifests/{each['digest']}")[0])) for each in children)
        created = (manifest.get("annotations") or {}).get(CREATED)
        if created:
            return str(created)
        config = json.loads(_get(f"{base}/blobs/{manifest['config']['digest']}")[0])
        labels = (config.get("config") or {}).get("Labels") or {}
        return str(labels.get(CREATED) or config.get("created") or "1970-01-01T00:00:00Z")

    def _plain(self, host: str) -> bool:
        """Tell whether Kargo's registry client takes a host for plain http by itself."""
        name = host.rsplit(":", 1)[0]
        try:
            return self._plain_http or ipaddress.ip_address(name).is_private
        except ValueError:
            return name == "localhost"


def _accepts(subscription: Mapping[str, Any], tag: str) -> bool:
    allowed: Sequence[str] = subscription.get("allowTagsRegexes") or [""]
    ignored: Sequence[str] = subscription.get("ignoreTagsRegexes") or []
    return any(re.search(each, tag) for each in allowed) and not any(re.search(each, tag) for each in ignored)


def _get(address: str) -> tuple[bytes, Mapping[str, str]]:
    request = urllib.request.Request(address, headers={"Accept": _ACCEPT})  # noqa: S310  http and https only, see Registries
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310  the same
            return response.read(), response.headers
    except urllib.error.HTTPError as error:
        raise DiscoveryError(f"GET {address}: {_complaint(error)}") from None
    except (urllib.error.URLError, OSError) as error:
        refused = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
        host = address.split("/")[2]
        reason = f"dial tcp {host}: connect: connection refused" if refused else str(getattr(error, "reason", error))
        raise DiscoveryError(f'Get "{address.partition("/v2/")[0]}/v2/": {reason}') from None


def _complaint(error: urllib.error.HTTPError) -> str:
    with error:
        content = error.read()
    try:
        first = json.loads(content)["errors"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        return f"unexpected status code {error.code} {HTTPStatus(error.code).phrase}"
    detail = first.get("detail")
    words = f"; map[{' '.join(f'{key}:{value}' for key, value in detail.items())}]" if isinstance(detail, dict) else ""
    return f"{first.get('code')}: {first.get('message')}{words}"
