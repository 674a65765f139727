"""The bench of github-mirror: the parts in their order, and what is printed at the end. How and why: docs/benchmarks.md."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from devtools import programs, progress
from devtools.bench import github_mirror_history as history
from devtools.bench import github_mirror_results as results
from devtools.bench.github_mirror_git import Bare, git
from devtools.bench.github_mirror_results import OBJECTS, REFS, Against, Measured, Run
from devtools.bench.github_mirror_step import Step
from devtools.bench.results import breakdown_table
from devtools.containers import network
from devtools.goyaml import Value
from devtools.sshd import KeyPair, Sshd, sshd
from plugin_kit.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often each part is repeated."""

    small: int = 15
    first: int = 7
    plan: int = 3
    objects: int = OBJECTS


QUICK = Effort(small=3, first=1, plan=1, objects=OBJECTS // 5)


def measure(*, quick: bool) -> None:
    """Measure everything and print it; nothing stays behind."""
    begun = time.monotonic()
    if quick:
        progress.say("--quick: few repetitions and a fifth of the objects; these numbers are for development only")
    programs.install("git", "openssh-client", why="to measure github-mirror against git")
    with _bench(QUICK if quick else Effort()) as bench:
        measured = bench.run()
    console = Console()
    console.info(f"\ngithub-mirror on this machine, medians; measured in {time.monotonic() - begun:.0f} s{' (--quick)' if quick else ''}\n")
    console.table(*results.seconds_table(measured), align="lrrrrrrr", title="Against bare git over the same sshd, in seconds")
    console.info("")
    columns = results.breakdowns(measured)
    title = "Where the time goes: some parts hold others, some go on at the same time"
    console.table(*breakdown_table(columns), align="l" + "r" * len(columns), title=title)
    console.info("")
    console.table(*results.targets_table(measured), align="lrll", title="Against the targets")
    progress.say(json.dumps(results.summary(measured)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One whole measurement: a server that has the mirrors, and the forge, too; what else is needed is in the folder."""

    folder: Path
    shared: Path
    server: Sshd
    settings: Mapping[str, Value] = field(repr=False)
    effort: Effort

    def run(self) -> Measured:
        """Measure part after part."""
        with progress.step(f"making a history of {self.effort.objects} objects") as telling:
            objects = history.make(self._forge, self.effort.objects)
            telling.result = f"{objects} objects, done"
        cached = self._step(self._forge, cache_dir=str(self.folder / "cache"))
        first = self._first_push(cached)
        completion, fetches = self._completion()
        noop, incremental, bare_parts = self._small(cached)
        with progress.step("starting with --version"):
            version = median(cached.version() for _ in range(self.effort.small))
        return Measured(
            version=version,
            noop=noop,
            incremental=incremental,
            first_push=first,
            plan=self._plan(),
            completion=completion,
            fetches=fetches,
            objects=objects,
            bare_parts=bare_parts,
        )

    def _first_push(self, step: Step) -> Against:
        """Push everything into an empty repository each time; both sides from the clone in the cache."""
        with progress.step("cloning the forge into the cache") as telling:
            cold = step.run(self._empty("nobody"), "--dry-run")
            telling.result = f"{cold.fetch:.2f} s, done"
        (clone,) = (self.folder / "cache").glob("*.git")
        bare = self._bare(clone)
        commit = git(self._forge, "rev-parse", "main")
        return _alternate(
            "first push",
            self.effort.first,
            lambda number: step.run(self._empty(f"ours-{number}")),
            lambda number: bare.pushes(self._empty(f"bare-{number}"), commit),
        )

    def _completion(self) -> tuple[Run, int]:
        """Complete a clone of Woodpecker's (shallow, and with no trees but those of its commit) from the forge, by ssh."""
        url = self.server.url(self._forge.name)
        workspace = self.folder / "woodpecker"
        workspace.mkdir()
        sha = git(self._forge, "rev-parse", "main")
        git(workspace, "init", "--quiet", "--initial-branch=main")
        git(workspace, "remote", "add", "origin", str(self._forge))
        git(workspace, "fetch", "--quiet", "--no-tags", "--depth=1", "--filter=tree:0", "origin", f"+{sha}:")
        git(workspace, "reset", "--hard", "--quiet", sha)
        step = Step(
            forge=self._forge,
            workspace=workspace,
            settings={**self.settings, "source": "workspace", "source_ssh_key": self.settings["ssh_key"]},
            more={"CI_REPO_CLONE_SSH_URL": url},
        )
        with progress.step("completing a clone of Woodpecker's") as telling:
            before = self._reads()
            run = step.run(self._empty("completed"))
            fetches = self._reads() - before
            telling.result = f"{fetches} fetch, {run.fetch:.2f} s, done"
        return run, fetches

    def _small(self, step: Step) -> tuple[Against, Against, dict[str, float]]:
        """Nothing to do, and one new commit, with a mirror for each side."""
        ours, theirs = (self._copy(name) for name in ("ours", "theirs"))
        self._copy("clone")
        bare = self._bare(self.shared / "clone.git")
        noop = _alternate("nothing to do", self.effort.small, lambda _: step.run(ours), lambda _: bare.lists(theirs))
        commits: list[str] = []
        parts: list[tuple[float, float]] = []

        def prepare(number: int) -> None:
            commits.append(history.add_commit(self._forge, number))
            git(bare.folder, "fetch", "--quiet", str(self._forge), "+refs/heads/main:refs/heads/main")

        def by_bare_git(_: int) -> float:
            parts.append(bare.lists_and_pushes(theirs, commits[-1]))
            return sum(parts[-1])

        one = _alternate("one new commit", self.effort.small, lambda _: step.run(ours), by_bare_git, prepare)
        listing, push = (median(column) for column in zip(*parts, strict=True))
        return noop, one, {"git ls-remote": listing, "git push": push}

    def _plan(self) -> list[Run]:
        """Plan for many refs, and push nothing."""
        with progress.step(f"making a forge with {REFS} branches, and a mirror that nobody has looked after") as telling:
            many = self.shared / "many.git"
            history.make(many, REFS)
            history.add_branches(many, REFS)
            url = self._copy("many-mirror", of=many)
            neglected = history.neglect(self.shared / "many-mirror.git")
            telling.result = f"{', '.join(f'{count} {what}' for what, count in neglected.items())}, done"
        step = self._step(many, refs=["heads/*"])
        with progress.step(f"planning for {REFS} refs") as telling:
            runs = [step.run(url, "--dry-run") for _ in range(self.effort.plan)]
            telling.result = f"{median(run.plan for run in runs):.2f} s, done"
        return runs

    @property
    def _forge(self) -> Path:
        return self.shared / "forge.git"

    def _step(self, forge: Path, **settings: Value) -> Step:
        workspace = self.folder / "workspace"
        workspace.mkdir(exist_ok=True)
        return Step(forge=forge, workspace=workspace, settings={**self.settings, "source": "forge", **settings})

    def _bare(self, clone: Path) -> Bare:
        known = self.folder / "known_hosts"
        known.write_text(f"{self.server.known_hosts}\n", encoding="utf-8")
        return Bare(folder=clone, key=self.folder / "key", known_hosts=known)

    def _empty(self, name: str) -> str:
        """Make an empty mirror and give its address."""
        git(self.shared, "init", "--quiet", "--bare", "--initial-branch=main", f"{name}.git")
        return self._tended(f"{name}.git")

    def _copy(self, name: str, of: Path | None = None) -> str:
        """Make a mirror that has everything and give its address."""
        git(self.shared, "clone", "--quiet", "--mirror", "--no-hardlinks", str(of or self._forge), f"{name}.git")
        return self._tended(f"{name}.git")

    def _tended(self, name: str) -> str:
        # What a server does at its leisure must not fall into somebody's time.
        git(self.shared / name, "config", "receive.autogc", "false")
        return self.server.url(name)

    def _reads(self) -> int:
        return sum(command.startswith("git-upload-pack") and self._forge.name in command for command in self.server.commands)


@contextmanager
def _bench(effort: Effort) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shared = folder / "git"
        shared.mkdir()
        pair = KeyPair.make()
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_text(pair.private, encoding="ascii")
        with network("bench") as net, sshd(net, authorized=[pair.public], folder=shared) as server:
            settings = {"ssh_key": pair.private, "known_hosts": server.known_hosts}
            yield Bench(folder=folder, shared=shared, server=server, settings=settings, effort=effort)


def _alternate(
    part: str,
    repetitions: int,
    plugin: Callable[[int], Run],
    bare: Callable[[int], float],
    prepare: Callable[[int], None] = lambda _: None,
) -> Against:
    """Measure both in turns, so that a change of the machine's mood meets both."""
    runs: list[Run] = []
    seconds: list[float] = []
    with progress.step(f"{part}: plugin and bare git, {repetitions} times each") as telling:
        for number in range(repetitions):
            prepare(number)
            if number % 2:
                seconds.append(bare(number))
                runs.append(plugin(number))
            else:
                runs.append(plugin(number))
                seconds.append(bare(number))
        telling.result = f"{median(run.own for run in runs):.3f} s and {median(seconds):.3f} s, done"
    return Against(ours=runs, bare=seconds)
