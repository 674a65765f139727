"""An OCI image layout: a folder with one image (of one or several platforms), as `./dev images --output` writes it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from docker import auth

from plugin_kit import parallel
from plugin_kit.credentials import Login
from plugin_kit.http import Http, tls_context
from plugin_kit.manifest import Descriptor, Manifest
from plugin_kit.reference import parse_registry
from plugin_kit.registry import Registry

UPLOADS_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One image in a folder."""

    folder: Path

    @property
    def root(self) -> Manifest:
        """What a tag points to: the manifest, or the index of several platforms."""
        index = json.loads((self.folder / "index.json").read_text(encoding="utf-8"))
        entry = index["manifests"][0]
        return Manifest.parse(self.blob(entry["digest"]), entry["mediaType"])

    def manifests(self) -> Iterator[Manifest]:
        """Yield the manifests, those of an index before the index."""
        root = self.root
        for child in root.children:
            yield Manifest.parse(self.blob(child.digest), child.media_type)
        yield root

    def blobs(self) -> list[Descriptor]:
        """Return configs and layers, each once."""
        found: dict[str, Descriptor] = {}
        for manifest in self.manifests():
            found |= {blob.digest: blob for blob in (*([manifest.config] if manifest.config else []), *manifest.layers)}
        return list(found.values())

    def platforms(self) -> list[str]:
        """Return the platforms, such as linux/amd64."""
        found = []
        for manifest in self.manifests():
            if manifest.config:
                config = json.loads(self.blob(manifest.config.digest))
                found.append(f"{config['os']}/{config['architecture']}")
        return found

    def size(self) -> int:
        """Return the bytes of all blobs, compressed as they are."""
        return sum(blob.size for blob in self.blobs())

    def blob(self, digest: str) -> bytes:
        """Return the content of a blob."""
        algorithm, _, encoded = digest.partition(":")
        return (self.folder / "blobs" / algorithm / encoded).read_bytes()

    def push(self, repository: str, tags: Sequence[str], *, insecure: bool = False) -> str:
        """Push it to `host/path` under these tags, the last of them last, and return its digest."""
        host, _, path = repository.partition("/")
        # The CA bundle of this machine, as for everything else that leaves it.
        with Http(verify=tls_context(None)) as http:
            registry = Registry(parse_registry(host), http, insecure=insecure, login=_login(host))
            registry.ping()
            parallel.each(lambda blob: registry.put_blob(path, self.blob(blob.digest)), self.blobs(), at_once=UPLOADS_AT_ONCE)
            for manifest in self.manifests():
                registry.put_manifest(path, manifest.digest, manifest)
            for tag in tags:
                registry.put_manifest(path, tag, self.root)
        return self.root.digest


def _login(host: str) -> Login | None:
    """Return the login that `docker login` stored, wherever it stored it."""
    stored = auth.load_config().resolve_authconfig(host) or {}
    username, password = stored.get("Username") or stored.get("username"), stored.get("Password") or stored.get("password")
    return Login(username=username, password=password) if username and password else None
