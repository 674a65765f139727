"""The volume that Woodpecker's database lies on, where a StorageClass has made it: it outlives `down`, and the next `up` binds it again."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lightkube
import pytest
from lightkube.resources.core_v1 import PersistentVolume

from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.woodpecker.volume import DatabaseVolume, FormerVolume
from bootstrap.core.change import Change, State
from bootstrap.core.component import Component
from bootstrap.core.errors import PlanError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.resource import ObjectResource
from bootstrap.render import script, text
from devtools.controlplane import ControlPlane, programs
from devtools.platform.run import Run
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import by_hand, made_by, there
from tests.support.processes import wait_for

PREFIX = "ci-disk"
NAMESPACE = f"{PREFIX}-woodpecker"
VOLUMES = (f"{PREFIX}-1", f"{PREFIX}-2")
CLAIM = Ref(api_version="v1", kind="PersistentVolumeClaim", name="data-woodpecker-server-0", namespace=NAMESPACE)
LABEL = DatabaseVolume().label
SECONDS = 60


def volume(name: str) -> Manifest:
    """Write a volume as the provisioner of a class makes one: deleted with its claim."""
    spec = {
        "capacity": {"storage": "5Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": PREFIX,
        "persistentVolumeReclaimPolicy": "Delete",
        "hostPath": {"path": f"/var/{name}"},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def server() -> Manifest:
    """Write as much of the chart's StatefulSet as makes the claim."""
    labels = {"app": "server"}
    access = {"accessModes": ["ReadWriteOnce"], "storageClassName": PREFIX, "resources": {"requests": {"storage": "5Gi"}}}
    pod = {"containers": [{"name": "server", "image": "example.lan/server:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}
    spec = {
        "serviceName": "server",
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": access}],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "woodpecker-server", "namespace": NAMESPACE}, "spec": spec}


PARTS: tuple[Component, ...] = (
    Namespaces(),
    Parts(parts=[FormerVolume(), ObjectResource(manifest=server()), DatabaseVolume()]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The runs, and which of the volumes the claim is bound to."""

    runner: Runner

    def up(self, *components: Component) -> tuple[Change, ...]:
        """Bring it up and return the changes that the plan had."""
        with self.runner.engine(*(components or PARTS)) as run:
            return run.engine.up().changes

    def bound(self, run: Run) -> Manifest:
        """Return the volume of the claim, when both say so."""
        assert wait_for(lambda: (there(run.cluster, CLAIM).get("status") or {}).get("phase") == "Bound", SECONDS)
        name = there(run.cluster, CLAIM)["spec"]["volumeName"]
        return there(run.cluster, Ref(api_version="v1", kind="PersistentVolume", name=name))


@pytest.fixture
def disk(cluster: ControlPlane) -> Iterator[Disk]:
    """Have two volumes, either of which the claim may get."""
    charts = {key: {"chart": {"namespace": f"{PREFIX}-{key.replace('_', '-')}"}} for key in ("argo_cd", "kargo", "argo_rollouts")}
    woodpecker = {"chart": {"namespace": NAMESPACE}}
    platform = a_platform(f"{PREFIX}-platform", **charts, woodpecker=woodpecker, buildkit={"enabled": False})
    with cluster.client() as admin:
        for name in VOLUMES:
            made_by(admin, PersistentVolume, volume(name))
        yield Disk(runner=Runner(plane=cluster, platform=platform))
        with Runner(plane=cluster, platform=platform).engine(Namespaces()) as run:
            run.engine.down()
        for name in VOLUMES:
            with contextlib.suppress(lightkube.ApiError):
                admin.delete(PersistentVolume, name)


def test_the_database_outlives_down_and_is_there_again_after_up(disk: Disk) -> None:
    """Though the class deletes its volumes, and though another volume would do as well."""
    disk.up()
    with disk.runner.engine(*PARTS) as run:
        first, claim = disk.bound(run), there(run.cluster, CLAIM)["metadata"]["uid"]
        assert first["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        assert run.engine.up().exit_code == 0
        teardown = run.engine.down()
    kept = {removal.resource: removal.kept for removal in teardown.kept}
    assert kept[LABEL].startswith(f"PersistentVolume {first['metadata']['name']} holds its pipelines, logs and secrets")
    with disk.runner.engine(*PARTS) as run:
        assert run.cluster.get(CLAIM) is None
    changes = {change.resource: change.note for change in disk.up()}
    assert changes[FormerVolume().label].startswith(f"PersistentVolume {first['metadata']['name']} is bound again")
    with disk.runner.engine(*PARTS) as run:
        again = disk.bound(run)
        assert again["metadata"]["uid"] == first["metadata"]["uid"]
        assert there(run.cluster, CLAIM)["metadata"]["uid"] != claim
        assert run.engine.plan().exit_code == 0


def test_down_refuses_while_the_database_would_be_deleted(disk: Disk, cluster: ControlPlane) -> None:
    """Nothing is deleted, `status` says so, and `up` puts it right."""
    disk.up()
    with disk.runner.engine(*PARTS) as run, cluster.client() as admin:
        found = disk.bound(run)
        name = found["metadata"]["name"]
        ref = Ref(api_version="v1", kind="PersistentVolume", name=name)
        by_hand(admin, PersistentVolume, ref, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})
        with pytest.raises(PlanError):
            run.engine.down()
        printed = " ".join(run.printed.split())
        assert f"Woodpecker's database would be deleted: the persistentVolumeReclaimPolicy of PersistentVolume {name} is" in printed
        assert f"kubectl patch pv {name}" in printed
        states = {label: state for component in run.engine.status().components for label, state in component.rows}
        assert states[LABEL].state is State.FAILED
        assert there(run.cluster, CLAIM)["metadata"].get("deletionTimestamp") is None
    assert [change.resource for change in disk.up()] == [LABEL]
    with disk.runner.engine(*PARTS) as run:
        assert disk.bound(run)["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


def test_the_rendered_scripts_keep_it_as_well(disk: Disk, cluster: ControlPlane, tmp_path: Path) -> None:
    """Their steps before and after the chart, and the look at it before anything is removed."""
    (tmp_path / "functions.sh").write_text(text.script(script.functions(), "platform.yaml"), encoding="utf-8")
    (tmp_path / "kubectl").symlink_to(programs.command("kubectl")[0])
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "KUBECONFIG": str(cluster.admin_kubeconfig)}

    def run_step(name: str) -> subprocess.CompletedProcess[str]:
        line = f"set -euo pipefail; shopt -s inherit_errexit; source ./functions.sh; CONTEXT=''; {name} {NAMESPACE} {CLAIM.name}"
        return subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    def well(name: str) -> bool:
        done = run_step(name)
        return done.returncode == 0 and not done.stdout + done.stderr

    parts = (Namespaces(), Parts(parts=[ObjectResource(manifest=server())]))
    assert [well(name) for name in ("free_volume_of", "retain_volume_of", "volume_of_retained")] == [True, True, True]
    disk.up(*parts)
    with disk.runner.engine(*parts) as run:
        first = disk.bound(run)
        refused = run_step("volume_of_retained")
        assert refused.returncode == 1
        assert f"PersistentVolume {first['metadata']['name']} would not be retained: its persistent" in refused.stderr
        assert [well(name) for name in ("free_volume_of", "retain_volume_of", "volume_of_retained")] == [True, True, True]
        run.engine.down()
    assert well("free_volume_of")
    disk.up(*parts)
    with disk.runner.engine(*parts) as run:
        assert disk.bound(run)["metadata"]["uid"] == first["metadata"]["uid"]
