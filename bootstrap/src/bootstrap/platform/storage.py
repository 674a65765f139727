"""Volumes that outlive the cluster: NFS exports and the PersistentVolumes on them."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from bootstrap.platform.names import Host, Name, ObjectName
from bootstrap.platform.quantity import Size
from bootstrap.platform.section import Section


def _export(text: str) -> str:
    if not text.startswith("/") or ".." in text.split("/") or text.rstrip("/") == "":
        raise ValueError(f'"{text}" is not a path of the NFS server: it begins with / and names a folder')
    return text.rstrip("/")


ExportPath: TypeAlias = Annotated[str, AfterValidator(_export)]


class NfsVolume(Section):
    """A PersistentVolume on NFS and the claim that it is reserved for. It is always retained."""

    path: ExportPath
    """Folder on the NFS server, which must exist. Each volume has its own."""

    size: Size
    """Capacity of the volume."""

    persistent_volume: ObjectName
    """Name of the PersistentVolume."""

    claim: Name
    """Name of the claim that it is reserved for, in the namespace of the component."""


class ArgoCdVolume(NfsVolume):
    """Volume beside Argo CD."""

    size: Size = "5Gi"
    persistent_volume: ObjectName = "pipeline-argocd-pv"
    claim: Name = "pipeline-argocd"


class KargoVolume(NfsVolume):
    """Volume beside Kargo."""

    size: Size = "2Gi"
    persistent_volume: ObjectName = "pipeline-kargo-pv"
    claim: Name = "pipeline-kargo"


class WoodpeckerVolume(NfsVolume):
    """Volume of the Woodpecker server."""

    size: Size = "5Gi"
    persistent_volume: ObjectName = "pipeline-woodpecker-pv"
    # The StatefulSet of the chart calls its claim so (release `woodpecker`).
    claim: Name = "data-woodpecker-server-0"


class Storage(Section):
    """An NFS server, and what is kept on it. `bootstrap down` leaves all of it alone."""

    server: Host
    """Name or address of the NFS server, as the nodes reach it."""

    mount_options: tuple[str, ...] = Field(default=("nfsvers=4.1",))
    """Mount options of every volume."""

    argo_cd: ArgoCdVolume | None = None
    """For the nightly export of Argo CD's objects; its chart mounts none itself."""

    kargo: KargoVolume | None = None
    """For the nightly export of Kargo's objects; its chart mounts none itself."""

    woodpecker: WoodpeckerVolume | None = None
    """For the database of the Woodpecker server, where `woodpecker.storage.kind` is `nfs`."""

    def volumes(self) -> dict[str, NfsVolume]:
        """Return the volumes that are wanted, by key."""
        wanted = {"argo_cd": self.argo_cd, "kargo": self.kargo, "woodpecker": self.woodpecker}
        return {key: volume for key, volume in wanted.items() if volume is not None}
