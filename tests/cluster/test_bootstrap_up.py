"""The platform of examples/stonks-oracle on a real API server, by the real command line and real Helm: plan, up, up again, status."""

import re

import pytest

from tests.support.platform_journey import Journey

# A world of its own, two `up` and a `down` are made before the first test.
pytestmark = pytest.mark.timeout(1200)
COMPONENTS = (
    "Prerequisites",
    "Removal of Actions Runner Controller",
    "Namespaces",
    "Volumes on NFS",
    "Gitea",
    "Images of the platform",
    "BuildKit",
    "Woodpecker",
    "Argo Rollouts",
    "Argo CD",
    "Kargo",
    "Break-glass",
    "Market gate",
    "Repositories of projects",
    "Projects in Argo CD",
    "Projects in Kargo",
    "Projects in Woodpecker",
    "Nightly backup",
)


def lines(printed: str, word: str) -> list[str]:
    """Return what is said behind a word at the beginning of lines."""
    return [line.split(maxsplit=1)[1] for line in printed.splitlines() if line.split(maxsplit=1)[:1] == [word]]


def labels(printed: str, word: str) -> list[str]:
    """Return which resources those lines are about."""
    return [line.split(" (")[0] for line in lines(printed, word)]


def later(printed: str) -> dict[str, str]:
    """Return what each resource waits for that can only be known later; below a cause stand the names of all that wait for it."""
    found: dict[str, str] = {}
    text = re.sub(r"\n {6,}", "  ", printed)
    for line in lines(text, "later"):
        several = re.fullmatch(r"\d+ resources: when (.*?)  (.*)", line)
        names, reason = (several[2], several[1]) if several else line.split(": when ", 1)
        found |= dict.fromkeys(" ".join(names.split()).split(", "), reason)
    return found


def test_the_plan_of_an_empty_cluster_changes_nothing_and_says_that_there_is_something_to_do(journey: Journey) -> None:
    """Exit code 2, and not one object is another one."""
    plan, before = journey.stops["plan"], journey.stops["before"]
    assert plan.code == 2
    assert before.snapshot.changed(plan.snapshot) == []
    assert before.snapshot.new(plan.snapshot) == []
    assert plan.services["changes"] == before.services["changes"]


def test_the_plan_of_an_empty_cluster_names_what_comes_later_and_why(journey: Journey) -> None:
    """What can only be known when something else is there is a line, too."""
    printed = journey.stops["plan"].printed
    assert [title for title in COMPONENTS if title in printed.splitlines()] == list(COMPONENTS)
    waits = later(printed)
    assert waits["Stage stonks-oracle-cd/live"] == "the kind Stage.kargo.akuity.io/v1alpha1 is there"
    assert waits["Woodpecker repository platform/stonks-oracle"] == "bootstrap has logged in to Woodpecker"
    assert waits["Gitea branch stage/beta of platform/stonks-oracle"] == "Gitea's administrator is there"


def test_up_makes_what_the_plan_has_said_and_nothing_else(journey: Journey) -> None:
    """Each change was a line of the plan, or announced there as one that would be known later."""
    plan, _, work = journey.stops["up"].printed.partition("\nPlan: ")
    said = [*later(plan), *(each for word in ("create", "update", "delete") for each in labels(plan, word))]
    done = [each for word in ("create", "update", "delete") for each in labels(work, word)]
    assert done
    assert [line for line in done if line not in said] == []


def test_up_ends_with_every_component_in_order(journey: Journey) -> None:
    """Each says at its end how long it took; `status` looks again."""
    up, status = journey.stops["up"], journey.stops["status"]
    assert up.code == 0, up.printed + up.done.stderr
    assert [title for title in COMPONENTS if f"    {title}: done in" in up.printed] == list(COMPONENTS)
    assert status.code == 0
    states = {row["resource"]: row["state"] for component in status.document["components"] for row in component["resources"]}
    assert len(states) > 100
    assert {label: state for label, state in states.items() if state != "ready"} == {}


def test_up_ends_with_a_repository_whose_pushes_are_built_and_promoted(journey: Journey) -> None:
    """The clone is in Gitea, with a branch for each stage and the webhook; Woodpecker knows what the steps need."""
    world = journey.world
    repository = world.gitea.world.repositories["platform/stonks-oracle"]
    assert {"refs/heads/main", "refs/heads/stage/beta", "refs/heads/stage/paper", "refs/heads/stage/live", "refs/tags/v1"} <= set(
        repository.bare.refs()
    )
    active = world.woodpecker.world.by_name("platform/stonks-oracle")
    assert active
    assert active["active"]
    secrets = {name for (_, name) in world.woodpecker.world.values}
    assert {"kargo_token", "github_deploy_key", "platform_ca", "builder_ca", "builder_cert", "builder_key"} <= secrets
    images = ("registry-push", "github-mirror", "kargo-notify", "buildkit", "market-gate", "bootstrap")
    assert set(world.registry.tags) == {f"local-cicd/{name}" for name in images}


def test_actions_runner_controller_is_gone(journey: Journey) -> None:
    """Its namespace, kinds and volume; the seed's platform is what comes after it."""
    names = journey.stops["up"].snapshot.objects
    left = [name for name in names if "actions.github.com" in name or "arc-system" in name or "pipeline-arc-pv" in name]
    assert left == []


def test_a_second_up_changes_nothing(journey: Journey) -> None:
    """No generation, spec, label, data or revision of a release, and no call to Gitea or Woodpecker that changes something."""
    plan, again = journey.stops["plan again"], journey.stops["up again"]
    assert (plan.code, again.code) == (0, 0)
    assert plan.document["changes"] == plan.document["later"] == 0
    assert "Nothing to do" in again.printed
    up = journey.stops["up"]
    assert up.snapshot.changed(again.snapshot) == []
    assert up.snapshot.new(again.snapshot) == []
    assert again.services == up.services


def test_what_runs_goes_on_running(journey: Journey) -> None:
    """The pods of applications that were there before the platform are the same ones at each stop."""
    first = journey.stops["before"].pods
    assert len(first) == 2
    assert {name: stop.pods for name, stop in journey.stops.items() if stop.pods != first} == {}
