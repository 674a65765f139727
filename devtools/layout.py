"""An OCI image layout: a folder with one image (of one or several platforms), as `./dev images --output` writes it."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from docker import auth

from devtools import host
from devtools.errors import DevError
from plugin_kit import parallel
from plugin_kit.credentials import Login
from plugin_kit.errors import RegistryError
from plugin_kit.http import Http, tls_context
from plugin_kit.manifest import OCI_INDEX, Descriptor, Manifest
from plugin_kit.reference import RegistryHost, parse_registry
from plugin_kit.registry import Registry

T = TypeVar("T")

AT_ONCE = 4


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
        """Yield the manifests, those of an index before the index, attestations as well: registries take no index without them."""
        root = self.root
        for child in root.document.get("manifests") or ():
            yield Manifest.parse(self.blob(child["digest"]), child["mediaType"])
        yield root

    def blobs(self) -> list[Descriptor]:
        """Return configs and layers, each once."""
        found: dict[str, Descriptor] = {}
        for manifest in self.manifests():
            found |= {blob.digest: blob for blob in (*([manifest.config] if manifest.config else []), *manifest.layers)}
        return list(found.values())

    def platforms(self) -> list[str]:
        """Return the platforms, such as linux/amd64 or linux/arm/v7."""
        root = self.root
        if root.config is None:
            return [child.platform for child in root.children if child.platform]
        config = json.loads(self.blob(root.config.digest))
        return [f"{config['os']}/{config['architecture']}"]

    def size(self) -> int:
        """Return the bytes of all blobs, compressed as they are."""
        return sum(blob.size for blob in self.blobs())

    def blob(self, digest: str) -> bytes:
        """Return the content of a blob."""
        return self._file(digest).read_bytes()

    def push(self, registry: Registry, path: str, tags: Sequence[str]) -> str:
        """Push it to the repository `path` under these tags, the last of them last, and return its digest."""
        parallel.each(lambda blob: registry.put_blob(path, self.blob(blob.digest)), self.blobs(), at_once=AT_ONCE)
        for manifest in self.manifests():
            registry.put_manifest(path, manifest.digest, manifest)
        for tag in tags:
            registry.put_manifest(path, tag, self.root)
        return self.root.digest

    def fetch(self, registry: Registry, path: str, root: Manifest, name: str) -> None:
        """Bring an image of a registry here, in the place of what is here; it is there as a whole, or not at all."""
        unfinished = Layout(folder=self.folder.with_name(f".{self.folder.name}.unfinished"))
        shutil.rmtree(unfinished.folder, ignore_errors=True)
        try:
            unfinished._bring(registry, path, root, name)
            shutil.rmtree(self.folder, ignore_errors=True)
            unfinished.folder.rename(self.folder)
        finally:
            shutil.rmtree(unfinished.folder, ignore_errors=True)

    def _bring(self, registry: Registry, path: str, root: Manifest, name: str) -> None:
        for digest in (child["digest"] for child in root.document.get("manifests") or ()):
            self._keep(digest, _found(registry.manifest(path, digest), path, digest).content)
        self._keep(root.digest, root.content)
        self._list_only(root, name)
        parallel.each(
            lambda blob: self._keep(blob.digest, _found(registry.blob(path, blob.digest), path, blob.digest)),
            self.blobs(),
            at_once=AT_ONCE,
        )

    def _keep(self, digest: str, content: bytes) -> None:
        file = self._file(digest)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def _list_only(self, root: Manifest, name: str) -> None:
        # With its full name, as BuildKit does.
        named = {"org.opencontainers.image.ref.name": name}
        entry = {"mediaType": root.media_type, "digest": root.digest, "size": len(root.content), "annotations": named}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        (self.folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
        (self.folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}), encoding="utf-8")

    def _file(self, digest: str) -> Path:
        algorithm, _, encoded = digest.partition(":")
        return self.folder / "blobs" / algorithm / encoded


def _found(content: T | None, path: str, digest: str) -> T:
    if content is None:
        raise RegistryError(f"{path} lists {digest}, and the registry does not have it")
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where images are pushed to: a registry, and the folder in it."""

    host: RegistryHost
    folder: str

    @classmethod
    def parse(cls, text: str) -> "Destination":
        """Read `[http[s]://]host[:port][/folder]`."""
        scheme, _, rest = text.rpartition("://")
        host, _, folder = rest.strip("/").partition("/")
        try:
            return cls(host=parse_registry(f"{scheme}://{host}" if scheme else host), folder=folder)
        except ValueError as error:
            raise DevError(f"--push {text}: {error}") from None

    def repository(self, name: str) -> str:
        """Return the path of an image's repository."""
        return f"{self.folder}/{name}" if self.folder else name

    @contextmanager
    def open(self, *, insecure: bool) -> Iterator[Registry]:
        """Reach the registry, with the login that `docker login` stored and this machine's CA bundle."""
        bundle = host.ca_bundle()
        with Http(verify=tls_context(str(bundle) if bundle else None)) as http:
            registry = Registry(self.host, http, insecure=insecure, login=login(self.host.host))
            try:
                registry.ping()
            except RegistryError as error:
                details = "".join(f"\n  {detail}" for detail in error.details)
                hint = f"docker login {self.host.host}, where it wants a login; --insecure, where it has no certificate"
                raise DevError(f"{error}{details}", hint=hint) from error
            yield registry


def login(host: str) -> Login | None:
    """Return the login that `docker login` stored, wherever it stored it."""
    stored = auth.load_config().resolve_authconfig(host) or {}
    username, password = stored.get("Username") or stored.get("username"), stored.get("Password") or stored.get("password")
    return Login(username=username, password=password) if username and password else None
