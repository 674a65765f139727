"""A promotion as Kargo keeps it in the cluster."""

from devtools.controlplane import ControlPlane
from devtools.kargo_promotion import Promotion
from devtools.platform.api import Api, path


def keep(plane: ControlPlane, promotion: Promotion) -> None:
    """Write it, as it is at the moment."""
    manifest = promotion.manifest()
    metadata = manifest["metadata"]
    place = path(manifest["apiVersion"], "promotions", metadata["namespace"], metadata["name"])
    with Api(plane) as api:
        api.apply(place, manifest, manager="kargo")
        api.merge(f"{place}/status", {"status": promotion.status})
