"""The bench of bootstrap: whole commands on the platform of examples/stonks-oracle. How and why: docs/benchmarks.md."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from devtools import progress
from devtools.bench import bootstrap_results as results
from devtools.bench.bootstrap_results import Measured
from devtools.bench.slow_line import slow_line
from devtools.controlplane import programs
from devtools.errors import DevError
from devtools.platform.charts import RENDERED
from devtools.platform.command import CommandLine
from devtools.platform.description import Document
from devtools.platform.world import PlatformWorld
from plugin_kit.console import Console

LINE_SECONDS = 0.02
TIMES = 7
QUICK_TIMES = 2


def measure(*, quick: bool) -> None:
    """Measure everything and print it; nothing stays behind."""
    begun = time.monotonic()
    if quick:
        progress.say("--quick: few repetitions; these numbers are for development only")
    if not RENDERED.exists():
        progress.say("the real charts' objects are not here: the numbers are of small charts, and not comparable to the targets")
    programs.build("kubernetes", "etcd", "kwok", "helm3")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="local-cicd-bench-"))
        with progress.step("starting a cluster, Gitea, Woodpecker and a registry"):
            world = stack.enter_context(PlatformWorld.start(Path(folder, "platform")))
        measured = Bench(world=world, times=QUICK_TIMES if quick else TIMES).run()
    console = Console()
    console.info(
        f"\nbootstrap on this machine, medians; {measured.objects} objects; measured in {time.monotonic() - begun:.0f} s"
        f"{' (--quick)' if quick else ''}\n"
    )
    console.table(*results.seconds_table(measured), align="lrr")
    console.info("")
    console.table(*results.targets_table(measured), align="lrll", title="Against the targets, with 20 ms added to every request")
    progress.say(json.dumps(results.summary(measured)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One whole measurement."""

    world: PlatformWorld
    times: int

    def run(self) -> Measured:
        """Bring the platform up, measure what has nothing to do, and take it down."""
        with progress.step("up on an empty cluster"):
            first = seconds(self.world.command_line, "up", "--yes")
        objects = self._objects()
        with self.world.rest.on():
            version = [seconds(self.world.command_line, "--version") for _ in range(self.times)]
            near = self._commands(self.world.command_line, "on loopback")
            with self._slow() as far:
                plan, up, status = self._commands(far, "20 ms away")
        with progress.step("down"):
            down = seconds(self.world.command_line, "down", "--yes")
        return Measured(objects=objects, version=version, first=first, plan=plan, up=up, status=status, near=near, down=down)

    def _commands(self, line: CommandLine, where: str) -> tuple[list[float], list[float], list[float]]:
        plan: list[float] = []
        up: list[float] = []
        status: list[float] = []
        # The first one finds no cache of anything.
        seconds(line, "plan")
        with progress.step(f"plan, up and status with nothing to do, {where}, {self.times} times each"):
            for _ in range(self.times):
                plan.append(seconds(line, "plan"))
                up.append(seconds(line, "up", "--yes"))
                status.append(seconds(line, "status"))
        return plan, up, status

    @contextmanager
    def _slow(self) -> Iterator[CommandLine]:
        """Put a slow line in front of the API server, Gitea, Woodpecker and the registry, and give the command that uses it."""
        world = self.world
        addresses = [world.plane.url, world.gitea.url, world.registry.url, world.woodpecker.url]
        with slow_line(LINE_SECONDS, [port(each) for each in addresses]) as ports:
            config = yaml.safe_load(world.kubeconfig.read_text(encoding="utf-8"))
            config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{ports[0]}"
            kubeconfig = world.folder / "slow.kubeconfig"
            kubeconfig.touch(mode=0o600)
            kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
            world.describe(lambda document: _through(document, ports[1:]))
            try:
                yield CommandLine(folder=world.folder, environment={**world.environment, "KUBECONFIG": str(kubeconfig)})
            finally:
                world.describe()

    def _objects(self) -> int:
        """Count the objects of the charts and our own."""
        document = json.loads(self.world.command_line.run("plan", "--json").stdout)
        labels = [label for component in document["components"] for label in component["unchanged"]]
        helm = str(self.world.children.folder / "helm")
        releases = json.loads(run([helm, "list", "--all-namespaces", "--output", "json"], self.world.environment))
        manifests = [
            run([helm, "get", "manifest", each["name"], "--namespace", each["namespace"]], self.world.environment) for each in releases
        ]
        charts = sum(1 for text in manifests for each in yaml.safe_load_all(text) if each)
        return charts + len(labels) - len(releases)


def seconds(line: CommandLine, *arguments: str) -> float:
    """Run a command that must end well, and say how long it took."""
    begun = time.monotonic()
    done = line.run(*arguments)
    taken = time.monotonic() - begun
    if done.code != 0:
        raise DevError(f"bootstrap {' '.join(arguments)} ended with {done.code}", hint=(done.stdout + done.stderr)[-2000:])
    return taken


def run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a program and return what it printed."""
    return subprocess.run(command, env=dict(environment), check=True, capture_output=True, text=True).stdout


def port(url: str) -> int:
    """Return the port of an address."""
    found = urlsplit(url).port
    if found is None:
        raise ValueError(f"{url} names no port")
    return found


def _through(document: Document, ports: Sequence[int]) -> None:
    gitea, registry, woodpecker = (f"http://127.0.0.1:{each}" for each in ports)
    document["gitea"]["endpoint"]["bootstrap_url"] = gitea
    document["registry"]["bootstrap_url"] = registry
    document["woodpecker"]["bootstrap_url"] = woodpecker
