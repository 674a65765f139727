"""The registry that holds all images."""

from ipaddress import ip_address
from typing import Literal

from pydantic import Field

from bootstrap.platform.endpoint import Url
from bootstrap.platform.names import Name, ObjectName, RegistryAddress
from bootstrap.platform.quantity import Size
from bootstrap.platform.secret_ref import SecretRef
from bootstrap.platform.section import Flag, Section, computed


class RegistryLogin(Section):
    """A login for the registry."""

    username: str
    """User."""

    password: SecretRef
    """Password or access token."""


class RegistryInstall(Section):
    """What is installed where `mode: install`: one pod on a volume, behind the ingress with TLS."""

    image: str = "docker.io/library/registry:3"
    """Image of the registry."""

    size: Size = "100Gi"
    """Size of the volume with the images."""

    storage_class: ObjectName | None = None
    """Its StorageClass. Default: `prerequisites.storage_class`."""

    tls_secret: ObjectName = "registry-tls"  # noqa: S105  the name of one
    """Secret with the certificate of the ingress; cert-manager makes it."""


class Registry(Section):
    """The registry that pipelines push to and that nodes and Kargo read from."""

    mode: Literal["external", "install"]
    """`external`: it is there. `install`: it is made here. `bootstrap down` deletes it in neither case."""

    host: RegistryAddress = Field(json_schema_extra=computed("registry.<domain>"))
    """`host` or `host:port`, which is also how image names begin: pipelines, nodes and Kargo must all reach it under this name."""

    bootstrap_url: Url | None = None
    """Address for this command, where it can't reach the host: a NodePort, a port-forward."""

    plain_http: Flag = False
    """`true`: it speaks plain http. Kargo then finds it only under an IP address: under a name it always speaks https."""

    namespace: Name = "registry"
    """Namespace of its pods."""

    login: RegistryLogin | None = None
    """Login for pushing and pulling. Default: none is needed."""

    install: RegistryInstall = RegistryInstall()
    """What is installed, where `mode: install`."""

    @property
    def hostname(self) -> str:
        """The host without port and brackets."""
        if self.host.startswith("["):
            return self.host[1:].partition("]")[0]
        return self.host.partition(":")[0]

    @property
    def is_named(self) -> bool:
        """Whether it is reached by a DNS name: there Kargo never speaks plain http."""
        try:
            ip_address(self.hostname)
        except ValueError:
            return self.hostname != "localhost" and not self.hostname.endswith(".localhost")
        return False
