"""Volumes on NFS and their claims, as platform.yaml says."""

from typing import Any

import pytest

from bootstrap.components.storage.component import Storage
from bootstrap.core.resource import ObjectResource
from bootstrap.core.volume import NfsVolumeResource
from tests.support.bootstrap_run import a_platform
from tests.support.still_cluster import StillCluster, manifest_of

NFS: dict[str, Any] = {
    "server": "192.168.42.8",
    "argo_cd": {"path": "/volume1/Kubernetes/pipelines/argocd"},
    "kargo": {"path": "/volume1/Kubernetes/pipelines/kargo"},
    "woodpecker": {"path": "/volume1/Kubernetes/pipelines/woodpecker"},
}


def resources(kind: str = "nfs", **storage: Any) -> list[Any]:  # noqa: ANN401  keys of platform.yaml
    """Return what becomes of a platform with these volumes."""
    platform = a_platform(storage={**NFS, **storage}, woodpecker={"storage": {"kind": kind}})
    return list(Storage().resources(StillCluster().context(platform)))


def volumes(found: list[Any]) -> dict[str, dict[str, Any]]:
    """Return the PersistentVolumes by name."""
    return {each.manifest["metadata"]["name"]: each.manifest for each in found if isinstance(each, NfsVolumeResource)}


def test_the_seeds_three_volumes_have_its_sizes_and_paths() -> None:
    """What the design document of the pipeline lists."""
    seen = {
        name: (each["spec"]["capacity"]["storage"], each["spec"]["nfs"]["path"].rpartition("/")[2])
        for name, each in volumes(resources()).items()
    }
    assert seen == {
        "pipeline-argocd-pv": ("5Gi", "argocd"),
        "pipeline-kargo-pv": ("2Gi", "kargo"),
        "pipeline-woodpecker-pv": ("5Gi", "woodpecker"),
    }


def test_volumes_keep_their_data_and_wait_for_one_claim_only() -> None:
    """Without Retain the data would go with the claim, and without claimRef any claim could take them; a uid would fit only once."""
    for each in volumes(resources()).values():
        assert each["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        assert each["spec"]["storageClassName"] == ""
        assert set(each["spec"]["claimRef"]) == {"apiVersion", "kind", "namespace", "name"}


@pytest.mark.parametrize(
    ("claim", "volume", "access"),
    [
        ("argocd/pipeline-argocd", "pipeline-argocd-pv", ["ReadWriteMany"]),
        ("kargo/pipeline-kargo", "pipeline-kargo-pv", ["ReadWriteMany"]),
        ("woodpecker/data-woodpecker-server-0", "pipeline-woodpecker-pv", ["ReadWriteOnce"]),
    ],
)
def test_a_claim_names_its_volume_and_no_class(claim: str, volume: str, access: list[str]) -> None:
    """An omitted class would be the default one (k3s: local-path), and the claim would get an empty volume."""
    found = resources()
    spec = manifest_of(found, f"PersistentVolumeClaim {claim}")["spec"]
    assert (spec["storageClassName"], spec["volumeName"], spec["accessModes"]) == ("", volume, access)
    reserved = volumes(found)[volume]["spec"]
    assert f"{reserved['claimRef']['namespace']}/{reserved['claimRef']['name']}" == claim
    assert reserved["accessModes"] == access


def test_each_volume_stands_before_its_claim() -> None:
    """The other way round a claim would first be Pending, and `up` would wait for it."""
    kinds = [type(each) for each in resources()]
    assert kinds == [NfsVolumeResource, ObjectResource] * 3


def test_mount_options_are_those_of_the_platform() -> None:
    """NFS 4.1 unless something else is written."""
    assert volumes(resources())["pipeline-kargo-pv"]["spec"]["mountOptions"] == ["nfsvers=4.1"]
    assert volumes(resources(mount_options=["nfsvers=3", "nolock"]))["pipeline-kargo-pv"]["spec"]["mountOptions"] == ["nfsvers=3", "nolock"]


def test_a_woodpecker_on_a_block_volume_has_none_on_nfs() -> None:
    """Its claim is then one of a StorageClass, made by the chart."""
    assert "pipeline-woodpecker-pv" not in volumes(resources(kind="block"))


def test_a_platform_without_nfs_has_no_such_component() -> None:
    """Nor does one whose only volume is not used."""
    assert not Storage().enabled(a_platform())
    only = {"server": "nas.lan", "woodpecker": {"path": "/export/woodpecker"}}
    assert not Storage().enabled(a_platform(storage=only, woodpecker={"storage": {"kind": "block"}}))
    assert Storage().enabled(a_platform(storage=only, woodpecker={"storage": {"kind": "nfs"}}))
