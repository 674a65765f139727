"""Registry, mirror of docker.io and BuildKit on a network of their own, gone when their context ends.

    with Services.start(name="demo") as s:
        s.network            the name of the Docker network
        s.registry.inside    "registry:5000"                on that network
        s.registry.host      "127.0.0.1:32768"              on this machine
        s.builder.inside     "tcp://buildkit:1234"
        s.builder.host       "tcp://127.0.0.1:32769"
        s.mirror.inside      "mirror:5000"                  stands for docker.io: debian:trixie-slim, moby/buildkit
        s.tools              the image with docker-buildx, git, sshd, curl, openssl

Each part can be started alone: `network`, `registry`, `mirror`, `buildkit`.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devtools import tools_image
from devtools.buildkit import Builder, buildkit, buildkitd_toml
from devtools.containers import network
from devtools.registry import Certificate, Registry, mirror, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Builder", "Certificate", "Registry", "Services", "buildkit", "buildkitd_toml", "mirror", "network", "registry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """A registry, a mirror of docker.io with the base images, and a BuildKit that uses both."""

    network: str
    registry: Registry
    mirror: Registry
    builder: Builder
    tools: str

    @classmethod
    @contextmanager
    def start(cls, *, name: str, builder_volume: str | None = None, registry_volume: str | None = None) -> Iterator[Services]:
        """Start all three; a named volume keeps the state of the builder or of the registry for the next time."""
        with ExitStack() as stack:
            net = stack.enter_context(network(name))
            hub = stack.enter_context(mirror(net))
            store = stack.enter_context(registry(net, volume=registry_volume))
            builder = stack.enter_context(
                buildkit(net, config=buildkitd_toml(mirror=hub.inside, http=[store.inside]), volume=builder_volume)
            )
            yield cls(network=net, registry=store, mirror=hub, builder=builder, tools=tools_image.ensure())
