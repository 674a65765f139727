"""Cut off after any single change, of `up` and of `down`, or killed, and started again, a run ends in the state of an undisturbed one.

Small charts stand for the real ones. Where the line is cut a component is run alone, after those that it needs; what is killed is the real
command, with all of them, on a cluster of its own beside that.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bootstrap.components import COMPONENTS
from bootstrap.components.images.component import Images
from bootstrap.core import report
from bootstrap.core.component import Component
from devtools.controlplane import programs
from devtools.platform.run import Run
from devtools.platform.world import PlatformWorld
from tests.support import smallest_platform
from tests.support.faulty_platform import FaultyPlatform
from tests.support.kills import Kill, kill_in
from tests.support.platform_state import PlatformState, secrets

# Worlds of their own, and hundreds of runs, are made before the first test.
pytestmark = pytest.mark.timeout(1800)
# Of the example with these charts; less would mean that somebody's requests go another way.
FEWEST = {"up": 180, "down": 80}
FEWEST_HELMS = 5
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
    left: str = ""
    """A plan afterwards, where it has anything to do."""
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
    with PlatformWorld.start(folder / "world", small=True, edit=smallest_platform.edit(folder / "charts")) as started:
        yield started


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[tuple[Leg, list[Kill]]]]:
    """Kill the real command once in each component, each time further on, then let it come to its end; the other runs go on meanwhile."""
    # Before anything is waited for.
    programs.build("helm3", "helm4")
    with ThreadPoolExecutor(max_workers=1) as beside, world(tmp_path_factory.mktemp("killed")) as started:
        yield beside.submit(_killed, started)


def _killed(started: PlatformWorld) -> tuple[Leg, list[Kill]]:
    started.use_helm("helm4")
    watch, kills = Watch(world=started), []
    for component in COMPONENTS:
        if component.enabled(started.platform):
            kills.append(kill_in(started, component.title))
            watch.look()
    done = started.command_line.run("up", "--yes")
    assert done.code == 0, done.stdout + done.stderr
    watch.look()
    plan = started.command_line.run("plan")
    left = plan.stdout + plan.stderr if plan.code else ""
    return Leg(state=PlatformState.of(started), left=left, changed=tuple(watch.changed)), kills


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, killing: object) -> Mapping[str, Leg]:
    """Bring the platform up and down without any fault."""
    del killing
    with world(tmp_path_factory.mktemp("undisturbed")) as started, FaultyPlatform.behind(started) as platform:
        return {name: _undisturbed(platform, command) for name, command in (("up", up), ("down", down))}


def _undisturbed(platform: FaultyPlatform, command: Callable[[Run], None]) -> Leg:
    platform.line.forget()
    begun = time.monotonic()
    with platform.open(COMPONENTS) as run:
        command(run)
    changes = frozenset(platform.line.met)
    sys.stdout.write(f"undisturbed: {len(changes)} changes in {time.monotonic() - begun:.1f} s\n")
    return Leg(state=PlatformState.of(platform.world), changes=changes)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory, killing: object) -> Mapping[str, Leg]:
    """Do it with a line that breaks at each change, one component after the other."""
    del killing
    with world(tmp_path_factory.mktemp("cut")) as started, FaultyPlatform.behind(started) as platform:
        watch = Watch(world=started)
        for component in platform.components():
            _cut(platform, up, component, watch)
        # A layer that images share is mounted from one to the next by a run that copies both, as into a registry that was lost.
        runs = 0
        while runs != 1:
            started.registry.lose()
            runs = _cut(platform, up, Images(), watch)
        first = _leg(platform, watch)
        platform.line.forget()
        watch = Watch(world=started, namespace="local-cicd/")
        for component in platform.components()[::-1]:
            _cut(platform, down, component, watch)
        return {"up": first, "down": _leg(platform, watch)}


def _cut(platform: FaultyPlatform, command: Callable[[Run], None], component: Component, watch: Watch) -> int:
    begun = time.monotonic()
    runs = platform.disturbed(component, command, watch.look)
    sys.stdout.write(f"{component.title}: {runs} runs in {time.monotonic() - begun:.1f} s\n")
    return runs


def _leg(platform: FaultyPlatform, watch: Watch) -> Leg:
    changes = frozenset(platform.line.lost)
    with platform.open(COMPONENTS) as run:
        plan = run.engine.plan()
        report.show_plan(run.context.console, plan)
        left = run.printed if plan.exit_code else ""
    return Leg(state=PlatformState.of(platform.world), changes=changes, left=left, changed=tuple(watch.changed))


@pytest.fixture(scope="module")
def killed(killing: Future[tuple[Leg, list[Kill]]]) -> tuple[Leg, list[Kill]]:
    """Wait for those that were killed."""
    return killing.result()


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
    assert cut["up"].left == ""


@pytest.mark.parametrize("command", ["up", "down"])
def test_no_secret_is_made_anew_after_a_run_was_cut_off(cut: Mapping[str, Leg], command: str) -> None:
    """What one run has kept the next one uses."""
    assert cut[command].changed == ()


def test_a_kill_in_each_component_takes_helm_along(killed: tuple[Leg, list[Kill]]) -> None:
    """Nothing goes on changing the cluster, not even later: each of them was stopped in the middle, and is gone."""
    _, kills = killed
    assert [kill.title for kill in kills if kill.survivors] == []
    assert sum(bool(kill.helms) for kill in kills) >= FEWEST_HELMS


def test_a_killed_run_that_is_started_again_ends_in_the_state_of_an_undisturbed_one(
    undisturbed: Mapping[str, Leg], killed: tuple[Leg, list[Kill]]
) -> None:
    """With nothing left to do, and no secret made anew."""
    leg, _ = killed
    assert undisturbed["up"].state.differences(leg.state) == []
    assert leg.left == ""
    assert leg.changed == ()
