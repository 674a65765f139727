"""What an earlier platform.yaml has left: told with the command that deletes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.core import left_over
from bootstrap.core.errors import ForbiddenError
from bootstrap.core.objects import Manifest
from tests.support.bootstrap_run import a_platform
from tests.support.still_cluster import StillCluster

LABELS = {"app.kubernetes.io/managed-by": "local-cicd", "app.kubernetes.io/part-of": "local-cicd"}


def made(api_version: str, kind: str, name: str, *, by: str = "local-cicd", **metadata: Any) -> Manifest:  # noqa: ANN401  any metadata
    """Write an object with the platform's labels, as it stands in the cluster."""
    fields = [{"manager": by, "operation": "Apply"}]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "labels": LABELS, "managedFields": fields, **metadata},
    }


def stage(name: str, **metadata: Any) -> Manifest:  # noqa: ANN401  any metadata
    """Write a Stage."""
    return made("kargo.akuity.io/v1alpha1", "Stage", name, namespace="shop-cd", **metadata)


def application(**metadata: Any) -> Manifest:  # noqa: ANN401  any metadata
    """Write an Application."""
    return made("argoproj.io/v1alpha1", "Application", "shop-old", namespace="argocd", **metadata)


def find(*objects: Manifest, known: tuple[str, ...] = ()) -> list[str]:
    """Return what is told on a cluster with these objects."""
    return [str(each) for each in left_over.find(StillCluster(*objects).context(a_platform(name="local-cicd")), known)]


def test_a_stage_that_no_component_has_is_told_with_its_command() -> None:
    """Those of platform.yaml are not."""
    assert find(stage("old"), stage("beta"), known=("Stage shop-cd/beta",)) == [
        "Stage shop-cd/old: kubectl delete stage.kargo.akuity.io -n shop-cd old"
    ]


def test_what_is_not_ours_is_not_told() -> None:
    """Labels alone prove nothing, and what is going already needs nobody."""
    other = {**LABELS, "app.kubernetes.io/part-of": "another-platform"}
    assert find(stage("a", by="kubectl"), stage("b", labels=other), stage("c", deletionTimestamp="2026-11-23T10:00:00Z")) == []


def test_an_application_is_told_with_what_becomes_of_what_it_has_deployed() -> None:
    """With Argo CD's finalizer the command would delete it."""
    assert find(application()) == [
        "Application argocd/shop-old: kubectl delete application.argoproj.io -n argocd shop-old (what it has deployed goes on running)"
    ]
    (told,) = find(application(finalizers=["resources-finalizer.argocd.argoproj.io/background"]))
    assert "deletes what it has deployed, too" in told


def test_rights_come_first() -> None:
    """They are what somebody could still use; then what Kargo has to let go, the project last."""
    binding = made("rbac.authorization.k8s.io/v1", "RoleBinding", "promote-old", namespace="shop-cd")
    project = made("kargo.akuity.io/v1alpha1", "Project", "shop-cd")
    told = [line.partition(":")[0] for line in find(project, stage("old"), binding)]
    assert told == ["RoleBinding shop-cd/promote-old", "Stage shop-cd/old", "Project shop-cd"]


def test_a_project_is_deleted_without_a_namespace() -> None:
    """It is one of the cluster."""
    assert find(made("kargo.akuity.io/v1alpha1", "Project", "shop-cd")) == [
        "Project shop-cd: kubectl delete project.kargo.akuity.io shop-cd"
    ]


def test_who_may_not_list_is_told_nothing() -> None:
    """The plan does not fail on it."""
    assert list(left_over.find(Refusing(stage("old")).context(a_platform()), ())) == []


class Refusing(StillCluster):
    """Lets nobody list anything."""

    def list(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: Mapping[str, Any] | None = None
    ) -> Sequence[Manifest]:
        """Say no."""
        del api_version, namespace, labels
        raise ForbiddenError("no permission", verb="list", resource=kind)
