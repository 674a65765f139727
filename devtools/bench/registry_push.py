"""The bench of registry-push: the parts in their order, and what is printed at the end. How and why: docs/benchmarks.md."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from devtools import base_images, images, progress
from devtools.bench import bare, monorepo, probe, results, rival
from devtools.bench.container import docker_run, middle, timed
from devtools.bench.idle import until_idle
from devtools.bench.monorepo import Monorepo
from devtools.bench.peak import peak_of
from devtools.bench.plugin import BakeFile, Plugin
from devtools.bench.results import IMAGES, Measured, Pair
from devtools.containers import network
from devtools.metadata import Commit
from devtools.registry import Registry, mirror, registry
from devtools.services import Services
from plugin_kit.console import Console
from plugin_kit.http import Http
from plugin_kit.reference import parse_registry
from plugin_kit.registry import Registry as Client
from plugin_kit.tagging import Move, set_tags

MANY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often each part is repeated."""

    starts: int = 9
    cold: int = 3
    warm: int = 5
    rival: int | None = None
    """Images that the rival builds; None: all."""


QUICK = Effort(starts=3, cold=1, warm=2, rival=2)


def measure(*, quick: bool) -> None:
    """Measure everything and print it; nothing stays behind."""
    begun = time.monotonic()
    if quick:
        progress.say("--quick: few repetitions, the rival is projected from 2 images; these numbers are for development only")
    with monorepo.example() as repository:
        measured, breakdown = Bench(repository, QUICK if quick else Effort()).run()
    console = Console()
    console.info(f"\nregistry-push on this machine, medians; measured in {time.monotonic() - begun:.0f} s{' (--quick)' if quick else ''}\n")
    console.table(*results.seconds_table(measured), align="lrrr", title=f"A repository of {IMAGES} images, in seconds")
    console.info("")
    console.table(*results.breakdown_table(breakdown), align="lrr", title="Where the plugin's time goes")
    console.info("")
    console.table(*results.targets_table(measured), align="lrll", title="Against the targets")
    progress.say(json.dumps(results.summary(measured)))


class Bench:
    """One whole measurement."""

    def __init__(self, repository: Monorepo, effort: Effort) -> None:
        self.repository = repository
        self.effort = effort
        built = images.build()
        self.slim, self.embedded = built["registry-push"], built["registry-push-embedded"]

    def run(self) -> tuple[Measured, dict[str, dict[str, float]]]:
        """Measure part after part."""
        empty, start = self._starts()
        remote_file, embedded_file = self._record()
        remote = self._cold_remote(remote_file)
        embedded, uncached = self._cold_embedded(embedded_file)
        changed, unchanged, rerun, tags, breakdown = self._warm(remote_file)
        peak = self._peak()
        rival_base, rival_cold, rival_changed, rival_measured = self._rival()
        measured = Measured(
            empty=empty,
            start=start,
            embedded=embedded,
            embedded_uncached=uncached,
            remote=remote,
            changed=changed,
            unchanged=unchanged,
            rerun=rerun,
            tags=tags,
            peak_kib=peak,
            rival_base=rival_base,
            rival_cold=rival_cold,
            rival_changed=rival_changed,
            rival_measured=rival_measured,
        )
        return measured, breakdown

    def _starts(self) -> tuple[float, float]:
        empty: list[float] = []
        version: list[float] = []
        with progress.step(f"starting: an empty container and --version, {self.effort.starts} times each") as step:
            for _ in range(self.effort.starts):
                empty.append(timed(docker_run(base_images.DEBIAN, ["true"])).seconds)
                version.append(timed(docker_run(self.slim, ["--version"])).seconds)
            step.result = f"{middle(empty):.3f} s and {middle(version):.3f} s, done"
        return middle(empty), middle(version)

    def _record(self) -> tuple[BakeFile, BakeFile]:
        """Get the bake files of both flavours; the runs for that also warm the machine up."""
        commit = self.repository.commit()
        with progress.step("recording the bake files that the plugin writes"), self._workspace(commit) as volume:
            with Services.start(name="bench") as services:
                remote = Plugin.remote(self.slim, self.repository.settings, services.network).record(volume, commit)
            with _registries() as (net, hub, _store):
                embedded = Plugin.with_own_builder(self.embedded, self.repository.settings, net, hub.inside).record(volume, commit)
        return BakeFile(text=remote, commit=commit), BakeFile(text=embedded, commit=commit)

    def _cold_remote(self, file: BakeFile) -> Pair:
        commit = self.repository.commit()

        def run(*, ours: bool) -> float:
            with Services.start(name="bench") as services:
                plugin = Plugin.remote(self.slim, self.repository.settings, services.network)
                if ours:
                    return plugin.run(volume, commit).seconds
                return bare.bake(plugin, file, volume, commit, builder=services.builder.inside).seconds

        with self._workspace(commit) as volume:
            return _alternate("cold, a BuildKit that stays", self.effort.cold, run)

    def _cold_embedded(self, file: BakeFile) -> tuple[Pair, float]:
        commit = self.repository.commit()

        def run(*, ours: bool) -> float:
            with _registries() as (net, hub, store):
                plugin = Plugin.with_own_builder(self.embedded, self.repository.settings, net, hub.inside)
                if ours:
                    return plugin.run(volume, commit).seconds
                return bare.bake_alone(plugin, file, volume, commit, mirror=hub.inside, registry=store.inside).seconds

        with self._workspace(commit) as volume:
            pair = _alternate("cold, embedded BuildKit", self.effort.cold, run)
            with progress.step("cold, embedded BuildKit, cache: none") as step, _registries() as (net, hub, _store):
                settings = {**self.repository.settings, "cache": "none"}
                uncached = Plugin.with_own_builder(self.embedded, settings, net, hub.inside).run(volume, commit).seconds
                step.result = f"{uncached:.2f} s, done"
        return pair, uncached

    def _warm(self, file: BakeFile) -> tuple[Pair, Pair, float, float, dict[str, dict[str, float]]]:
        with Services.start(name="bench") as services:
            plugin = Plugin.remote(self.slim, self.repository.settings, services.network)

            def run(next_commit: Callable[[], Commit], *, ours: bool) -> float:
                commit = next_commit()
                with self._workspace(commit) as volume:
                    until_idle(services.builder.container)
                    if ours:
                        return plugin.run(volume, commit).seconds
                    return bare.bake(plugin, file, volume, commit, builder=services.builder.inside).seconds

            with progress.step("filling the BuildKit that stays"):
                run(self.repository.commit, ours=True)
            changed = _alternate("one service changed", self.effort.warm, lambda *, ours: run(self.repository.change, ours=ours))
            unchanged = _alternate("nothing changed", self.effort.warm, lambda *, ours: run(self.repository.commit, ours=ours))
            commit = self.repository.commit()
            with self._workspace(commit) as volume:
                until_idle(services.builder.container)
                breakdown = {"nothing changed": _probe(plugin, volume, commit), "rerun": _probe(plugin, volume, commit)}
                until_idle(services.builder.container)
                with progress.step("rerun of a released commit") as step:
                    rerun = middle([plugin.run(volume, commit).seconds for _ in range(self.effort.warm)])
                    step.result = f"{rerun:.3f} s, done"
            tags = self._tags(services.registry, commit)
        return changed, unchanged, rerun, tags, breakdown

    def _tags(self, store: Registry, commit: Commit) -> float:
        """Set one new tag on each of the images, over loopback, as the plugin does it."""
        _bases, found = rival.images(self.repository.settings)
        project = str(self.repository.settings["project"])
        times: list[float] = []
        with progress.step(f"setting the tags of {len(found)} images") as step:
            for number in range(self.effort.warm):
                with Http() as http:
                    client = Client(parse_registry(store.host), http)
                    known = {path: client.manifest(path, commit.sha) for path in (f"{project}/{image.name}" for image in found)}
                    moves = [Move(registry=client, path=path, tag=f"bench-{number}", manifest=its) for path, its in known.items() if its]
                    begun = time.monotonic()
                    set_tags(moves)
                    times.append(time.monotonic() - begun)
            step.result = f"{len(moves)} tags in {middle(times) * 1000:.0f} ms, done"
        return middle(times)

    def _peak(self) -> int:
        common = {key: value for key, value in self.repository.settings.items() if key != "images"}
        with (
            progress.step(f"the plugin's memory with {MANY} images") as step,
            monorepo.generated(MANY, common) as repository,
            monorepo.workspace(repository, commit := repository.commit(), self.slim) as volume,
            Services.start(name="bench") as services,
        ):
            peak = peak_of(Plugin.remote(self.slim, repository.settings, services.network).command(volume, commit))
            step.result = f"{peak / 1024:.1f} MB, done"
        return peak

    def _rival(self) -> tuple[float, float, float, int]:
        bases, found = rival.images(self.repository.settings)
        chosen = found[: self.effort.rival] if self.effort.rival else found
        first = self.repository.commit()
        tools = rival.image_of_tools()
        with rival.control_group() as group, _registries() as (net, hub, store):
            project = str(self.repository.settings["project"])
            steps = rival.Rival(tools=tools, net=net, registry=store.inside, mirror=hub.inside, project=project, group=group)
            progress.say(f"==> the rival: one image per step, each in a fresh container, {len(bases)} base first; a step is")
            for line in steps.commands(chosen[0], first).splitlines():
                progress.say(f"      {line}")
            with self._workspace(first) as volume:
                base = _rival_steps("cold", steps, bases, volume, first, base_of=first)
                cold = _rival_steps("cold", steps, chosen, volume, first, base_of=first)
            second = self.repository.change()
            with self._workspace(second) as volume:
                changed = _rival_steps("one service changed", steps, chosen, volume, second, base_of=first)
        whole = len(found) / len(chosen)
        return base, base + cold * whole, changed * whole, len(chosen)

    @contextmanager
    def _workspace(self, commit: Commit) -> Iterator[str]:
        with monorepo.workspace(self.repository, commit, self.slim) as volume:
            yield volume


@contextmanager
def _registries() -> Iterator[tuple[str, Registry, Registry]]:
    """Start an empty registry and a mirror of Docker Hub on a network of their own."""
    with ExitStack() as stack:
        net = stack.enter_context(network("bench"))
        yield net, stack.enter_context(mirror(net)), stack.enter_context(registry(net))


def _alternate(part: str, repetitions: int, run: Callable[..., float]) -> Pair:
    """Measure the plugin and the bare bake in turns, so that a change of the machine's mood meets both."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(repetitions):
        with progress.step(f"{part}: plugin and bare bake, {number + 1} of {repetitions}") as step:
            for ours in (True, False) if number % 2 == 0 else (False, True):
                times[ours].append(run(ours=ours))
            step.result = f"plugin {times[True][-1]:.2f} s, bare bake {times[False][-1]:.2f} s, done"
    return Pair(ours=middle(times[True]), bake=middle(times[False]))


def _probe(plugin: Plugin, volume: str, commit: Commit) -> dict[str, float]:
    """Run the plugin once under the probe and return the seconds of each of its parts."""
    script = Path(probe.__file__).read_text(encoding="utf-8")
    with progress.step("looking where the plugin's time goes"):
        run = timed(plugin.command(volume, commit, entrypoint="python3.13", script=script))
    found: dict[str, float] = json.loads(run.result.stderr.splitlines()[-1])
    return found


def _rival_steps(part: str, steps: rival.Rival, chosen: list[rival.Image], volume: str, commit: Commit, *, base_of: Commit) -> float:
    total = 0.0
    for number, image in enumerate(chosen, start=1):
        with progress.step(f"the rival, {part}: {image.name}, {number} of {len(chosen)}") as step:
            took = steps.step(image, volume, commit, base_of=base_of)
            stages = ", ".join(f"{stage} at {seconds:.1f} s" for stage, seconds in took.stages.items())
            step.result = f"{stages}; {took.seconds:.2f} s in all, done"
        total += took.seconds
    return total
