"""The bench of kargo-notify: the parts in their order, and what is printed at the end. How and why: docs/benchmarks.md."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from devtools import programs, progress
from devtools.bench import kargo_notify_results as results
from devtools.bench.github_mirror_results import Run
from devtools.bench.kargo_notify_commits import WATCHED, HeldCommit
from devtools.bench.kargo_notify_results import IMAGES, MANY, Measured
from devtools.bench.kargo_notify_step import GoClient, Step, inspect_each
from devtools.bench.results import breakdown_table
from devtools.containers import network
from devtools.kargo.discovery import Registries
from devtools.kargo.server import stand_in
from devtools.registry import registry
from kargo_notify.run import CONNECTIONS
from plugin_kit.console import Console

# What the plugin may use at most; the Go client has the choice between this and what the plugin uses.
MOST_CONNECTIONS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often each part is repeated."""

    starts: int = 9
    small: int = 9
    large: int = 3
    many: int = MANY


QUICK = Effort(starts=3, small=3, large=1, many=MANY // 5)


def measure(*, quick: bool) -> None:
    """Measure everything and print it; nothing stays behind."""
    begun = time.monotonic()
    if quick:
        progress.say("--quick: few repetitions and a fifth of the images; these numbers are for development only")
    programs.install("skopeo", why="to measure kargo-notify against a tool that is run once per image")
    with _bench(QUICK if quick else Effort()) as bench:
        measured = bench.run()
    console = Console()
    console.info(f"\nkargo-notify on this machine, medians; measured in {time.monotonic() - begun:.0f} s{' (--quick)' if quick else ''}\n")
    console.table(*results.seconds_table(measured), align="lr", title="In seconds")
    console.info("")
    columns = results.breakdowns(measured)
    console.table(*breakdown_table(columns), align="l" + "r" * len(columns), title="Where the time goes")
    console.info("")
    console.table(*results.targets_table(measured), align="lrll", title="Against the targets")
    progress.say(json.dumps(results.summary(measured)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One whole measurement against a registry (host:port)."""

    folder: Path
    host: str
    effort: Effort

    def run(self) -> Measured:
        """Measure part after part."""
        go = GoClient.build(self.folder)
        step = Step(workspace=self.folder)
        with progress.step("starting with --version"):
            version = median(step.version() for _ in range(self.effort.starts))
        runs, tool = self._small(step)
        told = self._told()
        verifications, bare = self._large(step, go)
        return Measured(version=version, runs=runs, told=told, verifications=verifications, go=bare, tool=tool, many=self.effort.many)

    def _small(self, step: Step) -> tuple[list[Run], list[float]]:
        """Release a commit of 14 images, each time another one, after the tool has looked at it."""
        runs: list[Run] = []
        tool: list[float] = []
        commit = HeldCommit(host=self.host, project="small", number=1, images=IMAGES)
        with progress.step(f"{IMAGES} images: plugin and skopeo, {self.effort.small} times each") as telling:
            for _ in range(self.effort.small):
                commit.push()
                tool.append(inspect_each(commit))
                runs.append(step.run(commit))
                commit = commit.next()
            verify, release = (results.spent(runs, part) for part in ("verify", "release"))
            telling.result = f"verified in {verify:.3f} s, released in {release:.3f} s, skopeo {median(tool):.2f} s, done"
        return runs, tool

    def _told(self) -> list[Run]:
        """Release commits of 14 images and wait for their Freight."""
        runs: list[Run] = []
        commit = HeldCommit(host=self.host, project="told", number=1, images=IMAGES)
        with (
            progress.step(f"{IMAGES} images and their Freight, {self.effort.small} times") as telling,
            stand_in("shop-cd", registries=Registries(plain_http=True)) as kargo,
        ):
            commit.push()
            kargo.world.add_warehouse("shop-images", [f"{self.host}/{commit.project}/{WATCHED}"])
            where = {
                "via": "api",
                "kargo_url": kargo.url,
                "kargo_token": kargo.token,
                "kargo_project": "shop-cd",
                "warehouse": "shop-images",
            }
            step = Step(workspace=self.folder, settings={**where, "wait": "1m", "strict": True})
            for _ in range(self.effort.small):
                runs.append(step.run(commit))
                commit = commit.next()
                commit.push()
            telling.result = f"{median(map(results.freight_seconds, runs)):.2f} s after the release, done"
        return runs

    def _large(self, step: Step, go: GoClient) -> tuple[list[Run], list[float]]:
        """Verify many images, by the plugin and by the Go client in turns, so that a change of the machine's mood meets both."""
        commit = HeldCommit(host=self.host, project="large", number=1, images=self.effort.many)
        with progress.step(f"pushing {commit.images} images"):
            commit.push()
        runs: list[Run] = []
        bare: dict[int, list[float]] = {CONNECTIONS: [], MOST_CONNECTIONS: []}
        with progress.step(f"{commit.images} images: plugin and Go, {self.effort.large} times each") as telling:
            # The registry's first look at a blob goes to the disk.
            go.verify(commit, connections=CONNECTIONS)
            for _ in range(self.effort.large):
                runs.append(step.run(commit, "--dry-run"))
                for connections, seconds in bare.items():
                    seconds.append(go.verify(commit, connections=connections))
            best = min(bare.values(), key=median)
            telling.result = f"{results.spent(runs, 'verify'):.2f} s and {median(best):.2f} s, done"
        return runs, best


@contextmanager
def _bench(effort: Effort) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, network("bench") as net, registry(net) as store:
        yield Bench(folder=Path(name), host=store.host, effort=effort)
