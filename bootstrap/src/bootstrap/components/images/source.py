"""Where the images come from: OCI layouts in a folder, or another registry."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bootstrap.components.registry.client import http, login, trouble
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from plugin_kit.errors import RegistryError
from plugin_kit.http import Http
from plugin_kit.manifest import Descriptor, Manifest
from plugin_kit.reference import digest_of, parse_registry, parse_repository
from plugin_kit.registry import Registry

_REF_NAME = "org.opencontainers.image.ref.name"


class SourceError(BootstrapError):
    """An image can't be had from where platform.yaml says that it is."""


class Source(Protocol):
    """Images by name."""

    @property
    def where(self) -> str:
        """Where that is, for a person."""

    @property
    def host(self) -> str | None:
        """The registry, whose blobs another repository of the same registry need not be sent."""

    def path(self, name: str) -> str:
        """Return the repository of an image in that registry."""

    def root(self, name: str) -> Manifest | None:
        """Return what the tag of an image points to, None where there is no such image."""

    def manifest(self, name: str, digest: str) -> Manifest:
        """Return a manifest that the root lists."""

    def blob(self, name: str, digest: str) -> bytes:
        """Return a config or a layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layouts:
    """A folder with an OCI image layout for each image, as `./dev images --output` writes it."""

    folder: Path
    tag: str
    host: None = None

    @property
    def where(self) -> str:
        """Where that is, for a person."""
        return str(self.folder)

    def path(self, name: str) -> str:
        """Return the name: there is no registry."""
        return name

    def root(self, name: str) -> Manifest | None:
        """Return the one image of a layout whatever it is called there, of several the one with our tag."""
        file = self.folder / name / "index.json"
        if not file.is_file():
            return None
        entries = _entries(file)
        tagged = [each for each in entries if (each.get("annotations") or {}).get(_REF_NAME) == self.tag]
        # What was built between two versions is named after its commit.
        found = tagged or entries
        if len(found) != 1:
            raise SourceError(
                f"{file.parent} holds {len(found)} images and none of them is {self.tag}", hint="./dev images --output writes it anew"
            )
        return self._parsed(name, str(found[0]["digest"]), found[0].get("mediaType"))

    def manifest(self, name: str, digest: str) -> Manifest:
        """Return a manifest that the root lists."""
        return self._parsed(name, digest, None)

    def blob(self, name: str, digest: str) -> bytes:
        """Return a config or a layer whose bytes are what its digest promises."""
        algorithm, _, encoded = digest.partition(":")
        file = self.folder / name / "blobs" / algorithm / encoded
        try:
            content = file.read_bytes()
        except OSError as error:
            raise SourceError(f"the image {name} is not complete: {file} can't be read ({error.strerror})", hint=_AGAIN) from error
        if digest_of(content) != digest:
            raise SourceError(f"the image {name} is damaged: {file} is not what its name says", hint=_AGAIN)
        return content

    def _parsed(self, name: str, digest: str, media_type: str | None) -> Manifest:
        try:
            return Manifest.parse(self.blob(name, digest), media_type)
        except ValueError as error:
            raise SourceError(f"the image {name} is damaged: {digest} is no manifest ({error})", hint=_AGAIN) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRegistry:
    """A registry with a folder of images."""

    registry: Registry
    folder: str
    tag: str

    @property
    def host(self) -> str | None:
        """The registry."""
        return self.registry.host

    @property
    def where(self) -> str:
        """Where that is, for a person."""
        return f"{self.registry.host}/{self.folder}"

    def path(self, name: str) -> str:
        """Return the repository of an image."""
        return f"{self.folder}/{name}"

    def root(self, name: str) -> Manifest | None:
        """Return what the tag points to."""
        return self.registry.manifest(self.path(name), self.tag)

    def manifest(self, name: str, digest: str) -> Manifest:
        """Return a manifest that the root lists."""
        found = self.registry.manifest(self.path(name), digest)
        if found is None:
            raise SourceError(f"{self.where}/{name} lists {digest}, which is not there", hint="push it there again")
        return found

    def blob(self, name: str, digest: str) -> bytes:
        """Return a config or a layer."""
        found = self.registry.blob(self.path(name), digest)
        if found is None:
            raise SourceError(f"{self.where}/{name} lists {digest}, which is not there", hint="push it there again")
        return found


@contextmanager
def source(context: Context) -> Iterator[Source]:
    """Open what `images.source` names."""
    wanted = context.platform.images
    if wanted.is_layout:
        yield Layouts(folder=context.folder / Path(wanted.source).expanduser(), tag=wanted.tag)
        return
    try:
        repository = parse_repository(wanted.source, default_host="docker.io")
    except ValueError as error:
        raise SourceError(f"images.source: {error}", hint="registry.example.lan/path, or a folder that begins with ./ or /") from error
    with http(context) as client:
        try:
            yield OtherRegistry(registry=_registry(context, repository.host, client), folder=repository.path, tag=wanted.tag)
        except RegistryError as error:
            raise trouble(error) from error


def references(manifest: Manifest) -> Sequence[str]:
    """Return the digests of the manifests that an index lists, attestations as well: a registry takes none without them."""
    return [str(each["digest"]) for each in manifest.document.get("manifests") or ()]


def blobs(manifest: Manifest) -> Sequence[Descriptor]:
    """Return config and layers of a manifest."""
    return [*([manifest.config] if manifest.config else []), *manifest.layers]


_AGAIN = "./dev images --output writes it anew"


def _entries(file: Path) -> list[Mapping[str, Any]]:
    try:
        return list(json.loads(file.read_text(encoding="utf-8"))["manifests"])
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{file} is no index of an OCI layout", hint=_AGAIN) from error


def _registry(context: Context, host: str, client: Http) -> Registry:
    # The login in platform.yaml is one for the platform's registry, and for nobody else.
    ours = host == context.platform.registry.host
    plain = ours and context.platform.registry.plain_http
    return Registry(parse_registry(f"http://{host}" if plain else host), client, login=login(context) if ours else None)
