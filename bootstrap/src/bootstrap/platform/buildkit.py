"""BuildKit: what builds the images, so that no pipeline step is privileged."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema

from bootstrap.platform.names import Name, ObjectName
from bootstrap.platform.quantity import Size
from bootstrap.platform.section import Count, Flag, Section

PORT = 1234
_NAME = "buildkitd"
_PLATFORM = r"linux/[a-z0-9]+(?:/[a-z0-9]+)?"


def _platform(text: str) -> str:
    if not re.fullmatch(_PLATFORM, text):
        raise ValueError(f'"{text}" is no platform; write linux/amd64, linux/arm64 or linux/arm/v7')
    return text


TargetPlatform: TypeAlias = Annotated[str, AfterValidator(_platform), WithJsonSchema({"type": "string", "pattern": f"^{_PLATFORM}$"})]


class BuildKitStorage(Section):
    """The volume with the build cache, one per replica."""

    size: Size = "50Gi"
    """Its size; BuildKit deletes the oldest of the cache before it is full."""

    storage_class: ObjectName | None = None
    """Its StorageClass; not one on NFS. Default: `prerequisites.storage_class`."""


class BuildKit(Section):
    """A BuildKit that stays: its cache makes the second build fast."""

    enabled: Flag = True
    """`false`: none is installed; the pipelines then need one of their own, or privileged steps."""

    namespace: Name = "buildkit"
    """Its namespace. It is the only one whose pods are privileged."""

    privileges: Literal["privileged", "rootless"] = "privileged"
    """How it gets to make the containers in which it builds. `privileged` works on every node, and whoever may build is root there.
    `rootless` needs nodes that let everybody make user namespaces, and moby's rootless image as `buildkit-rootless` in `images.source`."""

    replicas: Count = 1
    """Number of builders, each with a cache of its own."""

    platforms: tuple[TargetPlatform, ...] = Field(default=())
    """Platforms with a builder each on nodes of that architecture, such as `linux/amd64`, `linux/arm64`. Default: one, on any node.
    A registry-push step then names them all in `builder`: `tcp://buildkitd-amd64.buildkit.svc:1234`, `tcp://buildkitd-arm64...`."""

    storage: BuildKitStorage = BuildKitStorage()
    """The build cache."""

    mtls: Flag = True
    """Whether builders and pipelines show each other certificates. Without, everyone in the cluster can build, and read the cache."""

    mirrors: Mapping[str, tuple[str, ...]] = Field(default={})
    """Mirrors by registry: `docker.io: [mirror.example.lan]`."""

    @property
    def builders(self) -> Mapping[str, str | None]:
        """The builders by name, each with the architecture of its nodes, None for any node."""
        if not self.platforms:
            return {_NAME: None}
        # linux/arm/v7 runs on nodes that call themselves arm.
        architectures = dict.fromkeys(each.split("/")[1] for each in self.platforms)
        return {f"{_NAME}-{name}": name for name in architectures}

    @property
    def cluster_urls(self) -> tuple[str, ...]:
        """The addresses for `builder` of a registry-push step: several are one builder with a node per platform."""
        return tuple(f"tcp://{name}.{self.namespace}.svc:{PORT}" for name in self.builders)
