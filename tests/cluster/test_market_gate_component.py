"""The gate on a real API server: installed once, put right, told something else, taken away; and a promotion that break-glass releases."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightkube
import pytest
import yaml
from lightkube.resources.apps_v1 import Deployment, ReplicaSet
from lightkube.resources.core_v1 import ConfigMap, Namespace

from bootstrap.command_line import run as command
from bootstrap.components.break_glass.component import BreakGlass
from bootstrap.components.market_gate.component import MarketGate
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.project_kargo.component import stage_manifest
from bootstrap.core.change import State
from bootstrap.core.errors import ForbiddenError
from bootstrap.core.objects import Ref
from bootstrap.core.resource import ObjectResource
from bootstrap.platform.load import parse
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.kargo_expressions import expressions
from devtools.kargo_promotion import Promotion
from devtools.platform import kargo_crds, prerequisites
from devtools.platform.gate_process import FREEZE, GateProcess, gate_process
from devtools.platform.kept_promotion import keep
from devtools.platform.run import Run
from devtools.platform.status_writer import StatusWriter
from tests.support import rollouts_crds
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.break_glass import NAMESPACE, PROJECT, USERS, WHY, acting, sections
from tests.support.cluster_objects import by_hand, there, version

GATE = Parts(parts=lambda context: MarketGate().resources(context), name="market-gate", title="Market gate")
DEPLOYMENT = Ref(api_version="apps/v1", kind="Deployment", name="market-gate", namespace=NAMESPACE)
SETTINGS = Ref(api_version="v1", kind="ConfigMap", name="market-gate", namespace=NAMESPACE)
HEAD: dict[str, Any] = {
    "domain": "example.lan",
    "prerequisites": {"cert_manager": {"mode": "install"}},
    "gitea": {"mode": "install"},
    "registry": {"mode": "install"},
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Start a control plane with nodes, whose namespace for the platform lets nothing in but pods that may do nothing."""
    with ControlPlane.start(tmp_path_factory.mktemp("gate"), controllers=True, nodes=2, users=USERS) as started:
        prerequisites.prepare(started)
        started.apply(kargo_crds.manifests())
        started.apply(rollouts_crds.manifests())
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        started.apply(yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}))
        with StatusWriter(started):
            yield started


@pytest.fixture
def admin(plane: ControlPlane) -> Iterator[lightkube.Client]:
    """Connect as who may do everything."""
    with plane.client() as client:
        yield client


def platform(**gate: Any) -> Platform:  # noqa: ANN401  keys of market_gate
    """Return a platform with a page of the gate and checks on demand."""
    wanted = {"analysis_template": True, "host": "gate.example.lan", **gate}
    return a_platform(NAMESPACE, name=NAMESPACE, market_gate=wanted, **sections())


def runner(plane: ControlPlane, **gate: Any) -> Runner:  # noqa: ANN401  keys of market_gate
    """Return how runs are made."""
    return Runner(plane=plane, platform=platform(**gate))


def up(plane: ControlPlane, **gate: Any) -> Run:  # noqa: ANN401  keys of market_gate
    """Run `up` and return the run, closed."""
    with runner(plane, **gate).engine(Namespaces(), BreakGlass(), GATE) as run:
        run.engine.up()
    return run


def owned(run: Run) -> list[Ref]:
    """Return the objects of the gate."""
    return [each.ref for each in MarketGate().resources(run.context) if isinstance(each, ObjectResource)]


def test_it_comes_up_once_and_then_nothing_changes(plane: ControlPlane) -> None:
    """Two pods are ready, in a namespace that refuses whatever might do something on its node."""
    up(plane)
    with runner(plane).engine(Namespaces(), BreakGlass(), GATE) as run:
        assert there(run.cluster, DEPLOYMENT)["status"]["readyReplicas"] == 2
        assert len(owned(run)) == 11
        before, mutations = [version(run.cluster, ref) for ref in owned(run) if ref.kind != "Deployment"], run.cluster.mutations
        states = [state for component in run.engine.status().components for _, state in component.rows]
        assert {state.state for state in states} == {State.READY}
        assert run.engine.plan().exit_code == 0
        assert run.engine.up().exit_code == 0
        assert run.cluster.mutations == mutations
        assert [version(run.cluster, ref) for ref in owned(run) if ref.kind != "Deployment"] == before


def test_what_somebody_changes_is_put_right(plane: ControlPlane, admin: lightkube.Client) -> None:
    """A gate that somebody has scaled away, or told that nothing is blocked."""
    up(plane)
    text = admin.get(ConfigMap, "market-gate", namespace=NAMESPACE).data
    by_hand(admin, Deployment, DEPLOYMENT, {"spec": {"replicas": 0}})
    by_hand(admin, ConfigMap, SETTINGS, {"data": {"config.yaml": "projects: {}\n"}})
    with runner(plane).engine(Namespaces(), BreakGlass(), GATE) as run:
        plan = run.engine.up()
        assert {change.resource: [field.path for field in change.fields] for change in plan.changes} == {
            DEPLOYMENT.label: ["spec.replicas"],
            SETTINGS.label: ['data["config.yaml"]'],
        }
        assert there(run.cluster, DEPLOYMENT)["status"]["readyReplicas"] == 2
    assert admin.get(ConfigMap, "market-gate", namespace=NAMESPACE).data == text


def test_pods_begin_again_with_another_configuration(plane: ControlPlane, admin: lightkube.Client) -> None:
    """Only then: they read it when they start."""
    up(plane)
    before = {each.metadata.name for each in admin.list(ReplicaSet, namespace=NAMESPACE) if each.metadata}
    with runner(plane, margin="15m").engine(Namespaces(), BreakGlass(), GATE) as run:
        plan = run.engine.up()
        assert {change.resource for change in plan.changes} == {DEPLOYMENT.label, SETTINGS.label}
        assert "margin: 15m" in there(run.cluster, SETTINGS)["data"]["config.yaml"]
        assert there(run.cluster, DEPLOYMENT)["status"]["readyReplicas"] == 2
    after = {each.metadata.name for each in admin.list(ReplicaSet, namespace=NAMESPACE) if each.metadata}
    assert len(after - before) == 1


def test_its_account_reads_records_and_nothing_else(plane: ControlPlane) -> None:
    """In the one namespace; it changes nothing anywhere."""
    up(plane)
    with acting(plane.service_account(NAMESPACE, "market-gate")) as gate:
        assert gate.list("v1", "ConfigMap", namespace=NAMESPACE)
        assert gate.can("watch", SETTINGS)
        refused = [
            *((verb, SETTINGS) for verb in ("create", "patch", "update", "delete")),
            ("list", Ref(api_version="v1", kind="Secret", name="", namespace=NAMESPACE)),
            ("list", Ref(api_version="v1", kind="ConfigMap", name="", namespace=PROJECT)),
            ("list", Ref(api_version="v1", kind="Pod", name="", namespace=NAMESPACE)),
        ]
        assert [(verb, ref.label) for verb, ref in refused if gate.can(verb, ref)] == []
        with pytest.raises(ForbiddenError):
            gate.list("v1", "Secret", namespace=NAMESPACE)


@pytest.fixture
def gate(plane: ControlPlane, tmp_path: Path) -> Iterator[GateProcess]:
    """Prepare a gate that is the component's ServiceAccount."""
    up(plane)
    with gate_process(tmp_path, platform(), kubeconfig=plane.service_account(NAMESPACE, "market-gate")) as prepared:
        yield prepared


def test_break_glass_releases_a_promotion_that_waits_and_the_audit_knows_it(
    plane: ControlPlane, gate: GateProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command of a person, under the policy; the gate is killed right after, and Kargo's object says which record it was."""
    file = tmp_path / "platform.yaml"
    file.write_text(yaml.safe_dump({**HEAD, **sections()}), encoding="utf-8")
    stage = stage_of(file, "paper")
    with expressions() as kargo:
        waiting = Promotion(stage=stage, name="paper.one", expressions=kargo, address=gate.address)
        gate.start(FREEZE)
        waiting.run(lambda one: one.asked == 5)
        assert waiting.phase == "Running"
        asked = ("break-glass", "--project", "shop", "--stage", "paper", "--for", "30m", "--justification", WHY)
        assert command([*asked, "--file", str(file), "--kubeconfig", str(plane.kubeconfig("ada"))]) == 0
        gate.kill()
        waiting.reconcile()
        gate.start(FREEZE)
        waiting.run(most=1000)
    assert waiting.phase == "Succeeded"
    (message,) = waiting.messages
    assert f"\nBreak-glass-operator: ada\nBreak-glass-justification: {WHY}\nBreak-glass-record: break-glass-paper-" in message
    keep(plane, waiting)
    capsys.readouterr()
    assert command(["audit", "--csv", "--file", str(file), "--kubeconfig", str(plane.kubeconfig("grace"))]) == 0
    (line,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (line["operator"], line["promotion"], line["stage"]) == ("ada", "paper.one", "paper")
    assert line["certain"].lower() == "true"


def test_kargo_keeps_the_answer_as_it_is(plane: ControlPlane) -> None:
    """With the CRD's own schema: a record with all its fields, and the empty map of a promotion that needed none."""
    for name, answer in (("live.none", {}), ("live.some", {"record": "break-glass-live-1", "operator": "ada"})):
        ref = Ref(api_version="kargo.akuity.io/v1alpha1", kind="Promotion", name=name, namespace=PROJECT)
        spec = {"stage": "live", "freight": "0da4b684c1c31b6f6af563633c194732b7a8eb03", "steps": [{"uses": "http", "as": "gate"}]}
        with acting(plane.kubeconfig("admin")) as administrator:
            metadata = {"name": name, "namespace": PROJECT}
            administrator.create({"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata, "spec": spec})
            administrator.patch_status(ref, {"phase": "Succeeded", "state": {"gate": {"break_glass": answer}}})
            assert there(administrator, ref)["status"]["state"]["gate"]["break_glass"] == answer


def test_down_takes_all_of_it_and_leaves_the_namespace(plane: ControlPlane, admin: lightkube.Client) -> None:
    """The records are there, and what protects them."""
    up(plane)
    with runner(plane).engine(Namespaces(), BreakGlass(), GATE) as run:
        refs = owned(run)
        run.engine.down()
        assert [ref.label for ref in refs if run.cluster.get(ref) is not None] == []
    assert admin.get(Namespace, NAMESPACE)
    up(plane)


def stage_of(file: Path, name: str) -> dict[str, Any]:
    """Return a stage of a platform."""
    read = parse(file.read_text(encoding="utf-8"), file).platform
    (project,) = read.projects
    (stage,) = [each for each in project.stages if each.name == name]
    return stage_manifest(read, project, stage)
