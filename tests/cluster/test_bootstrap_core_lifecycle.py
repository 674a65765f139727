"""With controllers: volumes are bound again, namespaces go or say why not, and workloads are waited for."""

import contextlib
import secrets
from collections.abc import Iterator

import lightkube
import pytest
from lightkube.resources.core_v1 import ConfigMap, Namespace, PersistentVolume, PersistentVolumeClaim

from bootstrap.components.namespaces.component import Namespaces
from bootstrap.core.change import READY, Action, State
from bootstrap.core.context import Options
from bootstrap.core.errors import PlanError, ReplacementError, WaitError
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.resource import ObjectResource
from bootstrap.core.volume import NfsVolumeResource
from devtools.controlplane import ControlPlane
from devtools.platform.run import Run
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.charts import NOWHERE
from tests.support.cluster_objects import by_hand, config_map, deployment, made_by, namespace_of, there
from tests.support.processes import wait_for

SECONDS = 60


@pytest.fixture
def admin(cluster: ControlPlane) -> Iterator[lightkube.Client]:
    """Connect as who may do everything."""
    with cluster.client() as client:
        yield client


@pytest.fixture
def place(admin: lightkube.Client) -> Iterator[str]:
    """Make a namespace and take it away, with that of the lock."""
    name = f"life-{secrets.token_hex(4)}"
    made_by(admin, Namespace, namespace_of(name))
    yield name
    for each in (name, f"{name}-lock"):
        with contextlib.suppress(lightkube.ApiError):
            admin.delete(Namespace, each)


@pytest.fixture
def runner(cluster: ControlPlane, place: str) -> Runner:
    """Run on a platform of this test's own."""
    return Runner(plane=cluster, platform=a_platform(f"{place}-lock"))


@pytest.fixture
def run(runner: Runner) -> Iterator[Run]:
    """Start a run without components, for its context."""
    with runner.engine() as started:
        yield started


def volume(place: str, path: str = "/srv/data") -> Manifest:
    """Write a PersistentVolume on NFS that is reserved for the claim `data`."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "mountOptions": ["nfsvers=4.1"],
        "nfs": {"server": "nfs.example.lan", "path": path},
        "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": place, "name": "data"},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"{place}-pv"}, "spec": spec}


def claim(place: str, name: str = "data") -> Manifest:
    """Write a claim without a class."""
    spec = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": place}, "spec": spec}


@pytest.fixture
def disk(place: str, admin: lightkube.Client) -> Iterator[Parts]:
    """Take a volume and its claim; the volume, which `down` keeps, is taken away at the end."""
    yield Parts(parts=[NfsVolumeResource(manifest=volume(place)), ObjectResource(manifest=claim(place))])
    with contextlib.suppress(lightkube.ApiError):
        admin.delete(PersistentVolume, f"{place}-pv")


def phase(run: Run, place: str) -> str:
    """Return the phase of the volume."""
    return str(there(run.cluster, ref_of(volume(place)))["status"]["phase"])


def test_a_volume_is_bound_again_after_down_and_up(runner: Runner, run: Run, disk: Parts, place: str) -> None:
    """What its data belonged to is gone, and the new claim of the same name gets them."""
    for _ in range(2):
        with runner.engine(disk) as started:
            started.engine.up()
            assert started.engine.plan().exit_code == 0
        assert wait_for(lambda: phase(run, place) == "Bound", SECONDS)
        with runner.engine(disk) as started:
            teardown = started.engine.down()
        assert [removal.resource for removal in teardown.kept] == [f"PersistentVolume {place}-pv"]
        assert wait_for(lambda: phase(run, place) == "Released", SECONDS)
    with runner.engine(disk) as started:
        lines = [str(field) for field in started.engine.plan().changes[0].fields]
    assert len(lines) == 1
    assert lines[0].startswith("spec.claimRef.uid: ")


def test_a_volume_of_a_living_claim_is_left_alone(runner: Runner, run: Run, disk: Parts, place: str) -> None:
    """Its uid is that of the claim that it is bound to."""
    with runner.engine(disk) as started:
        started.engine.up()
    uid = there(run.cluster, ref_of(volume(place)))["spec"]["claimRef"]["uid"]
    assert NfsVolumeResource(manifest=volume(place)).observe(run.context).change is None
    assert there(run.cluster, ref_of(volume(place)))["spec"]["claimRef"]["uid"] == uid


def test_another_path_of_a_volume_needs_a_person(runner: Runner, disk: Parts, place: str) -> None:
    """Its source can't be changed, and its data are not moved by themselves."""
    with runner.engine(disk) as started:
        started.engine.up()
    with runner.engine(Parts(parts=[NfsVolumeResource(manifest=volume(place, "/srv/other"))])) as started:
        (problem,) = started.engine.plan().problems
    assert isinstance(problem.error, ReplacementError)
    assert problem.error.message.startswith(f"PersistentVolume {place}-pv needs replacement: spec.persistentvolumesource")
    assert "copy nfs.example.lan:/srv/data to the new place" in str(problem.error.hint)
    assert f"kubectl delete pvc -n {place} data; kubectl delete pv {place}-pv" in str(problem.error.hint)


def test_down_refuses_while_data_would_be_lost(runner: Runner, run: Run, disk: Parts, admin: lightkube.Client, place: str) -> None:
    """Somebody has set the volume to be deleted with its claim."""
    with runner.engine(disk) as started:
        started.engine.up()
    by_hand(admin, PersistentVolume, ref_of(volume(place)), {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})
    with runner.engine(disk) as started, pytest.raises(PlanError):
        started.engine.down()
    assert "would not be retained: its persistentVolumeReclaimPolicy is Delete" in started.printed
    assert run.cluster.get(ref_of(claim(place)))
    with runner.engine(disk) as started:
        started.engine.up()
    assert there(run.cluster, ref_of(volume(place)))["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert admin.get(PersistentVolumeClaim, "data", namespace=place)


def test_up_waits_for_a_workload(runner: Runner, run: Run, place: str) -> None:
    """Until its pods are available."""
    with runner.engine(Parts(parts=[ObjectResource(manifest=deployment(place, replicas=2))])) as started:
        started.engine.up()
    assert ObjectResource(manifest=deployment(place)).status(run.context) == READY


def test_a_workload_that_does_not_come_up_is_explained(cluster: ControlPlane, place: str) -> None:
    """With the pod's event, which says why."""
    runner = Runner(plane=cluster, platform=a_platform(f"{place}-lock", timeouts={"ready": "3s"}))
    parts = Parts(parts=[ObjectResource(manifest=deployment(place, selector=NOWHERE))])
    with runner.engine(parts) as started, pytest.raises(WaitError) as failed:
        started.engine.up()
    assert failed.value.message == f"Deployment {place}/api was not in order after 3.0s: 0 of 1 pods are available"
    told = "\n".join(failed.value.details)
    assert "FailedScheduling: 0/2 nodes are available" in told


def hold(admin: lightkube.Client, name: str) -> None:
    """Put a ConfigMap into a namespace that a controller is to clean up, and there is no such controller."""
    manifest = config_map(name)
    metadata = {**manifest["metadata"], "finalizers": ["example.lan/clean-up"]}
    made_by(admin, ConfigMap, {**manifest, "metadata": metadata})


def test_a_namespace_that_hangs_says_what_it_waits_for(cluster: ControlPlane, admin: lightkube.Client, place: str) -> None:
    """Its conditions name the finalizers; they go only when the person says so."""
    runner = Runner(plane=cluster, platform=a_platform(f"{place}-lock", timeouts={"deleted": "8s"}))
    name = f"{place}-held"
    parts = Parts(parts=[ObjectResource(manifest=namespace_of(name))])
    with runner.engine(parts) as started:
        started.engine.up()
    hold(admin, name)
    with runner.engine(parts) as started, pytest.raises(WaitError) as hanging:
        started.engine.down()
    assert "example.lan/clean-up in 1 resource instances" in "\n".join([hanging.value.message, *hanging.value.details])
    assert "--remove-finalizers" in (hanging.value.hint or "")
    with runner.engine(parts, options=Options(remove_finalizers=True)) as started:
        started.engine.down()
        assert started.cluster.get(ref_of(namespace_of(name))) is None
    assert f"ConfigMap {name}/settings loses its finalizers (example.lan/clean-up)" in started.printed


def test_up_says_what_an_old_namespace_waits_for(cluster: ControlPlane, admin: lightkube.Client, place: str) -> None:
    """Somebody has deleted it, and it hangs: `up` can't make it anew, and frees it only when the person says so."""
    name = f"{place}-old"
    runner = Runner(plane=cluster, platform=a_platform(f"{place}-lock", timeouts={"ready": "5s", "deleted": "5s"}))
    settings = {**config_map(name), "metadata": {"name": "more", "namespace": name}}
    parts = Parts(parts=[ObjectResource(manifest=each) for each in (namespace_of(name), settings)])
    with runner.engine(parts) as started:
        started.engine.up()
    hold(admin, name)
    admin.delete(Namespace, name)
    with runner.engine(parts) as started:
        assert wait_for(lambda: "example.lan/clean-up" in str(started.cluster.get(ref_of(namespace_of(name)))), SECONDS)
        with pytest.raises(WaitError) as hanging:
            started.engine.up()
    assert "example.lan/clean-up in 1 resource instances" in hanging.value.message
    assert "--remove-finalizers" in (hanging.value.hint or "")
    with runner.engine(parts, options=Options(remove_finalizers=True)) as started:
        plan = started.engine.up()
        (change,) = plan.changes
        assert [each.reason for each in plan.later] == [f"the new namespace {name} is there"]
        assert (change.action, "loses its finalizers" in change.note) == (Action.REPLACE, True)
        assert "deletionTimestamp" not in there(started.cluster, ref_of(namespace_of(name)))["metadata"]
    assert f"ConfigMap {name}/settings loses its finalizers (example.lan/clean-up)" in started.printed


def test_the_namespaces_of_a_platform_come_and_go(cluster: ControlPlane, place: str) -> None:
    """Those that hold secrets, applications or a Kargo project stay."""
    project = {
        "name": place,
        "watched_image": f"{place}/api",
        "chart_path": "deploy",
        "stages": [{"name": "beta", "promotion": "auto"}],
    }
    keys = ("woodpecker", "argo_cd", "kargo", "argo_rollouts")
    charts = {key: {"chart": {"namespace": f"{place}-{key.replace('_', '')}"}} for key in keys}
    platform = a_platform(f"{place}-lock", **charts, buildkit={"namespace": f"{place}-buildkit"}, projects=[project])
    runner = Runner(plane=cluster, platform=platform)
    with runner.engine(Namespaces()) as started:
        started.engine.up()
        assert started.engine.status().exit_code == 0
        assert started.engine.plan().exit_code == 0
        teardown = started.engine.down()
        assert f"Namespace {place}-woodpecker" in [removal.resource for removal in teardown.deleted]
        stay = [f"{place}-lock", f"{place}-beta", f"{place}-cd"]
        assert sorted(removal.resource for removal in teardown.kept) == sorted(f"Namespace {name}" for name in stay)
        marked = there(started.cluster, Ref(api_version="v1", kind="Namespace", name=f"{place}-cd"))["metadata"]
        assert marked["labels"]["kargo.akuity.io/project"] == "true"
        assert marked["annotations"] == {"kargo.akuity.io/keep-namespace": "true"}
        gone = Ref(api_version="v1", kind="Namespace", name=f"{place}-woodpecker")
        assert started.cluster.get(gone) is None
        assert ObjectResource(manifest=namespace_of(f"{place}-lock")).status(started.context).state is State.READY
