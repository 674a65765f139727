"""Records of break-glass on a real API server: what it takes, from whom, and that nobody changes or deletes one."""

import json
from collections.abc import Callable, Iterator
from functools import partial

import lightkube
import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.admissionregistration_v1 import ValidatingAdmissionPolicy
from lightkube.resources.core_v1 import ConfigMap, ServiceAccount

from bootstrap.break_glass.policy import API_VERSION, KIND, in_force, policy_name
from bootstrap.break_glass.record import LABEL, parse
from bootstrap.components.break_glass.component import BreakGlass
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.core.cluster import Cluster
from bootstrap.core.context import Options
from bootstrap.core.errors import AbsentError, ForbiddenError, InvalidError
from bootstrap.core.objects import Manifest, Ref, ref_of
from devtools.controlplane import ControlPlane
from tests.support.bootstrap_run import Runner
from tests.support.break_glass import (
    BLANKS,
    NAMESPACE,
    PROJECT,
    REASONS,
    USERS,
    WHY,
    acting,
    data,
    guarded_platform,
    in_minutes,
    record,
    refusal,
    up,
)
from tests.support.cluster_objects import by_hand, config_map, there, version

POLICY = Ref(api_version=API_VERSION, kind=KIND, name=f"break-glass.{NAMESPACE}")
BINDING = Ref(api_version=API_VERSION, kind=f"{KIND}Binding", name=f"break-glass.{NAMESPACE}")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Start a control plane with controllers, which empty namespaces and check the text of policies, and bring the component up."""
    with ControlPlane.start(tmp_path_factory.mktemp("break-glass"), controllers=True, users=USERS) as started:
        up(started, guarded_platform())
        yield started


@pytest.fixture
def administrator(plane: ControlPlane) -> Iterator[Cluster]:
    """Connect as who may do everything."""
    with acting(plane.kubeconfig("admin")) as cluster:
        yield cluster


def made(plane: ControlPlane, name: str, user: str = "ada") -> Ref:
    """Make a record as somebody."""
    with acting(plane.kubeconfig(user)) as cluster:
        return ref_of(cluster.create(record(name, data(user))))


def test_a_person_with_the_right_makes_a_record(plane: ControlPlane) -> None:
    """It can be read back, and holds from its creation until it expires."""
    with acting(plane.kubeconfig("ada")) as ada:
        found = parse(ada.create(record("taken")))
        assert [each["metadata"]["name"] for each in ada.list("v1", "ConfigMap", namespace=NAMESPACE, labels={LABEL: None})] == ["taken"]
    assert (found.project, found.stage, found.operator, found.justification) == (PROJECT, "live", "ada", WHY)
    assert found.holds(found.created)
    assert not found.holds(found.expires)


NOT_NAMED = "break_glass.operators of platform.yaml does not name"


def test_who_may_make_configmaps_may_not_break_glass_for_that(plane: ControlPlane) -> None:
    """Dev has Kubernetes' own Role `edit` on the whole cluster, and Grace all rights: platform.yaml names neither."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "dev"}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "developers"}}
    plane.apply(json.dumps({**binding, "roleRef": role, "subjects": [subject]}))
    for user in ("dev", "grace"):
        assert refusal(plane, record("x", data(user)), user) == f"{NOT_NAMED} {user}"
    with acting(plane.kubeconfig("dev")) as dev:
        assert dev.delete(ref_of(dev.create(config_map(NAMESPACE, "of-dev", colour="blue"))))


def test_the_api_server_understands_every_word_of_the_policy(plane: ControlPlane, administrator: Cluster) -> None:
    """Its type checker has looked at each expression, and has nothing to say."""

    def checked() -> bool:
        found = (there(administrator, POLICY).get("status") or {}).get("typeChecking")
        assert not (found or {}).get("expressionWarnings"), found
        return found is not None

    plane.processes.wait(checked, "a policy whose text was checked")


ANY_KEY = "a break-glass record has project, stage, operator, justification and expires, and nothing else"
SHORT = "justification: at least 15 characters"


def reasoned(justification: str) -> Manifest:
    """Make a record with a justification."""
    return record("x", data(justification=justification))


REFUSED: dict[str, tuple[Callable[[], Manifest], str]] = {
    "foreign operator": (lambda: record("x", data("bob")), "operator must be you: ada"),
    "unknown stage": (lambda: record("x", data(stage="prod")), "stage: paper or live"),
    "unguarded stage": (lambda: record("x", data(stage="beta")), "stage: paper or live"),
    "unknown project": (lambda: record("x", data(project="shop")), f"project: {PROJECT}"),
    "short justification": (lambda: record("x", data(justification="because I can")), SHORT),
    **{f"blank {ord(blank):X}": (partial(reasoned, f"{blank * 30}hotfix{blank * 30}"), SHORT) for blank in BLANKS},
    **{f"nothing but {ord(blank):X}": (partial(reasoned, blank * 30), SHORT) for blank in BLANKS},
    **{f"one too few: {why}": (partial(reasoned, why[:-1]), SHORT) for why in REASONS},
    "long justification": (lambda: record("x", data(justification="x" * 501)), "justification: one line of at most 500 visible characters"),
    "two lines": (lambda: record("x", data(justification=f"{WHY}\n{WHY}")), "justification: one line of at most 500 visible characters"),
    "line separator": (
        lambda: record("x", data(justification=f"{WHY}\u2028")),
        "justification: one line of at most 500 visible characters",
    ),
    "invisible": (lambda: record("x", data(justification="\u200b" * 15)), "justification: one line of at most 500 visible characters"),
    "turned round": (lambda: record("x", data(justification=f"\u202e{WHY}")), "justification: one line of at most 500 visible characters"),
    "private": (lambda: record("x", data(justification=f"{WHY}\ue000")), "justification: one line of at most 500 visible characters"),
    "past": (lambda: record("x", data(expires=in_minutes(-1))), "expires lies in the past"),
    "too long": (lambda: record("x", data(expires=in_minutes(245))), "expires: at most 4 hours from now"),
    "no time": (lambda: record("x", data(expires="tomorrow")), "expires: a time such as 2026-11-23T15:04:05Z"),
    "no zone": (lambda: record("x", data(expires="2026-11-23T15:04:05")), "expires: a time such as 2026-11-23T15:04:05Z"),
    "mutable": (lambda: record("x", immutable=False), "a break-glass record must be immutable"),
    "not said": (lambda: record("x", immutable=None), "a break-glass record must be immutable"),
    "no data": (lambda: record("x", data={}), ANY_KEY),
    "missing key": (lambda: record("x", data={key: text for key, text in data().items() if key != "expires"}), ANY_KEY),
    "more keys": (lambda: record("x", data(approved="yes")), ANY_KEY),
    "bytes": (lambda: record("x", binaryData={"extra": "AAAA"}), ANY_KEY),
}


@pytest.mark.parametrize("wanted", REFUSED)
def test_what_the_api_server_refuses(plane: ControlPlane, wanted: str) -> None:
    """In a sentence of its own, whatever else is wrong."""
    make, sentence = REFUSED[wanted]
    assert refusal(plane, make()) == sentence


def test_a_justification_that_is_just_long_enough_is_taken(plane: ControlPlane) -> None:
    """In any language, and as `bootstrap break-glass` counts."""
    with acting(plane.kubeconfig("ada")) as ada:
        for number, why in enumerate(REASONS):
            assert ada.create(record(f"short-{number}", data(justification=why)))["data"]["justification"] == why


def test_a_day_that_does_not_exist_is_refused(plane: ControlPlane) -> None:
    """CEL stumbles over it, and that is a no."""
    assert "type conversion error" in refusal(plane, record("x", data(expires="2026-13-45T99:99:99Z")))


def test_garbage_is_refused(plane: ControlPlane) -> None:
    """Also megabytes of it, and without a traceback of the API server's."""
    assert "justification" in refusal(plane, record("x", data(justification="\u0000\ufffe" * 1000)))
    assert refusal(plane, record("x", {"operator": "x" * 900_000})) == ANY_KEY


def test_an_owner_or_a_finalizer_is_refused(plane: ControlPlane) -> None:
    """The garbage collector would be told to delete it, or its namespace could never be."""
    wanted = record("x")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "0deeca81-3824-4fc6-88a1-fa1207770f5a"}
    for more in ({"ownerReferences": [owner]}, {"finalizers": ["example.lan/never"]}):
        asked = {**wanted, "metadata": {**wanted["metadata"], **more}}
        assert refusal(plane, asked) == "a break-glass record has no owner and no finalizers"


@pytest.mark.parametrize("user", ["system:admin", "system:kube-controller-manager"])
def test_who_is_nobody_in_particular_is_refused(plane: ControlPlane, user: str) -> None:
    """K3s' own kubeconfig is `system:admin`; whether it has all rights does not matter."""
    if user != "system:admin":
        grant(plane, {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"})
    said = f"break-glass needs a person: not a service account, not system:admin; you are {user}"
    assert refusal(plane, record("x", data(user)), user) == said


def test_a_service_account_is_refused(plane: ControlPlane, admin_client: lightkube.Client) -> None:
    """Whatever rights it has: a pipeline breaks no glass."""
    admin_client.create(ServiceAccount(metadata=ObjectMeta(name="ci", namespace=NAMESPACE)))
    grant(plane, {"kind": "ServiceAccount", "name": "ci", "namespace": NAMESPACE})
    name = f"system:serviceaccount:{NAMESPACE}:ci"
    with acting(plane.service_account(NAMESPACE, "ci")) as account, pytest.raises(InvalidError) as caught:
        account.create(record("x", data(name)))
    assert f"you are {name}" in caught.value.causes[0].message


def grant(plane: ControlPlane, subject: Manifest) -> None:
    """Give somebody the Role that operators have."""
    name = subject["name"].replace(":", "-")
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "break-glass"}
    metadata = {"name": f"also-{name}", "namespace": NAMESPACE}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": reference,
        "subjects": [subject],
    }
    plane.apply(json.dumps(binding))


@pytest.fixture
def admin_client(plane: ControlPlane) -> Iterator[lightkube.Client]:
    """Connect with lightkube as who may do everything."""
    with plane.client() as client:
        yield client


def test_a_person_without_the_role_makes_none(plane: ControlPlane) -> None:
    """Mallory is somebody, and may nothing."""
    with acting(plane.kubeconfig("mallory")) as mallory, pytest.raises(ForbiddenError):
        mallory.create(record("x", data("mallory")))


CHANGES: dict[str, Manifest] = {
    "text": {"data": {"justification": "something else that sounds better"}},
    "longer": {"data": {"expires": "2099-01-01T00:00:00Z"}},
    "mutable": {"immutable": None},
    "unlabelled": {"metadata": {"labels": {LABEL: None}}},
    "relabelled": {"metadata": {"labels": {"team": "blue"}}},
    "annotated": {"metadata": {"annotations": {"note": "fine by me"}}},
    "finalizer": {"metadata": {"finalizers": ["example.lan/never"]}},
}


@pytest.mark.parametrize("user", ["admin", "grace", "system:admin"])
@pytest.mark.parametrize("change", CHANGES)
def test_nobody_changes_a_record(plane: ControlPlane, administrator: Cluster, user: str, change: str) -> None:
    """Administrators neither: not its text, not its end, not its label."""
    ref = made(plane, f"kept-{user.replace(':', '-')}-{change}")
    before = version(administrator, ref)
    with acting(plane.kubeconfig(user)) as cluster, pytest.raises(InvalidError) as caught:
        cluster.patch(ref, CHANGES[change])
    # What is immutable is so by Kubernetes' own rule, before any policy is asked.
    said = caught.value.causes[0].message
    assert "a break-glass record is never changed or deleted" in said or "field is immutable" in said
    assert version(administrator, ref) == before


@pytest.mark.parametrize("user", ["admin", "grace", "system:admin"])
def test_nobody_deletes_a_record(plane: ControlPlane, administrator: Cluster, user: str) -> None:
    """Not by its name, nor with all others of its namespace."""
    ref = made(plane, f"lasting-{user.replace(':', '-')}")
    with acting(plane.kubeconfig(user)) as cluster, pytest.raises(InvalidError, match="does not take"):
        cluster.delete(ref)
    with plane.client_with(plane.kubeconfig(user)) as client, pytest.raises(lightkube.ApiError, match="never changed or deleted"):
        client.deletecollection(ConfigMap, namespace=NAMESPACE)
    there(administrator, ref)


def test_nothing_becomes_a_record_afterwards(administrator: Cluster) -> None:
    """The label can't be put on what was made without it."""
    ref = ref_of(administrator.create(record("late", metadata={"name": "late", "namespace": NAMESPACE}, immutable=None)))
    with pytest.raises(InvalidError, match="does not take"):
        administrator.patch(ref, {"metadata": {"labels": {LABEL: "true"}}})


def test_other_objects_are_left_alone(administrator: Cluster) -> None:
    """ConfigMaps without the label, and those of other namespaces: where the gate does not look there are no records."""
    plain = ref_of(administrator.create(config_map(NAMESPACE, "plain", colour="blue")))
    administrator.patch(plain, {"data": {"colour": "red"}})
    assert administrator.delete(plain)
    elsewhere = ref_of(administrator.create(record("elsewhere", namespace="default")))
    assert administrator.delete(elsewhere)


def test_a_second_run_changes_nothing(plane: ControlPlane) -> None:
    """Not even the question whether the policy is in force leaves anything behind."""
    with Runner(plane=plane, platform=guarded_platform()).engine(Namespaces(), BreakGlass()) as run:
        assert run.engine.up().exit_code == 0
        assert run.engine.status().exit_code == 0
        assert run.cluster.mutations == 0


def test_status_says_when_the_policy_is_gone(plane: ControlPlane, administrator: Cluster) -> None:
    """Without its binding it means nothing, and `up` puts that right."""
    administrator.delete(BINDING)
    plane.processes.wait(lambda: not in_force(administrator, NAMESPACE), "an API server without the binding")
    with Runner(plane=plane, platform=guarded_platform()).engine(Namespaces(), BreakGlass()) as run:
        assert run.engine.status().exit_code == 1
        run.engine.up()
        assert run.engine.status().exit_code == 0
    assert in_force(administrator, NAMESPACE)


def test_what_somebody_took_out_of_the_policy_comes_back(
    plane: ControlPlane, admin_client: lightkube.Client, administrator: Cluster
) -> None:
    """Whoever may change the policy can get around it; `plan` shows it, and `up` puts it right."""
    by_hand(admin_client, ValidatingAdmissionPolicy, POLICY, {"spec": {"validations": [{"expression": "true"}]}})
    said = up(plane, guarded_platform())
    assert "spec.validations" in said
    assert len(there(administrator, POLICY)["spec"]["validations"]) > 10


def test_without_operators_nobody_breaks_glass(plane: ControlPlane) -> None:
    """Whatever names platform.yaml has, they mean only who is called so."""
    odd = "o'neil \"\\ 注文 🚒"
    up(plane, guarded_platform("cicd-nobody", project="nobody", operators={}))
    up(plane, guarded_platform("cicd-odd", project="odd", operators={"users": [odd]}))
    for namespace in ("cicd-nobody", "cicd-odd"):
        assert f"{NOT_NAMED} grace" in refusal(plane, record("x", data("grace"), namespace), "grace", policy_name(namespace))


def test_two_platforms_do_not_disturb_each_other(plane: ControlPlane) -> None:
    """Each has a policy of its own for its own namespace, with its own projects and times."""
    up(plane, guarded_platform("cicd-two", project="bakery", max_duration="30m"))
    elsewhere = {"project": "bakery-cd", "stage": "live"}
    assert refusal(plane, record("x", data(**elsewhere))) == f"project: {PROJECT}"
    with acting(plane.kubeconfig("ada")) as ada:
        ada.create(record("own", data(expires=in_minutes(29), **elsewhere), namespace="cicd-two"))
        with pytest.raises(InvalidError, match="does not take") as caught:
            ada.create(record("x", data(expires=in_minutes(35), **elsewhere), namespace="cicd-two"))
        assert "break-glass.cicd-two" in caught.value.causes[0].message
        assert "expires: at most 30 minutes from now" in caught.value.causes[0].message
        with pytest.raises(InvalidError):
            ada.create(record("x", namespace="cicd-two"))
    made(plane, "still-fine")


def test_down_keeps_records_and_policy(plane: ControlPlane, administrator: Cluster) -> None:
    """The right to make more goes; what is there stays as it is, and protected."""
    wanted = guarded_platform("cicd-gone")
    up(plane, wanted)
    with acting(plane.kubeconfig("ada")) as ada:
        ref = ref_of(ada.create(record("before", namespace="cicd-gone")))
    with Runner(plane=plane, platform=wanted).engine(Namespaces(), BreakGlass()) as run:
        teardown = run.engine.down()
        kept = {each.resource: each.kept for each in teardown.removals if each.kept}
    assert "it protects the records of break-glass" in kept[f"{KIND} break-glass.cicd-gone"]
    assert f"{KIND}Binding break-glass.cicd-gone" in kept
    there(administrator, ref)
    with pytest.raises(InvalidError):
        administrator.delete(ref)
    with acting(plane.kubeconfig("bob")) as bob, pytest.raises(ForbiddenError):
        bob.create(record("after", data("bob"), namespace="cicd-gone"))


def test_forgetting_everything_takes_records_and_policy_along(plane: ControlPlane, administrator: Cluster) -> None:
    """The namespace does not hang in Terminating, also where somebody deletes it while the policy is in force."""
    wanted = guarded_platform("cicd-forgotten")
    up(plane, wanted)
    with acting(plane.kubeconfig("ada")) as ada:
        ada.create(record("before", namespace="cicd-forgotten"))
    namespace = Ref(api_version="v1", kind="Namespace", name="cicd-forgotten")
    administrator.delete(namespace)
    plane.processes.wait(lambda: administrator.get(namespace) is None, "a namespace that is gone")
    with Runner(plane=plane, platform=wanted).engine(Namespaces(), BreakGlass(), options=Options(forget_secrets=True)) as run:
        run.engine.down()
    assert administrator.get(Ref(api_version=API_VERSION, kind=KIND, name="break-glass.cicd-forgotten")) is None


def test_a_platform_without_a_namespace_is_told_so(administrator: Cluster) -> None:
    """Nothing can be asked of a namespace that is not there."""
    with pytest.raises(AbsentError):
        in_force(administrator, "nowhere")
