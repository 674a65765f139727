"""A project in Argo CD on a real API server: its Applications never take along what they have deployed."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from bootstrap.components.argo_cd.component import ArgoCd
from bootstrap.components.forge import PASSWORD, RECORD
from bootstrap.components.project_argo_cd.component import ProjectArgoCd
from bootstrap.core.change import State
from bootstrap.core.errors import WaitError
from bootstrap.core.objects import Ref
from bootstrap.core.release import ReleaseResource
from devtools.controlplane import ControlPlane
from devtools.platform import argo_crds, kargo_crds
from devtools.platform.run import Run
from devtools.platform.status_writer import ARGO_CD, StatusWriter
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import there, version
from tests.support.projects import GITEA, shop

CASCADE = "resources-finalizer.argocd.argoproj.io"
PARTS = Parts(parts=lambda context: ProjectArgoCd().resources(context), name="project-argo-cd", title="Projects in Argo CD")


@pytest.mark.parametrize(("ours", "real"), argo_crds.FILES.items())
def test_our_crds_agree_with_those_of_argo_cd(ours: str, real: str) -> None:
    """In all that a client depends on but the schema."""
    if not (argo_crds.REAL / real).exists():
        pytest.skip(f"Argo CD's own CRDs are not in {argo_crds.REAL}")
    assert kargo_crds.contract(argo_crds.OURS / ours) == kargo_crds.contract(argo_crds.REAL / real)


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> ControlPlane:
    """Let the API server know Argo CD's kinds."""
    control_plane.apply(argo_crds.manifests())
    return control_plane


@pytest.fixture
def name() -> str:
    """Take a name that no other test has."""
    return f"shop-{secrets.token_hex(3)}"


@pytest.fixture
def runner(plane: ControlPlane, namespace: str, name: str) -> Runner:
    """Run on a platform whose Argo CD is in a namespace of this test's own."""
    return Runner(plane=plane, platform=platform(namespace, shop(name)))


@pytest.fixture
def writer(plane: ControlPlane) -> Iterator[StatusWriter]:
    """Let Argo CD's controller be played."""
    with StatusWriter(plane) as playing:
        yield playing


def platform(namespace: str, *projects: dict[str, Any], **more: Any) -> Any:  # noqa: ANN401  keys of platform.yaml
    """Return a platform with these projects."""
    return a_platform(namespace, gitea=GITEA, argo_cd={"chart": {"namespace": namespace}}, projects=list(projects), **more)


def up(runner: Runner) -> Run:
    """Run `up` and return the run, closed."""
    with runner.engine(PARTS) as run:
        run.context.records.add(RECORD, {PASSWORD: "the-password-of-gitea"})
        run.engine.up()
    return run


def application(runner: Runner, name: str) -> Ref:
    """Return which Application."""
    return Ref(api_version=ARGO_CD, kind="Application", name=name, namespace=runner.platform.argo_cd.chart.namespace)


def test_up_ends_with_everything_in_order_and_a_second_one_does_nothing(runner: Runner, name: str, writer: StatusWriter) -> None:
    """Nothing of an Application changes by another run, although Argo CD writes its status into the same object."""
    del writer
    up(runner)
    with runner.engine(PARTS) as run:
        refs = [application(runner, f"{name}-{stage}") for stage in ("beta", "paper", "live")]
        before = [version(run.cluster, ref) for ref in refs]
        states = [state for component in run.engine.status().components for _, state in component.rows]
        assert {state.state for state in states} == {State.READY}
        assert run.engine.up().exit_code == 0
        assert [version(run.cluster, ref) for ref in refs] == before


@pytest.mark.parametrize("finalizer", [CASCADE, f"{CASCADE}/foreground", f"{CASCADE}/background"])
def test_a_finalizer_that_would_delete_what_runs_is_taken_away(runner: Runner, name: str, writer: StatusWriter, finalizer: str) -> None:
    """Whoever has set it: the Applications of an earlier installation often have it. Others stay."""
    del writer
    up(runner)
    ref = application(runner, f"{name}-live")
    with runner.engine(PARTS) as run:
        run.cluster.patch(ref, {"metadata": {"finalizers": ["example.lan/other", finalizer]}})
        (change,) = run.engine.up().changes
        (field,) = change.fields
        assert (change.resource, change.note) == (ref.label, "deleting it would delete what runs")
        assert (field.path, field.before, field.after) == ("metadata.finalizers", ["example.lan/other", finalizer], ["example.lan/other"])
        assert there(run.cluster, ref)["metadata"]["finalizers"] == ["example.lan/other"]
        assert run.engine.up().exit_code == 0
        run.cluster.patch(ref, {"metadata": {"finalizers": None}})


def test_an_application_of_an_earlier_installation_is_adopted(runner: Runner, name: str, writer: StatusWriter) -> None:
    """It followed GitHub and would have deleted what it deployed; the plan says what becomes of it."""
    del writer
    ref = application(runner, f"{name}-beta")
    with runner.engine(PARTS) as run:
        source = {"repoURL": "https://github.com/celesrenata/stonks-oracle.git", "path": "chart", "targetRevision": "main"}
        spec = {"project": "default", "source": source, "destination": {"server": "https://kubernetes.default.svc", "namespace": "x"}}
        metadata = {"name": ref.name, "namespace": ref.namespace, "finalizers": [CASCADE]}
        earlier = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata, "spec": spec}
        run.cluster.apply(earlier, manager="kubectl-client-side-apply")
        run.context.records.add(RECORD, {PASSWORD: "the-password-of-gitea"})
        plan = run.engine.up()
        (change,) = [each for each in plan.changes if each.resource == ref.label]
        paths = {field.path for field in change.fields}
        assert {"spec.source.repoURL", "spec.source.targetRevision", "metadata.finalizers"} <= paths
        live = there(run.cluster, ref)
        assert "finalizers" not in live["metadata"]
        assert live["spec"]["source"]["targetRevision"] == "stage/beta"


@pytest.mark.parametrize("finalizers", [[CASCADE], ["post-delete-finalizer.argocd.argoproj.io/cleanup", CASCADE]])
def test_down_deletes_applications_without_what_they_have_deployed(
    runner: Runner, name: str, writer: StatusWriter, finalizers: list[str]
) -> None:
    """Nobody is here who would take a finalizer away, so that a run that left one would hang; hooks don't run either."""
    del writer
    up(runner)
    ref = application(runner, f"{name}-live")
    with runner.engine(PARTS) as run:
        run.cluster.patch(ref, {"metadata": {"finalizers": finalizers}})
        teardown = run.engine.down()
        notes = {each.resource: each.note for each in teardown.removals}
        assert notes[ref.label] == "what it has deployed goes on running"
        assert run.cluster.get(ref) is None


def test_a_repository_that_argo_cd_cannot_read_ends_the_wait_with_what_it_says(
    plane: ControlPlane, namespace: str, name: str, writer: StatusWriter
) -> None:
    """The seed: "Application shows ComparisonError"."""
    said = "failed to list refs: authentication required"

    def unreadable(live: Any) -> Any:  # noqa: ANN401  an object and its status
        compared = {"status": "Unknown", "comparedTo": {"source": live["spec"]["source"], "destination": live["spec"]["destination"]}}
        return {"conditions": [{"type": "ComparisonError", "message": said}], "sync": compared}

    writer.says("Application", unreadable, name=f"{name}-beta")
    runner = Runner(plane=plane, platform=platform(namespace, shop(name), timeouts={"ready": "2s", "deleted": "60s"}))
    with pytest.raises(WaitError) as caught:
        up(runner)
    assert f"Application {namespace}/{name}-beta was not in order" in caught.value.message
    assert said in caught.value.message


def test_a_second_project_changes_no_object_of_the_first(plane: ControlPlane, namespace: str, name: str, writer: StatusWriter) -> None:
    """Not even its version."""
    del writer
    first = Runner(plane=plane, platform=platform(namespace, shop(name)))
    up(first)
    refs = [application(first, f"{name}-{stage}") for stage in ("beta", "paper", "live")]
    refs.append(Ref(api_version="v1", kind="Secret", name=f"repository-{name}", namespace=namespace))
    with first.engine() as run:
        before = [version(run.cluster, ref) for ref in refs]
        up(Runner(plane=plane, platform=platform(namespace, shop(name), shop(f"{name}-books"))))
        assert [version(run.cluster, ref) for ref in refs] == before
        assert there(run.cluster, application(first, f"{name}-books-live"))


def test_an_app_project_that_is_there_is_left_alone(plane: ControlPlane, namespace: str) -> None:
    """It may be somebody's policy; one that is missing is made."""
    wanted = a_platform(namespace, gitea=GITEA, argo_cd={"project": "shops", "chart": {"namespace": namespace}})
    ref = Ref(api_version=ARGO_CD, kind="AppProject", name="shops", namespace=namespace)
    only = Parts(parts=lambda context: [each for each in ArgoCd().resources(context) if not isinstance(each, ReleaseResource)])
    with Runner(plane=plane, platform=wanted).engine(only) as run:
        run.engine.up()
        assert there(run.cluster, ref)["spec"]["sourceRepos"] == ["http://gitea.example.lan:3000/*"]
        run.cluster.patch(ref, {"spec": {"sourceRepos": ["https://elsewhere.example.lan/*"]}})
        assert run.engine.up().exit_code == 0
        assert there(run.cluster, ref)["spec"]["sourceRepos"] == ["https://elsewhere.example.lan/*"]
