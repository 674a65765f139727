"""Cut off after any single change, of `up` and of `down`, or killed, and started again, a run ends in the state of an undisturbed one.

Small charts stand for the real ones. Where the line is cut a component is run alone, after those that it needs; what is killed is the real
command, with all of them.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bootstrap.components import COMPONENTS
from bootstrap.core.component import Component
from devtools.controlplane import programs
from devtools.platform.description import Document
from devtools.platform.run import Run
from devtools.platform.world import PlatformWorld
from tests.support import smallest_charts
from tests.support.faulty_platform import FaultyPlatform
from tests.support.kills import Kill, kill_in
from tests.support.platform_state import PlatformState, secrets

# Worlds of their own, and hundreds of runs, are made before the first test.
pytestmark = pytest.mark.timeout(1200)
# Of the example with these charts; less would mean that somebody's requests go another way.
FEWEST = {"up": 110, "down": 50}
WHOSE = {
    "Kubernetes": "PATCH /api/v1/namespaces/",
    "Helm": "POST /apis/apps/v1/namespaces/",
    "Gitea": "POST /api/v1/user/applications/oauth2",
    "git": "POST /platform/stonks-oracle.git/git-receive-pack",
    "Woodpecker": "POST /api/repos/1/secrets",
    "the login": "GET /authorize",
    "the registry": "PUT /v2/",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What has come of `up` or `down`."""

    state: PlatformState
    changes: frozenset[str] = frozenset()
    """What was changed; where the line broke: what was cut off."""
    left: int | None = None
    """Exit code of a plan afterwards."""
    changed: tuple[str, ...] = ()
    """Secrets of ours that were there after a run, and another one, or gone, after a later one."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """Sees whether secrets that were there stay as they were; those of some namespaces only, where others have to go."""

    world: PlatformWorld
    namespace: str = ""
    known: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Compare with what was seen before."""
        now = {name: value for name, value in secrets(self.world).items() if name.startswith(self.namespace)}
        self.changed += [name for name, value in self.known.items() if now.get(name) != value]
        self.known = now


def up(run: Run) -> None:
    """Run `up`."""
    run.engine.up()


def down(run: Run) -> None:
    """Run `down`."""
    run.engine.down()


@contextmanager
def world(folder: Path) -> Iterator[PlatformWorld]:
    """Start the surroundings."""
    smallest = smallest_charts.use(folder / "smallest")

    def edit(document: Document) -> None:
        document["timeouts"] = {"ready": "60s", "deleted": "60s"}
        smallest(document)

    with PlatformWorld.start(folder / "world", small=True, edit=edit) as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def _helm() -> None:
    """Build Helm before anything is waited for."""
    programs.build("helm3", "helm4")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Leg]:
    """Bring the platform up and down without any fault."""
    with world(tmp_path_factory.mktemp("undisturbed")) as started, FaultyPlatform.behind(started) as platform:
        return {name: _undisturbed(platform, command) for name, command in (("up", up), ("down", down))}


def _undisturbed(platform: FaultyPlatform, command: Callable[[Run], None]) -> Leg:
    platform.line.forget()
    begun = time.monotonic()
    with platform.open(COMPONENTS) as run:
        command(run)
    sys.stdout.write(f"undisturbed: {time.monotonic() - begun:.1f} s\n")
    return Leg(state=PlatformState.of(platform.world), changes=frozenset(platform.line.met))


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Leg]:
    """Do it with a line that breaks at each change, one component after the other."""
    with world(tmp_path_factory.mktemp("cut")) as started, FaultyPlatform.behind(started) as platform:
        first = _cut(platform, up, platform.components(), Watch(world=started))
        return {"up": first, "down": _cut(platform, down, platform.components()[::-1], Watch(world=started, namespace="local-cicd/"))}


def _cut(platform: FaultyPlatform, command: Callable[[Run], None], components: list[Component], watch: Watch) -> Leg:
    platform.line.forget()
    for component in components:
        begun = time.monotonic()
        runs = platform.disturbed(component, command, watch.look)
        sys.stdout.write(f"{component.title}: {runs} runs in {time.monotonic() - begun:.1f} s\n")
    changes = frozenset(platform.line.lost)
    with platform.open(COMPONENTS) as run:
        left = run.engine.plan().exit_code
    return Leg(state=PlatformState.of(platform.world), changes=changes, left=left, changed=tuple(watch.changed))


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Leg, list[Kill]]:
    """Kill the real command once in each component, each time further on, then let it come to its end."""
    with world(tmp_path_factory.mktemp("killed")) as started:
        started.use_helm("helm4")
        watch, kills = Watch(world=started), []
        for component in COMPONENTS:
            if component.enabled(started.platform):
                kills.append(kill_in(started, component.title))
                watch.look()
        done = started.command_line.run("up", "--yes")
        assert done.code == 0, done.stdout + done.stderr
        watch.look()
        left = started.command_line.run("plan").code
        return Leg(state=PlatformState.of(started), left=left, changed=tuple(watch.changed)), kills


@pytest.mark.parametrize("command", ["up", "down"])
def test_each_change_was_the_last_one_of_a_run(undisturbed: Mapping[str, Leg], cut: Mapping[str, Leg], command: str) -> None:
    """All changes of an undisturbed run were done by a run that has heard nothing any more from then on."""
    wanted = undisturbed[command].changes
    assert len(wanted) >= FEWEST[command]
    assert sorted(wanted - cut[command].changes) == []


@pytest.mark.parametrize("whose", WHOSE)
def test_everybodys_changes_were_cut_off(cut: Mapping[str, Leg], whose: str) -> None:
    """Not only those of the API server's own client."""
    assert [change for change in cut["up"].changes if change.startswith(WHOSE[whose])]


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_run_that_was_cut_off_ends_in_the_state_of_an_undisturbed_one(
    undisturbed: Mapping[str, Leg], cut: Mapping[str, Leg], command: str
) -> None:
    """The same objects, one OAuth2 application, one token, one webhook, each release deployed."""
    assert undisturbed[command].state.differences(cut[command].state) == []


def test_after_up_was_cut_off_everywhere_nothing_is_left_to_do(cut: Mapping[str, Leg]) -> None:
    """A plan of all components has no change."""
    assert cut["up"].left == 0


@pytest.mark.parametrize("command", ["up", "down"])
def test_no_secret_is_made_anew_after_a_run_was_cut_off(cut: Mapping[str, Leg], command: str) -> None:
    """What one run has kept the next one uses."""
    assert cut[command].changed == ()


def test_a_kill_in_each_component_takes_helm_along(killed: tuple[Leg, list[Kill]]) -> None:
    """Nothing goes on changing the cluster."""
    _, kills = killed
    assert [kill.title for kill in kills if kill.survivors] == []
    assert sum(bool(kill.children) for kill in kills) >= 4


def test_a_killed_run_that_is_started_again_ends_in_the_state_of_an_undisturbed_one(
    undisturbed: Mapping[str, Leg], killed: tuple[Leg, list[Kill]]
) -> None:
    """With nothing left to do, and no secret made anew."""
    leg, _ = killed
    assert undisturbed["up"].state.differences(leg.state) == []
    assert leg.left == 0
    assert leg.changed == ()
