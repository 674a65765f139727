"""The platform that is up: what people change by hand is put right, and a second project touches nothing of the first."""

from copy import deepcopy

import pytest
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.networking_v1 import NetworkPolicy

from bootstrap.core.objects import Ref
from devtools.platform import clone
from devtools.platform.description import Document
from tests.support.cluster_objects import by_hand
from tests.support.cluster_snapshot import Snapshot
from tests.support.platform_journey import Journey

pytestmark = pytest.mark.timeout(1200)
OWN = Ref(api_version="networking.k8s.io/v1", kind="NetworkPolicy", name="woodpecker-server", namespace="woodpecker")
OF_A_CHART = Ref(api_version="apps/v1", kind="Deployment", name="argocd-server", namespace="argocd")
SECOND = "shop"
# What comes with a namespace.
_COMPANY = ("/default", "/kube-root-ca.crt")
# What knows all projects: the gate and its policy, and the nightly backup.
_OF_ALL_PROJECTS = (
    "ConfigMap argocd/backup",
    "ConfigMap kargo/backup",
    "ConfigMap local-cicd/market-gate",
    "Deployment local-cicd/market-gate",
    "ReplicaSet local-cicd/market-gate-",
    "ClusterRole stonks-backup-kargo",
    "ValidatingAdmissionPolicy break-glass.local-cicd",
)
# Helm's own record, what follows from the Deployment, and the hooks of the chart, which Helm makes anew each time.
_OF_HELM = ("Secret argocd/sh.helm.release", "ReplicaSet argocd/argocd-server-")
_HOOK = "/argocd-redis-secret-init"


def is_of_helm(name: str) -> bool:
    """Tell whether something comes with an upgrade, whatever that changes."""
    return name.startswith(_OF_HELM) or name.endswith(_HOOK)


def test_what_people_changed_by_hand_is_put_right_and_nothing_else_is_touched(journey: Journey) -> None:
    """An object of ours, and one of a Helm release that `helm upgrade` alone would leave as it is."""
    before = Snapshot.of(journey.world.plane)
    with journey.world.plane.client() as client:
        by_hand(client, NetworkPolicy, OWN, {"spec": {"ingress": []}})
        by_hand(client, Deployment, OF_A_CHART, {"spec": {"replicas": 3}})
    assert sorted(each.partition(":")[0] for each in before.changed(Snapshot.of(journey.world.plane), but=is_of_helm)) == [
        OF_A_CHART.label,
        OWN.label,
    ]
    done = journey.go("by hand", "up", "--yes")
    plan, _, _ = done.printed.partition("\nPlan: ")
    assert "spec.replicas" in plan
    assert "2 changes" in done.printed
    # What is set again has been changed twice.
    left = [each for each in before.changed(done.snapshot, but=is_of_helm) if not each.endswith(": metadata.generation")]
    assert left == []
    assert [name for name in before.new(done.snapshot) if not is_of_helm(name)] == []


def test_a_second_project_changes_no_object_of_the_first(journey: Journey) -> None:
    """Only its own objects come; who asks for all projects is told of one more."""
    world = journey.world
    clone.make(world.folder / "sources" / SECOND, SECOND, f"charts/{SECOND}")
    before = Snapshot.of(world.plane)
    world.describe(lambda document: add(document, str(world.folder / "sources" / SECOND)))
    done = journey.go("second project", "up", "--yes")
    assert before.changed(done.snapshot, but=lambda name: name.startswith(_OF_ALL_PROJECTS)) == []
    foreign = [name for name in before.new(done.snapshot) if SECOND not in name and not name.endswith(_COMPANY)]
    foreign = [name for name in foreign if not name.startswith(_OF_ALL_PROJECTS)]
    assert foreign == []
    assert done.services["hooks"] == done.services["repositories"] == 2
    assert world.command_line.run("plan").code == 0


def add(document: Document, folder: str) -> None:
    """Add a project that is like the first one, under names of its own."""
    project = deepcopy(document["projects"][0])
    project |= {"name": SECOND, "registry_project": SECOND, "chart_path": f"charts/{SECOND}"}
    project["repository"] |= {"name": SECOND, "import_from": folder}
    project["kargo"] |= {"namespace": f"{SECOND}-cd", "warehouse": {"name": f"{SECOND}-images"}}
    for stage in project["stages"]:
        stage |= {"namespace": f"{SECOND}-{stage['name']}", "application": f"{SECOND}-{stage['name']}"}
    project["integration_tests"] |= {"service_account": f"{SECOND}-inttest", "namespaces": [f"{SECOND}-inttest"]}
    del project["mirror"]
    document["projects"].append(project)
