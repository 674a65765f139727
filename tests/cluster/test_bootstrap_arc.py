"""Actions Runner Controller on a real API server with real Helm releases: taken away in the order that comes to an end."""

import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from lightkube.resources.core_v1 import ConfigMap, Secret
from lightkube.types import PatchType

from bootstrap.components.arc.component import Arc
from bootstrap.core.change import Action
from bootstrap.core.context import Options
from bootstrap.core.errors import PlanError, WaitError
from bootstrap.core.objects import Manifest, Ref
from devtools.controlplane import ControlPlane, programs
from devtools.platform import runner_controller
from devtools.platform.run import Run
from devtools.platform.runner_controller import RESOURCES
from tests.support.bootstrap_run import Runner, a_platform
from tests.support.cluster_objects import namespace_of

NAMESPACE = "arc-test"
VOLUME = "arc-test-pv"
BINDING = "arc-test-runners"
CRD = Ref(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition", name="autoscalingrunnersets.actions.github.com")


class Removal(Arc):
    """The component without the ones that it needs."""

    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A cluster with Actions Runner Controller in it."""

    plane: ControlPlane
    runner: Runner
    folder: Path

    def helm(self, *arguments: str) -> str:
        """Run Helm as a person does."""
        command = [*programs.command("helm3"), *arguments, "--namespace", NAMESPACE, "--kubeconfig", str(self.plane.admin_kubeconfig)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    def install(self) -> None:
        """Install controller and scale set, with a runner, and what the seed has made by hand."""
        scale_set, controller = runner_controller.charts(self.folder)
        self.helm("upgrade", "--install", "arc", str(controller), "--create-namespace", "--wait", "--timeout", "60s")
        self.helm("upgrade", "--install", "arc-runner-set", str(scale_set))
        self.plane.apply(runner_controller.runner(NAMESPACE, "busy-one"))
        self.plane.apply(yaml.safe_dump_all([binding(), volume()]))

    def there(self) -> bool:
        """Tell whether the namespace is."""
        with self.engine() as run:
            return run.cluster.get(Ref(api_version="v1", kind="Namespace", name=NAMESPACE)) is not None

    def engine(self, *, remove_finalizers: bool = False) -> AbstractContextManager[Run]:
        """Start a run."""
        return self.runner.engine(Removal(), options=Options(remove_finalizers=remove_finalizers))


def binding(*more: Manifest) -> Manifest:
    """Write the rights that runners have got by hand."""
    subjects = [{"kind": "ServiceAccount", "name": "runner", "namespace": NAMESPACE}, *more]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": BINDING},
        "roleRef": role,
        "subjects": subjects,
    }


def volume(policy: str = "Retain") -> Manifest:
    """Write the volume of the runners."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "",
        "persistentVolumeReclaimPolicy": policy,
        "nfs": {"server": "nas.lan", "path": "/arc"},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": VOLUME}, "spec": spec}


@pytest.fixture
def scene(cluster: ControlPlane, tmp_path: Path) -> Iterator[Scene]:
    """Install it, and take away whatever a test has left of it."""
    arc = {"namespace": NAMESPACE, "persistent_volumes": [VOLUME], "cluster_role_bindings": [BINDING]}
    platform = a_platform("arc-platform", arc=arc, timeouts={"ready": "60s", "deleted": "60s"})
    scene = Scene(plane=cluster, runner=Runner(plane=cluster, platform=platform), folder=tmp_path)
    scene.install()
    yield scene
    cluster.apply(yaml.safe_dump_all([binding(), volume()]))
    with scene.engine(remove_finalizers=True) as run, runner_controller.working(cluster, NAMESPACE):
        run.engine.up()


def short(scene: Scene, deleted: str = "2s") -> Scene:
    """Return the scene with little patience."""
    timeouts = scene.runner.platform.timeouts.model_validate({"deleted": deleted, "ready": "60s"})
    return replace(scene, runner=replace(scene.runner, platform=scene.runner.platform.model_copy(update={"timeouts": timeouts})))


def test_all_of_it_goes_while_the_controller_cleans_up(scene: Scene) -> None:
    """Scale set, runners, controller, CRDs, rights, namespace and volume; a second time there is nothing to do."""
    with scene.engine() as run, runner_controller.working(scene.plane, NAMESPACE) as cleaned:
        plan = run.engine.up()
        assert {change.action for change in plan.changes} == {Action.DELETE}
        for ref in (
            CRD,
            Ref(api_version="v1", kind="Namespace", name=NAMESPACE),
            Ref(api_version="v1", kind="PersistentVolume", name=VOLUME),
            Ref(api_version="rbac.authorization.k8s.io/v1", kind="ClusterRoleBinding", name=BINDING),
        ):
            assert run.cluster.get(ref) is None, ref.label
    # The controller was there when they went: it is the only one that knows how to.
    assert cleaned[0].startswith("AutoscalingRunnerSet")
    assert "EphemeralRunner busy-one" in cleaned
    with scene.engine() as run:
        before = run.cluster.mutations
        assert not run.engine.up().changes
        assert run.cluster.mutations == before


def test_the_plan_names_the_jobs_that_would_be_lost(scene: Scene) -> None:
    """Whoever reads it can wait until they are done."""
    status = {"status": {"phase": "Running", "jobId": "17", "jobDisplayName": "nightly", "jobRepositoryName": "celesrenata/stonks-oracle"}}
    with scene.plane.client() as client:
        client.patch(RESOURCES["EphemeralRunner"], "busy-one", status, namespace=NAMESPACE, patch_type=PatchType.MERGE)
    with scene.engine() as run:
        notes = {change.resource: change.note for change in run.engine.plan().changes}
    assert notes[f"Helm release {NAMESPACE}/arc-runner-set"] == "a job is lost: busy-one runs nightly of celesrenata/stonks-oracle"


def test_without_its_controller_it_says_what_hangs_and_how_to_let_go(scene: Scene) -> None:
    """Finalizers are taken away when that is asked for, and not before."""
    impatient = short(scene)
    with impatient.engine() as run:
        with pytest.raises(WaitError, match=r"nobody cleans up|has not cleaned up") as caught:
            run.engine.up()
        text = "\n".join(caught.value.details)
        assert "AutoscalingRunnerSet arc-test/arc-runner-set (finalizers: autoscalingrunnerset.actions.github.com/finalizer)" in text
        assert "--remove-finalizers" in str(caught.value.hint)
        # The controller must stay as long as somebody may still mend it.
        assert "Helm release arc-test/arc" in {change.resource for change in run.engine.plan().changes}
    with short(scene, "10s").engine(remove_finalizers=True) as run:
        run.engine.up()
    assert not scene.there()


def test_runners_whose_release_is_gone_are_found(scene: Scene) -> None:
    """Somebody has uninstalled the controller first: `helm list` shows nothing, and the namespace could never be deleted."""
    scene.helm("uninstall", "arc")
    with scene.plane.client() as client:
        for record in client.list(Secret, namespace=NAMESPACE, labels={"owner": "helm"}):
            assert record.metadata
            client.delete(Secret, str(record.metadata.name), namespace=NAMESPACE)
    with short(scene).engine() as run:
        assert f"Runners in {NAMESPACE}" in {change.resource for change in run.engine.plan().changes}
        with pytest.raises(WaitError, match="does not run"):
            run.engine.up()
    with short(scene, "10s").engine(remove_finalizers=True) as run:
        run.engine.up()
    assert not scene.there()


def test_a_controller_that_others_need_stays(scene: Scene) -> None:
    """A scale set in another namespace could never be deleted without it, nor its CRD be taken away."""
    scene.plane.apply(yaml.safe_dump(namespace_of("arc-elsewhere")))
    stray = {"apiVersion": "actions.github.com/v1alpha1", "kind": "AutoscalingRunnerSet"}
    scene.plane.apply(yaml.safe_dump({**stray, "metadata": {"name": "theirs", "namespace": "arc-elsewhere"}, "spec": {}}))
    with scene.engine() as run:
        with pytest.raises(PlanError):
            run.engine.up()
        plan = run.engine.plan()
        assert "AutoscalingRunnerSet arc-elsewhere/theirs" in str([each.error.details for each in plan.problems])
        assert CRD.label not in {change.resource for change in plan.changes}
    with scene.plane.client() as client:
        client.delete(RESOURCES["AutoscalingRunnerSet"], "theirs", namespace="arc-elsewhere")


def test_rights_and_volumes_of_others_are_not_taken_along(scene: Scene) -> None:
    """A binding that names somebody else, and a volume that would delete its data."""
    scene.plane.apply(
        yaml.safe_dump_all([binding({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}), volume("Delete")])
    )
    with scene.engine() as run:
        problems = {each.resource: each.error for each in run.engine.plan().problems}
    assert "User alice" in problems[f"ClusterRoleBinding {BINDING}"].message
    assert "persistentVolumeReclaimPolicy is Delete" in problems[f"PersistentVolume {VOLUME}"].message
    assert all(error.hint for error in problems.values())


def test_a_namespace_that_hangs_says_what_is_left_in_it(scene: Scene) -> None:
    """In the words of its conditions, which name kinds and finalizers."""
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": NAMESPACE, "finalizers": ["example.lan/never"]},
    }
    scene.plane.apply(yaml.safe_dump(held))
    with short(scene, "8s").engine() as run, runner_controller.working(scene.plane, NAMESPACE):
        with pytest.raises(WaitError) as caught:
            run.engine.up()
        text = "\n".join([caught.value.message, *caught.value.details])
        assert "example.lan/never" in text
    with scene.plane.client() as client:
        client.patch(ConfigMap, "held", {"metadata": {"finalizers": None}}, namespace=NAMESPACE, patch_type=PatchType.MERGE)
