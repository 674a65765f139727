"""The platform of examples/stonks-oracle taken down and brought up again: what goes, what stays, and what is found again."""

import pytest

from devtools.platform.api import Api
from tests.support.platform_journey import Journey, Stop

pytestmark = pytest.mark.timeout(1200)
GONE = ("woodpecker", "argocd", "kargo", "argo-rollouts", "buildkit", "stonks-inttest")
KEPT = ("local-cicd", "stonks-beta", "stonks-paper", "stonks-oracle", "stonks-oracle-cd", "git-server")
VOLUMES = ("pipeline-argocd-pv", "pipeline-kargo-pv", "pipeline-woodpecker-pv")
# The token of a ServiceAccount, which goes and comes back; a new one is the cluster's doing.
OF_THE_CLUSTER = "kargo_token"
_NAMED_BY_CHANCE = ("ReplicaSet ", "ControllerRevision ", "PersistentVolume pvc-")


def namespaces(stop: Stop) -> set[str]:
    """Return which namespaces there are."""
    return {name.removeprefix("Namespace ") for name in stop.snapshot.objects if name.startswith("Namespace ")}


def test_down_lists_what_goes_and_what_stays_and_why(journey: Journey) -> None:
    """Before anything is deleted, each with its reason."""
    listed, _, kept = journey.stops["down"].printed.partition("Kept:\n")
    for label in ("Stage stonks-oracle-cd/live", "Application argocd/stonks-live", "Helm release kargo/kargo", "Namespace woodpecker"):
        assert f"  {label}" in listed, label
    assert "Freight" in listed
    for label in (*(f"PersistentVolume {name}" for name in VOLUMES), "Gitea repository platform/stonks-oracle", "Namespace stonks-oracle"):
        assert f"  {label}: " in kept, label


def test_down_deletes_the_platform_and_leaves_what_people_need(journey: Journey) -> None:
    """Volumes, records, applications, their namespaces, the code and the images."""
    up, down = journey.stops["up"], journey.stops["down"]
    assert not namespaces(down) & set(GONE)
    assert set(KEPT) <= namespaces(down)
    assert {f"PersistentVolume {name}" for name in VOLUMES} <= set(down.snapshot.objects)
    assert not [name for name in down.snapshot.objects if name.startswith(("Stage ", "Application ", "Warehouse ", "Project "))]
    assert down.records == up.records
    assert (down.services["repositories"], down.services["applications"]) == (1, 1)
    # Nobody would take the calls of a webhook.
    assert down.services["hooks"] == 0
    assert set(journey.world.registry.tags)


def test_down_takes_no_definition_along(journey: Journey) -> None:
    """With a CRD every object of its kind would go, those of others too."""
    up, down = journey.stops["up"], journey.stops["down"]
    crds = {name for name in up.snapshot.objects if name.startswith("CustomResourceDefinition ")}
    assert crds
    assert crds <= set(down.snapshot.objects)


def test_up_afterwards_binds_the_old_volumes(journey: Journey) -> None:
    """The same ones, by the claims of the same names."""
    up, back = journey.stops["up"], journey.stops["back"]
    for name in VOLUMES:
        before, after = (stop.snapshot.objects[f"PersistentVolume {name}"] for stop in (up, back))
        assert before["metadata"]["uid"] == after["metadata"]["uid"]
    with Api(journey.world.plane) as api:
        found = {each["metadata"]["name"]: each["status"]["phase"] for each in api.objects("v1", "persistentvolumes")}
    assert {name: found[name] for name in VOLUMES} == dict.fromkeys(VOLUMES, "Bound")


def test_up_afterwards_makes_no_secret_anew_and_nothing_twice(journey: Journey) -> None:
    """One OAuth2 application, one token, one webhook, and the passwords that there were."""
    up, back = journey.stops["up"], journey.stops["back"]

    def own(stop: Stop) -> dict[str, str]:
        return {name: value for name, value in stop.records.items() if not name.endswith(OF_THE_CLUSTER)}

    assert own(up) == own(back)
    assert any(name.startswith("woodpecker/") for name in own(up))
    assert {key: value for key, value in up.services.items() if key != "changes"} == {
        key: value for key, value in back.services.items() if key != "changes"
    }


def test_up_afterwards_is_as_good_as_the_first_one(journey: Journey) -> None:
    """The same objects, by another Helm, and nothing is left to do."""
    up, back = journey.stops["up"], journey.stops["back"]
    missing = [name for name in up.snapshot.objects if name not in back.snapshot.objects and not name.startswith(_NAMED_BY_CHANCE)]
    assert missing == []
    assert journey.world.command_line.run("plan").code == 0
