"""Volumes on NFS on a real API server: bound, kept when all else goes, and bound again."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.storage.component import Storage
from bootstrap.core.errors import PlanError, ReplacementError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.platform.run import Run
from tests.support.bootstrap_run import Runner, a_platform
from tests.support.cluster_objects import there

PREFIX = "nfs-test"


def platform(server: str = "192.168.42.8", prefix: str = PREFIX, **kargo: Any) -> Platform:  # noqa: ANN401  keys of the volume
    """Return a platform with namespaces and volumes of its own."""
    charts = {key: {"chart": {"namespace": f"{prefix}-{key.replace('_', '-')}"}} for key in ("argo_cd", "kargo", "argo_rollouts")}
    woodpecker = {"chart": {"namespace": f"{prefix}-woodpecker"}, "storage": {"kind": "nfs"}}
    storage = {
        "server": server,
        "argo_cd": {"path": "/volume1/argocd", "persistent_volume": f"{prefix}-argocd"},
        "kargo": {"path": "/volume1/kargo", "persistent_volume": f"{prefix}-kargo", **kargo},
        "woodpecker": {"path": "/volume1/woodpecker", "persistent_volume": f"{prefix}-woodpecker"},
    }
    return a_platform(f"{prefix}-platform", **charts, woodpecker=woodpecker, storage=storage, buildkit={"enabled": False})


def volume(run: Run, name: str = "kargo", prefix: str = PREFIX) -> Manifest:
    """Return a volume as it is."""
    return there(run.cluster, Ref(api_version="v1", kind="PersistentVolume", name=f"{prefix}-{name}"))


def claim(run: Run) -> Manifest:
    """Return Kargo's claim as it is."""
    return there(run.cluster, Ref(api_version="v1", kind="PersistentVolumeClaim", name="pipeline-kargo", namespace=f"{PREFIX}-kargo"))


@pytest.fixture
def runner(cluster: ControlPlane) -> Runner:
    """Make runs on a control plane with controllers, which bind volumes."""
    return Runner(plane=cluster, platform=platform())


def test_volumes_are_bound_kept_by_down_and_bound_again(runner: Runner) -> None:
    """The data are where they were, in the claim of the same name; nothing is changed when nothing has to be."""
    with runner.engine(Namespaces(), Storage()) as run:
        run.engine.up()
        for name in ("argocd", "kargo", "woodpecker"):
            assert volume(run, name)["status"]["phase"] == "Bound"
        first, uid = volume(run), claim(run)["metadata"]["uid"]
    with runner.engine(Namespaces(), Storage()) as run:
        before = run.cluster.mutations
        run.engine.up()
        assert run.cluster.mutations == before
    with runner.engine(Namespaces(), Storage()) as run:
        run.engine.down()
        assert volume(run)["status"]["phase"] == "Released"
        assert "its data stay where they are" in run.printed
    with runner.engine(Namespaces(), Storage()) as run:
        run.engine.up()
        again = volume(run)
        assert again["status"]["phase"] == "Bound"
        assert again["metadata"]["uid"] == first["metadata"]["uid"]
        assert again["spec"]["nfs"] == first["spec"]["nfs"]
        assert claim(run)["metadata"]["uid"] != uid


def test_a_volume_on_another_server_is_never_replaced_by_itself(runner: Runner) -> None:
    """Where an NFS volume lies can't be changed in place; a person moves the data."""
    with runner.engine(Namespaces(), Storage()) as run:
        run.engine.up()
    moved = replace(runner, platform=platform(server="nas2.lan"))
    with moved.engine(Namespaces(), Storage()) as run:
        with pytest.raises(PlanError):
            run.engine.up()
        problems = run.engine.plan().problems
        assert {type(each.error) for each in problems} == {ReplacementError}
        assert f"PersistentVolume {PREFIX}-kargo needs replacement" in {each.error.message.partition(":")[0] for each in problems}
        assert volume(run)["spec"]["nfs"]["server"] == "192.168.42.8"


def test_a_volume_that_was_made_by_hand_is_taken_over_with_its_data(runner: Runner, cluster: ControlPlane) -> None:
    """As the seed's are: without a claimRef, and some with Delete."""
    name = "nfs-by-hand"
    manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{name}-kargo"},
        "spec": {
            "capacity": {"storage": "2Gi"},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Delete",
            "nfs": {"server": "192.168.42.8", "path": "/volume1/kargo"},
        },
    }
    cluster.apply(yaml.safe_dump(manifest))
    by_hand = platform(prefix=name)
    hand_managers = by_hand.model_copy(update={"hand_managers": ("local-cicd-tests",)})
    with replace(runner, platform=hand_managers).engine(Namespaces(), Storage()) as run:
        run.engine.up()
        spec = volume(run, prefix=name)["spec"]
        assert spec["persistentVolumeReclaimPolicy"] == "Retain"
        assert (spec["claimRef"]["namespace"], spec["claimRef"]["name"]) == (f"{name}-kargo", "pipeline-kargo")
        run.engine.down()
