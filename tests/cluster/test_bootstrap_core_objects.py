"""Objects are brought to what their manifests say, and only what has to change is changed."""

from collections.abc import Iterator

import lightkube
import pytest
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Service

from bootstrap.core.change import READY, Action, State
from bootstrap.core.context import Options
from bootstrap.core.errors import ClashError, ConflictError, DriftError, ForbiddenError, PlanError, ReplacementError, WaitError
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.resource import ObjectResource
from devtools.controlplane import ControlPlane
from devtools.platform.run import Run
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import by_hand, config_map, deployment, lasting, made_by, there, version


@pytest.fixture
def runner(control_plane: ControlPlane, namespace: str) -> Runner:
    """Run on a platform of this test's own."""
    return Runner(plane=control_plane, platform=a_platform(f"{namespace}-lock"))


@pytest.fixture
def run(runner: Runner) -> Iterator[Run]:
    """Start a run without components, for its context."""
    with runner.engine() as started:
        yield started


def unwatched(manifest: Manifest) -> ObjectResource:
    """Make a resource that counts as ready when it is there: nobody runs workloads here."""
    return ObjectResource(manifest=manifest, ready=lambda _: READY)


def up(runner: Runner, *parts: Manifest, **options: bool) -> str:
    """Bring these objects up, each as a resource of one component; return what was printed."""
    with runner.engine(Parts(parts=[unwatched(each) for each in parts]), options=Options(**options)) as started:
        started.engine.up()
        return started.printed


def problems(runner: Runner, *parts: ObjectResource, **options: bool) -> list[Exception]:
    """Return what a plan says has to be decided first."""
    with runner.engine(Parts(parts=parts), options=Options(**options)) as started:
        return [problem.error for problem in started.engine.plan().problems]


def test_a_second_run_changes_nothing(runner: Runner, run: Run, namespace: str) -> None:
    """Not even the lock is taken when there is nothing to do."""
    manifest = config_map(namespace, colour="blue")
    up(runner, manifest)
    before = version(run.cluster, ref_of(manifest))
    with runner.engine(Parts(parts=[ObjectResource(manifest=manifest)])) as second:
        assert second.engine.up().exit_code == 0
        assert second.cluster.mutations == 0
    assert version(run.cluster, ref_of(manifest)) == before


def test_an_object_carries_the_labels_of_its_platform(runner: Runner, run: Run, namespace: str) -> None:
    """What bootstrap has made can be told from everything else."""
    up(runner, config_map(namespace))
    labels = there(run.cluster, ref_of(config_map(namespace)))["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/managed-by": "local-cicd", "app.kubernetes.io/part-of": "local-cicd"}


def test_a_plan_shows_each_field_that_would_change(runner: Runner, namespace: str) -> None:
    """With what it is and what it would be."""
    up(runner, config_map(namespace, colour="blue", size="1"))
    with runner.engine(Parts(parts=[ObjectResource(manifest=config_map(namespace, colour="red"))])) as changed:
        plan = changed.engine.plan()
    assert plan.exit_code == 2
    assert [str(field) for field in plan.changes[0].fields] == ["data.colour: blue -> red", "data.size: 1 -> (none)"]


def test_what_kubectl_has_changed_is_put_right(runner: Runner, run: Run, admin: lightkube.Client, namespace: str) -> None:
    """Changes by hand are no conflict."""
    manifest = config_map(namespace, colour="blue")
    up(runner, manifest)
    by_hand(admin, ConfigMap, ref_of(manifest), {"data": {"colour": "red"}})
    assert "data.colour: red -> blue" in up(runner, manifest)
    assert there(run.cluster, ref_of(manifest))["data"] == {"colour": "blue"}


def test_a_port_that_was_renumbered_by_hand_is_put_right(runner: Runner, run: Run, admin: lightkube.Client, namespace: str) -> None:
    """The API server refuses to have both numbers under one name, so the wrong one has to be taken away."""
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    metadata = {"name": "web", "namespace": namespace}
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": {"app": "web"}, "ports": ports}}
    up(runner, manifest)
    by_hand(admin, Service, ref_of(manifest), {"spec": {"ports": [{"name": "http", "port": 81, "protocol": "TCP"}]}})
    up(runner, manifest)
    assert [port["port"] for port in there(run.cluster, ref_of(manifest))["spec"]["ports"]] == [80]
    with runner.engine(Parts(parts=[ObjectResource(manifest=manifest)])) as after:
        assert after.engine.plan().exit_code == 0


def test_a_field_of_another_manager_is_a_conflict(runner: Runner, admin: lightkube.Client, namespace: str) -> None:
    """It names the manager and the field, and nothing is changed."""
    manifest = config_map(namespace, colour="blue")
    up(runner, manifest)
    by_hand(admin, ConfigMap, ref_of(manifest), {"data": {"colour": "red"}}, manager="some-operator")
    (conflict,) = problems(runner, ObjectResource(manifest=manifest))
    assert isinstance(conflict, ConflictError)
    assert conflict.details == ("some-operator manages data.colour",)
    assert "--take-over" in (conflict.hint or "")
    with pytest.raises(PlanError):
        up(runner, manifest)


def test_a_conflict_is_resolved_by_taking_over(runner: Runner, run: Run, admin: lightkube.Client, namespace: str) -> None:
    """When the person says so."""
    manifest = config_map(namespace, colour="blue")
    up(runner, manifest)
    by_hand(admin, ConfigMap, ref_of(manifest), {"data": {"colour": "red"}}, manager="some-operator")
    up(runner, manifest, take_over=True)
    assert there(run.cluster, ref_of(manifest))["data"] == {"colour": "blue"}


def test_fields_that_the_manifest_does_not_mention_are_left_to_others(
    runner: Runner, run: Run, admin: lightkube.Client, namespace: str
) -> None:
    """An annotation of a controller is no change."""
    manifest = config_map(namespace, colour="blue")
    up(runner, manifest)
    by_hand(admin, ConfigMap, ref_of(manifest), {"metadata": {"annotations": {"example.com/seen": "yes"}}}, manager="some-operator")
    up(runner, manifest)
    assert there(run.cluster, ref_of(manifest))["metadata"]["annotations"] == {"example.com/seen": "yes"}


def test_an_object_that_was_made_by_kubectl_is_adopted(runner: Runner, run: Run, admin: lightkube.Client, namespace: str) -> None:
    """As the platform of a shell script is."""
    manifest = config_map(namespace, colour="red")
    made_by(admin, ConfigMap, manifest, manager="kubectl-client-side-apply")
    wanted = config_map(namespace, colour="blue")
    with runner.engine(Parts(parts=[ObjectResource(manifest=wanted)])) as adopting:
        change = adopting.engine.plan().changes[0]
        assert change.action is Action.ADOPT
        assert change.note == "exists already, made by kubectl-client-side-apply"
        adopting.engine.up()
    assert there(run.cluster, ref_of(wanted))["data"] == {"colour": "blue"}


def test_an_object_of_a_helm_release_is_not_taken(runner: Runner, admin: lightkube.Client, namespace: str) -> None:
    """A name clash says whose it is."""
    manifest = config_map(namespace, colour="red")
    annotations = {"meta.helm.sh/release-name": "other", "meta.helm.sh/release-namespace": "elsewhere"}
    metadata = {**manifest["metadata"], "annotations": annotations}
    made_by(admin, ConfigMap, {**manifest, "metadata": metadata}, manager="helm")
    (clash,) = problems(runner, ObjectResource(manifest=manifest))
    assert isinstance(clash, ClashError)
    assert "belongs to the Helm release elsewhere/other" in clash.message


def test_a_field_that_cannot_be_changed_is_named(runner: Runner, run: Run, namespace: str) -> None:
    """A Deployment's selector: the object, the field, and that nothing is replaced by itself."""
    manifest = deployment(namespace)
    up(runner, manifest)
    other = deployment(namespace)
    other["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    other["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    before = lasting(there(run.cluster, ref_of(manifest)))
    (problem,) = problems(runner, ObjectResource(manifest=other))
    assert isinstance(problem, ReplacementError)
    assert problem.message == f"Deployment {namespace}/api needs replacement: spec.selector can't be changed in place"
    with pytest.raises(PlanError):
        up(runner, other)
    assert lasting(there(run.cluster, ref_of(manifest))) == before


def test_what_holds_nothing_is_replaced(runner: Runner, run: Run, namespace: str) -> None:
    """The role of a RoleBinding can't be changed; its component says that it may be made again."""

    def binding(role: str) -> ObjectResource:
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        subject = {"kind": "ServiceAccount", "name": "tests", "namespace": namespace}
        metadata = {"name": "tests", "namespace": namespace}
        manifest = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata}
        return ObjectResource(manifest={**manifest, "roleRef": reference, "subjects": [subject]}, replaceable=True)

    for role in ("edit", "view"):
        with runner.engine(Parts(parts=[binding(role)])) as started:
            change = started.engine.up().changes[0]
    assert change.action is Action.REPLACE
    assert [str(field) for field in change.fields] == ["roleRef.name: edit -> view"]
    assert there(run.cluster, binding("view").ref)["roleRef"]["name"] == "view"


def test_what_needs_a_missing_namespace_or_kind_comes_later(runner: Runner, namespace: str) -> None:
    """Neither is an error of the plan."""
    lost = config_map(f"{namespace}-none")
    metadata = {"name": "a", "namespace": namespace}
    unknown = {"apiVersion": "example.lan/v1", "kind": "Gadget", "metadata": metadata}
    parts = Parts(parts=[ObjectResource(manifest=lost), ObjectResource(manifest=unknown)])
    with runner.engine(parts) as started:
        plan = started.engine.plan()
    assert [later.reason for later in plan.later] == [
        f"namespace {namespace}-none is there",
        "the kind Gadget.example.lan/v1 is there",
    ]
    assert plan.exit_code == 2


def test_kinds_and_namespaces_that_come_with_the_run_are_used_in_it(runner: Runner, run: Run, namespace: str) -> None:
    """A CRD that was just made does not answer at once."""
    group = f"{namespace}.example.lan"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"}
    served = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": served},
    }
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{namespace}-new"}}
    metadata = {"name": "one", "namespace": f"{namespace}-new"}
    gadget = {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": metadata, "size": 3}
    up(runner, crd, place, gadget, config_map(f"{namespace}-new", colour="blue"))
    assert there(run.cluster, ref_of(gadget))["size"] == 3


def test_a_missing_right_names_verb_and_resource(control_plane: ControlPlane, namespace: str) -> None:
    """Who may only look can't plan, because a plan asks what a change would do."""
    runner = Runner(plane=control_plane, user="nobody", platform=a_platform(f"{namespace}-lock"))
    (problem,) = problems(runner, ObjectResource(manifest=config_map(namespace)))
    assert isinstance(problem, ForbiddenError)
    assert (problem.verb, problem.resource) == ("get", "ConfigMap")
    assert problem.message == f"no permission: the user of the kubeconfig may not get ConfigMap in namespace {namespace}"


def test_rights_can_be_asked_for(runner: Runner, run: Run, namespace: str) -> None:
    """Before anything is tried."""
    ref = Ref(api_version="apps/v1", kind="Deployment", name="", namespace=namespace)
    with Runner(plane=runner.plane, user="nobody").engine() as nobody:
        assert (run.cluster.can("patch", ref), nobody.cluster.can("patch", ref)) == (True, False)


def test_a_change_since_the_plan_stops_the_run(runner: Runner, run: Run, admin: lightkube.Client, namespace: str) -> None:
    """After the plan has said X, `up` does not do X and Y."""
    manifest = config_map(namespace, colour="blue", size="1")
    up(runner, manifest)
    wanted = config_map(namespace, colour="red", size="1")
    with runner.engine(Parts(parts=[ObjectResource(manifest=wanted)])) as started:

        def somebody_meddles(_: object) -> bool:
            by_hand(admin, ConfigMap, ref_of(manifest), {"data": {"size": "2"}})
            return True

        with pytest.raises(DriftError) as drift:
            started.engine.up(confirm=somebody_meddles)
    assert drift.value.details == (f"ConfigMap {namespace}/settings: data.size: 2 -> 1",)
    assert there(run.cluster, ref_of(manifest))["data"] == {"colour": "blue", "size": "2"}


def test_what_has_come_about_since_the_plan_is_not_done_again(runner: Runner, admin: lightkube.Client, namespace: str) -> None:
    """Somebody has done by hand what the plan says."""
    manifest = config_map(namespace, colour="blue")
    up(runner, manifest)
    wanted = config_map(namespace, colour="red")
    with runner.engine(Parts(parts=[ObjectResource(manifest=wanted)])) as started:

        def somebody_helps(_: object) -> bool:
            admin.patch(ConfigMap, "settings", {"data": {"colour": "red"}}, namespace=namespace, field_manager="local-cicd")
            return True

        started.engine.up(confirm=somebody_helps)
    assert "nothing was left to do" in started.printed


def test_without_consent_nothing_is_changed(runner: Runner, run: Run, namespace: str) -> None:
    """Not even the lock."""
    with runner.engine(Parts(parts=[ObjectResource(manifest=config_map(namespace))])) as started:
        started.engine.up(confirm=lambda _: False)
        assert started.cluster.mutations == 0
    assert run.cluster.get(ref_of(config_map(namespace))) is None


def test_values_of_secrets_are_not_shown(runner: Runner, namespace: str) -> None:
    """Neither the old one nor the new one, in the plan or in its JSON."""

    def secret(value: str) -> Manifest:
        metadata = {"name": "login", "namespace": namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": value}}

    up(runner, secret("correct-horse"))
    with runner.engine(Parts(parts=[ObjectResource(manifest=secret("battery-staple"))])) as started:
        plan = started.engine.up()
    shown = started.printed + str(plan.json())
    assert "data.password: (secret) changed" in shown
    assert not any(value in shown for value in ("correct-horse", "battery-staple", "Y29ycmVjdC1ob3JzZQ", "YmF0dGVyeS1zdGFwbGU"))


def test_status_says_what_is_missing(runner: Runner, namespace: str) -> None:
    """And costs no more than reads."""
    up(runner, config_map(namespace, "one"))
    parts = [ObjectResource(manifest=config_map(namespace, name)) for name in ("one", "two")]
    with runner.engine(Parts(parts=parts)) as started:
        status = started.engine.status()
        assert started.cluster.mutations == 0
    assert [state.state for _, state in status.components[0].rows] == [State.READY, State.ABSENT]
    assert status.exit_code == 1


def test_down_deletes_what_was_made_and_keeps_what_is_to_be_kept(runner: Runner, run: Run, admin: lightkube.Client, namespace: str) -> None:
    """In the reverse order; what somebody else has made stays, too."""
    stranger = config_map(namespace, "stranger", colour="blue")
    made_by(admin, ConfigMap, stranger, manager="kubectl-create")
    parts = [
        ObjectResource(manifest=config_map(namespace, "one")),
        ObjectResource(manifest=config_map(namespace, "two"), kept="data of yours"),
        ObjectResource(manifest=config_map(namespace, "three")),
    ]
    up(runner, *(part.manifest for part in parts))
    with runner.engine(Parts(parts=[*parts, ObjectResource(manifest=stranger)])) as started:
        teardown = started.engine.down()
    assert [removal.resource for removal in teardown.deleted] == [f"ConfigMap {namespace}/three", f"ConfigMap {namespace}/one"]
    assert {removal.resource: removal.kept for removal in teardown.kept} == {
        f"ConfigMap {namespace}/two": "data of yours",
        f"ConfigMap {namespace}/stranger": "it was not made by bootstrap",
    }
    assert [run.cluster.get(part.ref) is None for part in parts] == [True, False, True]


def test_a_deployment_of_the_api_server_alone_shows_why_it_is_not_ready(runner: Runner, namespace: str) -> None:
    """Without controllers nobody sees it, and the wait says so at its deadline."""
    platform = a_platform(f"{namespace}-lock", timeouts={"ready": "1s"})
    short = Runner(plane=runner.plane, platform=platform)
    with (
        short.engine(Parts(parts=[ObjectResource(manifest=deployment(namespace))])) as started,
        pytest.raises(WaitError, match=r"Deployment .*/api was not in order after 1.0s: its controller has not seen it yet"),
    ):
        started.engine.up()


def test_an_edit_of_a_workload_is_put_right(runner: Runner, run: Run, admin: lightkube.Client, namespace: str) -> None:
    """In the middle of a list, by the name of the item."""
    manifest = deployment(namespace, replicas=0)
    up(runner, manifest)
    image = {"spec": {"template": {"spec": {"containers": [{"name": "api", "image": "registry.example.lan/shop/api:2"}]}}}}
    by_hand(admin, Deployment, ref_of(manifest), image)
    with runner.engine(Parts(parts=[unwatched(manifest)])) as second:
        change = second.engine.up().changes[0]
    assert [field.path for field in change.fields] == ["spec.template.spec.containers[name=api].image"]
    assert there(run.cluster, ref_of(manifest))["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1")
