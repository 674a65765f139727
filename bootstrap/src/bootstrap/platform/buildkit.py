"""BuildKit: what builds the images, so that no pipeline step is privileged."""

from collections.abc import Mapping

from pydantic import Field

from bootstrap.platform.names import Name, ObjectName
from bootstrap.platform.quantity import Size
from bootstrap.platform.section import Count, Flag, Section

PORT = 1234


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

    replicas: Count = 1
    """Number of builders, each with a cache of its own."""

    platforms: tuple[str, ...] = Field(default=())
    """Platforms with a builder each on nodes of that architecture, such as `linux/amd64`, `linux/arm64`. Default: one, on any node."""

    storage: BuildKitStorage = BuildKitStorage()
    """The build cache."""

    mtls: Flag = True
    """Whether builders and pipelines show each other certificates. Without, everyone in the cluster can build, and read the cache."""

    mirrors: Mapping[str, tuple[str, ...]] = Field(default={})
    """Mirrors by registry: `docker.io: [mirror.example.lan]`."""

    @property
    def cluster_url(self) -> str:
        """The address for `builder` of a registry-push step."""
        return f"tcp://buildkitd.{self.namespace}.svc:{PORT}"
