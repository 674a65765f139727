"""A project in Kargo on a real API server: made, in order, left alone, extended, and taken away; Kargo's controllers are played."""

import base64
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from bootstrap.components.forge import PASSWORD, RECORD
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.project_kargo.component import ProjectKargo
from bootstrap.components.project_kargo.token import record_name
from bootstrap.core.change import Action, State
from bootstrap.core.cluster import Cluster
from bootstrap.core.context import Context, Options
from bootstrap.core.engine import Engine
from bootstrap.core.errors import PlanError, WaitError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.platform.run import Run
from devtools.platform.status_writer import StatusWriter, condition, seen
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import lasting, there
from tests.support.projects import GITEA, shop

KARGO = "kargo.akuity.io/v1alpha1"
RBAC = "rbac.authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A platform of one test, on an API server that others use, too."""

    plane: ControlPlane
    namespace: str
    shop: str
    books: str

    def platform(self, *projects: dict[str, Any], **more: Any) -> Platform:  # noqa: ANN401  keys of platform.yaml
        """Return a platform with these projects."""
        return a_platform(self.namespace, gitea=GITEA, projects=list(projects), **more)

    def runner(self, *projects: dict[str, Any], **more: Any) -> Runner:  # noqa: ANN401  keys of platform.yaml
        """Run on it."""
        return Runner(plane=self.plane, platform=self.platform(*projects, **more))

    def up(self, *projects: dict[str, Any], **more: Any) -> Run:  # noqa: ANN401  keys of platform.yaml
        """Run `up` and return the run, closed."""
        with self.runner(*projects, **more).engine(PARTS) as run:
            run.context.records.add(RECORD, {PASSWORD: "the-password-of-gitea"})
            run.engine.up()
        return run

    def ref(self, kind: str, name: str, api_version: str = KARGO, project: str = "") -> Ref:
        """Return which object of the project."""
        namespace = f"{project or self.shop}-cd"
        return Ref(api_version=api_version, kind=kind, name=name, namespace=None if kind in {"Project", "Namespace"} else namespace)


def parts(context: Context) -> Sequence[Resource]:
    """Return what the component consists of, after the namespaces of the projects."""
    wanted = {f"Namespace {project.kargo.namespace}" for project in context.platform.projects}
    return [*(each for each in Namespaces().resources(context) if each.label in wanted), *ProjectKargo().resources(context)]


PARTS = Parts(parts=parts, name="project-kargo", title="Projects in Kargo")


@pytest.fixture
def place(control_plane: ControlPlane, namespace: str) -> Place:
    """Take names that no other test has."""
    mark = secrets.token_hex(3)
    return Place(plane=control_plane, namespace=namespace, shop=f"shop-{mark}", books=f"books-{mark}")


@pytest.fixture
def writer(control_plane: ControlPlane) -> Iterator[StatusWriter]:
    """Let Kargo's controllers be played, and Kubernetes' own that makes tokens."""
    with StatusWriter(control_plane, tokens=True) as playing:
        yield playing


def objects(cluster: Cluster, namespace: str) -> dict[str, Manifest]:
    """Return what a project consists of."""
    kinds = [
        (KARGO, "ProjectConfig"),
        (KARGO, "Warehouse"),
        (KARGO, "Stage"),
        ("v1", "Secret"),
        ("v1", "ServiceAccount"),
        (RBAC, "Role"),
        (RBAC, "RoleBinding"),
    ]
    found = [each for api_version, kind in kinds for each in cluster.list(api_version, kind, namespace=namespace)]
    return {f"{each['kind']} {each['metadata']['name']}": each for each in found}


def may(cluster: Cluster, verb: str, resource: str, name: str, namespace: str, **who: Any) -> bool:  # noqa: ANN401  user and groups
    """Ask the API server what somebody may do."""
    attributes = {"group": "kargo.akuity.io", "verb": verb, "resource": resource, "name": name, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {"resourceAttributes": attributes, **who},
    }
    answer = cluster._http.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", json=review)
    answer.raise_for_status()
    return bool(answer.json()["status"]["allowed"])


def test_up_ends_with_everything_in_order_and_a_second_one_does_nothing(place: Place, writer: StatusWriter) -> None:
    """From a namespace to the token of kargo-notify, in one go; nothing of it changes by another run."""
    del writer
    project = shop(place.shop)
    place.up(project)
    with place.runner(project).engine(PARTS) as run:
        found = objects(run.cluster, f"{place.shop}-cd")
        assert {f"Stage {name}" for name in ("beta", "paper", "live")} | {"Warehouse images", "Secret git", "Role promote-live"} <= set(
            found
        )
        versions = {label: each["metadata"]["resourceVersion"] for label, each in found.items()}
        status = run.engine.status()
        assert {state.state for component in status.components for _, state in component.rows} == {State.READY}
        assert run.engine.up().exit_code == 0
        assert {label: each["metadata"]["resourceVersion"] for label, each in objects(run.cluster, f"{place.shop}-cd").items()} == versions


def test_the_plan_of_an_empty_cluster_names_everything(place: Place) -> None:
    """What can't be known yet is named with what it waits for."""
    with place.runner(shop(place.shop)).engine(PARTS) as run:
        plan = run.engine.plan()
    assert not plan.problems
    reasons = {later.resource: later.reason for later in plan.later}
    assert reasons[f"Secret {place.shop}-cd/git"] == f"Secret of record {RECORD} is there"
    assert f"Stage {place.shop}-cd/beta" in {change.resource for change in plan.changes} | set(reasons)


def test_the_token_of_kargo_notify_is_recorded_and_followed(place: Place, writer: StatusWriter) -> None:
    """Deleted, it is made anew, and the record has the new one; no plan shows either."""
    del writer
    project = shop(place.shop)
    run = place.up(project)
    name = record_name(run.context.platform.projects[0])
    with place.runner(project).engine(PARTS) as again:
        first = again.context.records.value(name, "kargo_token")
        assert first
        again.cluster.delete(place.ref("Secret", "kargo-notify", "v1"))
    second_run = place.up(project)
    with place.runner(project).engine(PARTS) as last:
        second = last.context.records.value(name, "kargo_token")
    assert second not in {None, first}
    assert first not in run.printed + second_run.printed
    assert str(second) not in second_run.printed


def test_the_token_may_look_and_not_promote(place: Place, writer: StatusWriter) -> None:
    """As the API server sees it."""
    del writer
    place.up(shop(place.shop))
    who = {"user": f"system:serviceaccount:{place.shop}-cd:kargo-notify"}
    with place.runner().engine() as run:

        def can(verb: str, resource: str) -> bool:
            return may(run.cluster, verb, resource, "", f"{place.shop}-cd", **who)

        assert [can("list", each) for each in ("freights", "warehouses", "stages")] == [True, True, True]
        assert [can(verb, "freights") for verb in ("create", "patch", "delete")] == [False, False, False]
        assert not can("patch", "warehouses")
        assert not can("patch", "stages")
        assert not can("create", "promotions")
        assert not may(run.cluster, "promote", "stages", "live", f"{place.shop}-cd", **who)
        assert not may(run.cluster, "list", "freights", "", place.namespace, **who)


def test_only_named_people_promote_to_live(place: Place, writer: StatusWriter) -> None:
    """As the API server sees it, which is whom Kargo's webhook asks."""
    del writer
    place.up(shop(place.shop))
    with place.runner().engine() as run:

        def promotes(stage: str, **who: Any) -> bool:  # noqa: ANN401  user and groups
            return may(run.cluster, "promote", "stages", stage, f"{place.shop}-cd", **who)

        assert promotes("live", user="celesrenata")
        assert promotes("live", user="somebody", groups=["traders"])
        assert not promotes("live", user="somebody")
        assert not promotes("paper", user="celesrenata")


def test_who_is_no_longer_named_no_longer_promotes(place: Place, writer: StatusWriter) -> None:
    """Neither after a change of the names, nor when the stage is promoted by itself from now on."""
    del writer
    project = shop(place.shop)
    place.up(project)
    fewer = shop(place.shop, stages=[*project["stages"][:2], {"name": "live", "promotion": "manual", "promoters": {"users": ["ann"]}}])
    place.up(fewer)
    who = {"user": "celesrenata"}
    with place.runner().engine() as run:
        assert not may(run.cluster, "promote", "stages", "live", f"{place.shop}-cd", **who)
        assert may(run.cluster, "promote", "stages", "live", f"{place.shop}-cd", user="ann")
    automatic = shop(place.shop, stages=[*project["stages"][:2], {"name": "live", "promotion": "auto"}])
    with place.runner(automatic).engine(PARTS) as run:
        plan = run.engine.up()
        assert [(change.resource, change.action) for change in plan.changes if change.action is Action.DELETE] == [
            (f"RoleBinding {place.shop}-cd/promote-live", Action.DELETE)
        ]
        assert not may(run.cluster, "promote", "stages", "live", f"{place.shop}-cd", user="ann")
        assert run.engine.up().exit_code == 0


def test_a_second_project_changes_no_object_of_the_first(place: Place, writer: StatusWriter) -> None:
    """Not even its version."""
    del writer
    place.up(shop(place.shop))
    with place.runner().engine() as run:
        before = {label: each["metadata"]["resourceVersion"] for label, each in objects(run.cluster, f"{place.shop}-cd").items()}
        place.up(shop(place.shop), shop(place.books))
        assert {label: each["metadata"]["resourceVersion"] for label, each in objects(run.cluster, f"{place.shop}-cd").items()} == before
        theirs = {label.replace(place.books, place.shop) for label in objects(run.cluster, f"{place.books}-cd")}
        assert theirs == set(before)


def test_a_registry_that_kargo_cannot_read_ends_the_wait_with_what_kargo_says(place: Place, writer: StatusWriter) -> None:
    """The seed: "Warehouse shows error"."""
    said = 'Artifact discovery failed: Get "https://registry.example.lan/v2/": x509: certificate signed by unknown authority'

    def down(live: Any) -> Any:  # noqa: ANN401  an object and its status
        return seen(live, condition("Ready", status="False", reason="DiscoveryFailure", message=said))

    writer.says("Warehouse", down, name="broken")
    project = shop(place.shop, kargo={"warehouse": {"name": "broken"}})
    with pytest.raises(WaitError) as caught:
        place.up(project, timeouts={"ready": "2s", "deleted": "60s"})
    assert f"Warehouse {place.shop}-cd/broken was not in order" in caught.value.message
    assert said in caught.value.message


def test_a_stage_changed_by_hand_is_put_right(place: Place, writer: StatusWriter) -> None:
    """The plan names the field."""
    del writer
    project = shop(place.shop)
    place.up(project)
    with place.runner(project).engine(PARTS) as run:
        ref = place.ref("Stage", "live")
        wanted = lasting(there(run.cluster, ref))
        spec = {"spec": {"requestedFreight": [{"origin": {"kind": "Warehouse", "name": "images"}, "sources": {"direct": True}}]}}
        path = f"/apis/{KARGO}/namespaces/{place.shop}-cd/stages/live?fieldManager=kubectl-edit"
        run.cluster._http.patch(path, json=spec, headers={"Content-Type": "application/merge-patch+json"}).raise_for_status()
        plan = run.engine.up()
        (change,) = plan.changes
        assert change.resource == ref.label
        assert any("requestedFreight" in field.path for field in change.fields)
        assert lasting(there(run.cluster, ref)) == wanted


class Deletions(httpx2.BaseTransport):
    """Notes what is deleted, in order."""

    def __init__(self, inner: httpx2.BaseTransport, seen: list[str]) -> None:
        self._inner = inner
        self._seen = seen

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request on."""
        if request.method == "DELETE":
            self._seen.append("/".join(request.url.path.rsplit("/", 2)[1:]))
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


def noting(seen: list[str]) -> Callable[[httpx2.BaseTransport], httpx2.BaseTransport]:
    """Put it between a run and the API server."""
    return lambda inner: Deletions(inner, seen)


def test_down_deletes_the_stages_first_and_keeps_the_namespace(place: Place, writer: StatusWriter) -> None:
    """And `up` afterwards makes all of it again."""
    del writer
    project = shop(place.shop)
    place.up(project)
    deleted: list[str] = []
    with place.runner(project).engine(PARTS, wrap=noting(deleted)) as run:
        before = {label: lasting(each) for label, each in objects(run.cluster, f"{place.shop}-cd").items()}
        teardown = run.engine.down()
        notes = {each.resource: each.note for each in teardown.removals}
        assert "history of its promotions" in notes[f"Stage {place.shop}-cd/live"]
        assert notes[f"Project {place.shop}-cd"].startswith(f"its Freight stays in namespace {place.shop}-cd")
        assert objects(run.cluster, f"{place.shop}-cd") == {}
        assert run.cluster.get(place.ref("Project", f"{place.shop}-cd")) is None
        assert there(run.cluster, place.ref("Namespace", f"{place.shop}-cd", "v1"))["metadata"].get("deletionTimestamp") is None
        kargo = [each for each in deleted if each.split("/")[0] in {"stages", "warehouses", "projectconfigs", "projects"}]
        cd = f"{place.shop}-cd"
        assert kargo == ["stages/live", "stages/paper", "stages/beta", "warehouses/images", f"projectconfigs/{cd}", f"projects/{cd}"]
        # Whoever had the right to promote, or the token, has it no longer when the stages go.
        assert deleted.index("secrets/kargo-notify") < deleted.index("stages/live")
    place.up(project)
    with place.runner(project).engine(PARTS) as run:
        after = {label: lasting(each) for label, each in objects(run.cluster, f"{place.shop}-cd").items()}
    assert {label: each for label, each in after.items() if label != "Secret kargo-notify"} == {
        label: each for label, each in before.items() if label != "Secret kargo-notify"
    }


def test_down_refuses_to_delete_a_project_that_would_take_its_namespace_along(place: Place, writer: StatusWriter) -> None:
    """Before anything is deleted; the sentence says how to mark it."""
    del writer
    project = shop(place.shop)
    place.up(project)
    deleted: list[str] = []
    with place.runner(project).engine(PARTS, wrap=noting(deleted)) as run:
        ref = place.ref("Namespace", f"{place.shop}-cd", "v1")
        run.cluster.patch(ref, {"metadata": {"annotations": {"kargo.akuity.io/keep-namespace": None}}})
        with pytest.raises(PlanError):
            run.engine.down()
        assert deleted == []
        assert f"namespace {place.shop}-cd would be deleted with its Kargo project" in run.printed
        assert f"kubectl annotate namespace {place.shop}-cd kargo.akuity.io/keep-namespace=true" in run.printed


def test_a_stage_that_does_not_go_is_explained(place: Place, writer: StatusWriter) -> None:
    """Kargo's controller is gone, and nobody takes its finalizer away."""
    del writer
    project = shop(place.shop)
    place.up(project)
    with place.runner(project, timeouts={"ready": "60s", "deleted": "1s"}).engine(PARTS) as run:
        ref = place.ref("Stage", "live")
        run.cluster.patch(ref, {"metadata": {"finalizers": ["kargo.akuity.io/finalizer"]}})
        with pytest.raises(WaitError) as caught:
            run.engine.down()
        assert "kargo.akuity.io/finalizer" in caught.value.message
        assert "--remove-finalizers" in str(caught.value.hint)


def test_a_stage_and_a_project_that_hang_go_when_the_person_says_so(place: Place, writer: StatusWriter) -> None:
    """Each loses its finalizers, with a warning, and `down` comes to its end."""
    del writer
    project = shop(place.shop)
    place.up(project)
    freed = Options(remove_finalizers=True)
    with place.runner(project, timeouts={"ready": "60s", "deleted": "1s"}).engine(PARTS, options=freed) as run:
        held = [place.ref("Stage", "live"), place.ref("Project", f"{place.shop}-cd")]
        for ref in held:
            run.cluster.patch(ref, {"metadata": {"finalizers": ["kargo.akuity.io/finalizer"]}})
        run.engine.down()
        assert [run.cluster.get(ref) for ref in held] == [None, None]
        assert there(run.cluster, place.ref("Namespace", f"{place.shop}-cd", "v1"))["metadata"].get("deletionTimestamp") is None
        for ref in held:
            assert f"{ref.label} loses its finalizers (kargo.akuity.io/finalizer)" in run.printed


def test_a_stage_that_is_no_longer_in_the_file_is_named(place: Place, writer: StatusWriter) -> None:
    """With the right to promote to it, and what is left of a whole project; nothing is deleted."""
    del writer
    project = shop(place.shop)
    place.up(project)
    fewer = {**project, "stages": [each for each in project["stages"] if each["name"] != "live"]}
    with place.runner(fewer).engine(PARTS) as run:
        engine = Engine(run.context, [PARTS], whole=True)
        for found in (engine.plan().left_over, engine.status().left_over):
            stage = f"stage.kargo.akuity.io -n {place.shop}-cd live"
            assert [each.command.removeprefix("kubectl delete ") for each in found if f"{place.shop}-cd" in each.resource] == [
                f"rolebinding.rbac.authorization.k8s.io -n {place.shop}-cd promote-live",
                stage,
            ]
        assert engine.plan().exit_code == 0
        assert run.cluster.get(place.ref("Stage", "live"))


def test_no_secret_is_shown(place: Place, writer: StatusWriter) -> None:
    """Neither the password of Gitea nor the token, nor what they look like in a Secret."""
    del writer
    project = shop(place.shop)
    first = place.up(project)
    with place.runner(project).engine(PARTS) as run:
        token = str(run.context.records.value(record_name(run.context.platform.projects[0]), "kargo_token"))
    second = place.up(project)
    for secret in ("the-password-of-gitea", token):
        for form in (secret, base64.b64encode(secret.encode()).decode()):
            assert form not in first.printed + second.printed
