"""Images of other projects, brought into layouts as they are: every platform, every byte."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from devtools import base_images, engine, host
from devtools.errors import DevError
from devtools.layout import Layout, login
from plugin_kit.errors import PluginError
from plugin_kit.http import Http, tls_context
from plugin_kit.reference import DOCKER_HUB, RegistryHost, parse_registry
from plugin_kit.registry import Registry

PATIENCE_SECONDS = 15.0


def copy(image: str, layout: Layout, name: str) -> None:
    """Write an image that the engine has pulled, by the digest that it got then, so that no tag can move in between."""
    path = image.rsplit(":", 1)[0]
    digest = base_images.pulled_digest(image)
    refusals = []
    for place in origins():
        with _opened(place) as registry:
            try:
                root = registry.manifest(path, digest)
                if root is not None:
                    layout.fetch(registry, path, root, name)
                    return
                refusals.append(f"{place.host} does not have it")
            except PluginError as error:
                refusals.append(" ".join([str(error), *error.details]))
    tried = "".join(f"\n  {refusal}" for refusal in refusals)
    raise DevError(
        f"can't copy {path}@{digest}:{tried}", hint="the engine has pulled it once; now this machine itself needs a way to that registry"
    )


def origins() -> Sequence[RegistryHost]:
    """Return where the engine pulls Docker Hub's images from: its mirrors, then Docker Hub itself."""
    mirrors = (engine.connect().info().get("RegistryConfig") or {}).get("Mirrors") or ()
    return [*map(parse_registry, mirrors), parse_registry(DOCKER_HUB)]


@contextmanager
def _opened(place: RegistryHost) -> Iterator[Registry]:
    bundle = host.ca_bundle()
    with Http(verify=tls_context(str(bundle) if bundle else None), retry_for=PATIENCE_SECONDS) as http:
        yield Registry(place, http, login=login(place.host))
