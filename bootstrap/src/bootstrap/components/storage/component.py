"""PersistentVolumes on NFS and their claims."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bootstrap.core.context import Context
from bootstrap.core.objects import load_manifest
from bootstrap.core.resource import ObjectResource, Resource
from bootstrap.core.volume import NfsVolumeResource
from bootstrap.platform.platform import Platform
from bootstrap.platform.storage import NfsVolume


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A volume, and the claim that it is for."""

    volume: NfsVolume
    namespace: str
    size: str
    """What the claim asks for."""
    access: str


class Storage:
    """Volumes on NFS; `down` takes the claims along with their namespaces, and `up` binds the volumes again."""

    name = "storage"
    title = "Volumes on NFS"
    needs: tuple[str, ...] = ("namespaces",)

    def enabled(self, platform: Platform) -> bool:
        """Tell whether there is any."""
        return any(uses(platform))

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return each volume, and behind it its claim."""
        storage = context.platform.storage
        found: list[Resource] = []
        for use in uses(context.platform):
            assert storage is not None  # noqa: S101  without it there are no uses
            names = {"volume": use.volume.persistent_volume, "claim": use.volume.claim, "namespace": use.namespace, "access": use.access}
            size, path = use.volume.size, use.volume.path
            options = list(storage.mount_options)
            volume = {**names, "size": size, "path": path, "server": storage.server, "options": options}
            found += [NfsVolumeResource(manifest=each) for each in load_manifest(__package__, "volume.yaml", volume)]
            found += [ObjectResource(manifest=each) for each in load_manifest(__package__, "claim.yaml", {**names, "size": use.size})]
        return found


def uses(platform: Platform) -> Iterator[Use]:
    """Yield the volumes that are used, in the order of platform.yaml."""
    storage = platform.storage
    if storage is None:
        return
    if storage.argo_cd:
        yield Use(volume=storage.argo_cd, namespace=platform.argo_cd.chart.namespace, size=storage.argo_cd.size, access="ReadWriteMany")
    if storage.kargo:
        yield Use(volume=storage.kargo, namespace=platform.kargo.chart.namespace, size=storage.kargo.size, access="ReadWriteMany")
    server = platform.woodpecker
    if storage.woodpecker and server.storage.kind == "nfs":
        # As the template of the chart's StatefulSet has it: it takes a claim of this name as its own.
        yield Use(volume=storage.woodpecker, namespace=server.chart.namespace, size=server.storage.size, access="ReadWriteOnce")
