"""In which order Argo CD, Kargo and their projects come and go."""

from typing import Any

from bootstrap.components import COMPONENTS
from bootstrap.core.engine import ordered
from tests.support.bootstrap_run import a_platform
from tests.support.projects import GITEA, shop
from tests.support.still_cluster import StillCluster

OURS = ("argo-rollouts", "argo-cd", "kargo", "project-argo-cd", "project-kargo")


def labels(**platform: Any) -> list[str]:  # noqa: ANN401  keys of platform.yaml
    """Return all resources of Argo CD and Kargo, in the order of `up`."""
    wanted = a_platform(**{"gitea": GITEA, "projects": [shop(), shop("books")], **platform})
    context = StillCluster().context(wanted)
    found = [component for component in COMPONENTS if component.name in OURS and component.enabled(wanted)]
    return [resource.label for component in found for resource in component.resources(context)]


def first(found: list[str], kind: str) -> int:
    """Return where the first resource of a kind stands."""
    return next(number for number, label in enumerate(found) if label.startswith(kind))


def last(found: list[str], kind: str) -> int:
    """Return where the last resource of a kind stands."""
    return max(number for number, label in enumerate(found) if label.startswith(kind))


def test_they_are_in_the_list_in_their_order() -> None:
    """Kargo looks for the kinds of the two others when it starts."""
    names = [component.name for component in ordered(COMPONENTS)]
    assert [name for name in names if name in OURS] == list(OURS)


def test_up_installs_controllers_before_projects() -> None:
    """Argo Rollouts only where it is wanted."""
    found = labels(argo_rollouts={"enabled": True})
    places = [first(found, f"Helm release {name}") for name in ("argo-rollouts/", "argocd/", "kargo/")]
    assert places == sorted(places)
    assert places[-1] < first(found, "Application ") < first(found, "Project ")
    assert not [label for label in labels() if "argo-rollouts" in label]


def test_down_deletes_stages_then_projects_then_applications_then_releases() -> None:
    """Each while the controller lives that has to let it go."""
    found = labels()[::-1]
    assert last(found, "Stage ") < first(found, "Application ")
    assert last(found, "Project ") < first(found, "Application ")
    assert last(found, "Application ") < first(found, "Helm release kargo/")
    assert first(found, "Helm release kargo/") < first(found, "Helm release argocd/")


def test_no_resource_is_there_twice() -> None:
    """Two projects share none."""
    found = labels()
    assert len(found) == len(set(found))
