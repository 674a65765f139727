"""Plays local-path's provisioner: a volume for each claim that a pod waits for, and none for those that are gone."""

from contextlib import AbstractContextManager
from typing import Any

from devtools.controlplane import ControlPlane
from devtools.platform.api import Api, Live, Rest, path, path_of, playing

CLASS = "local-path"
_NAME = "rancher.io/local-path"
_NODE = "volume.kubernetes.io/selected-node"
_PROVISIONED = "pv.kubernetes.io/provisioned-by"


def provisioning(plane: ControlPlane, *, rest: Rest | None = None) -> AbstractContextManager[None]:
    """Play it as long as the block runs."""
    return playing(plane, _look, rest=rest)


def _look(api: Api) -> None:
    for claim in api.objects("v1", "persistentvolumeclaims"):
        spec, metadata = claim["spec"], claim["metadata"]
        chosen = (metadata.get("annotations") or {}).get(_NODE)
        if spec.get("storageClassName") == CLASS and chosen and not spec.get("volumeName") and "deletionTimestamp" not in metadata:
            volume = _volume(claim)
            api.apply(path("v1", "persistentvolumes", name=volume["metadata"]["name"]), volume, manager=_NAME)
    for volume in api.objects("v1", "persistentvolumes"):
        ours = (volume["metadata"].get("annotations") or {}).get(_PROVISIONED) == _NAME
        goes = ours and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        if goes and (volume.get("status") or {}).get("phase") == "Released" and "deletionTimestamp" not in volume["metadata"]:
            api.delete(path_of(volume, "v1", "persistentvolumes"))


def _volume(claim: Live) -> dict[str, Any]:
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_PROVISIONED: _NAME}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "storageClassName": CLASS,
            "persistentVolumeReclaimPolicy": "Delete",
            "hostPath": {"path": f"/var/lib/local-path/{name}"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        },
    }
