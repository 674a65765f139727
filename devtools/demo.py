"""`./dev demo`: the pipeline of examples/demo, twice, against a real registry and a real BuildKit."""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devtools import containers, images, runner
from devtools.errors import DevError
from devtools.metadata import Repository
from devtools.paths import ROOT
from devtools.runner import StepResult
from devtools.services import Services
from plugin_kit.console import Console, elapsed
from plugin_kit.http import Http
from plugin_kit.manifest import REVISION, Manifest
from plugin_kit.parallel import each
from plugin_kit.reference import RegistryHost
from plugin_kit.registry import Registry
from plugin_kit.release import Release, candidate_tag
from plugin_kit.releases import read_release

PROJECT = "demo"
PLUGIN = "local-cicd/registry-push:latest"
CHANGED = Path("services/query-api/query_api.py")
_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the pipeline: what it ran on, its steps, and the record that it left in the registry."""

    title: str
    sha: str
    steps: Sequence[StepResult]
    release: Release
    seconds: float


def main(arguments: argparse.Namespace) -> int:
    """Run the demo; 1 where a pipeline failed."""
    console = Console()
    console.info(
        f"A monorepo of 14 images goes through its pipeline ({Path('examples/demo/.woodpecker.yml')}), then one service is changed."
    )
    images.build(["registry-push"])
    with Services.start(name="demo") as services, repository() as repo:
        console.info(f"registry at {services.registry.host}, BuildKit at {services.builder.host}, network {services.network}")
        store = Registry(RegistryHost(host=services.registry.host), Http())
        first = pipeline("first commit", repo, services, store, number=1, arguments=arguments, console=console)
        change(repo)
        second = pipeline(f"{CHANGED.parent.name} changed", repo, services, store, number=2, arguments=arguments, console=console)
        report([first, second], store, console)
        if arguments.keep:
            stay(services, console)
    return 0


@contextmanager
def repository() -> Iterator[Path]:
    """Make a git repository from examples/demo, as a person who starts with the example would."""
    with tempfile.TemporaryDirectory(prefix="local-cicd-demo-") as folder:
        repo = Path(folder, PROJECT)
        shutil.copytree(
            ROOT / "examples" / "demo", repo, ignore=shutil.ignore_patterns("__pycache__", ".local-cicd", ".ruff_cache", ".mypy_cache")
        )
        git(repo, "init", "--quiet", "--initial-branch=main")
        commit(repo, "feat: the trading desk")
        yield repo


def change(repo: Path) -> None:
    """Change one service and commit."""
    file = repo / CHANGED
    file.write_text(file.read_text(encoding="utf-8").replace("Answers questions", "Answers all questions"), encoding="utf-8")
    commit(repo, f"docs: say more of {CHANGED.parent.name}")


def commit(repo: Path, message: str) -> None:
    """Commit everything."""
    git(repo, "add", "--all")
    git(repo, "-c", "user.name=Ada", "-c", "user.email=ada@example.lan", "commit", "--quiet", "--message", message)


def git(repo: Path, *arguments: str) -> str:
    """Run git, without what the person at the keyboard has configured."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *arguments], cwd=repo, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def pipeline(
    title: str, repo: Path, services: Services, store: Registry, *, number: int, arguments: argparse.Namespace, console: Console
) -> Run:
    """Run the pipeline on the repository's HEAD and read the record that it left; DevError where it failed."""
    sha = git(repo, "rev-parse", "HEAD")
    console.info("")
    console.info(f"Pipeline {number}: {title} ({sha[:_SHOWN]})")
    begun = time.monotonic()
    image_map = {
        f"{services.registry.inside}/{PLUGIN}": "local-cicd/registry-push:dev",
        f"{services.registry.inside}/": f"{services.registry.host}/",
    }
    try:
        steps = runner.run(
            repo / ".woodpecker.yml",
            repo,
            pipeline_number=number,
            network=services.network,
            image_map=image_map,
            images_present=[f"{services.registry.inside}/{PLUGIN}"],
            show_commands=arguments.show_commands,
            repository=Repository(full_name=f"acme/{PROJECT}"),
            console=console,
        )
    finally:
        runner.remove_pulled(image_map)
    seconds = time.monotonic() - begun
    if runner.failed(steps):
        raise DevError(f"pipeline {number} failed in {', '.join(step.name for step in steps if step.state == 'failure')}")
    found = read_release(store, f"{PROJECT}/releases", candidate_tag(sha))
    if found is None:
        raise DevError(f"pipeline {number} left no release record of {sha}")
    return Run(title=title, sha=sha, steps=steps, release=found[0], seconds=seconds)


def report(runs: Sequence[Run], store: Registry, console: Console) -> None:
    """Show what each run did, and what the registry has now."""
    console.info("")
    names = [step.name for step in runs[0].steps if step.state != "skipped"]
    rows = [[name, *(_step(run, name) for run in runs)] for name in names]
    console.table(
        ["step", *(f"{run.title}" for run in runs)],
        [*rows, ["all", *(elapsed(run.seconds) for run in runs)]],
        title="What each run took",
        align="lrr",
    )
    console.info("")
    first, second = (_manifests(run, store) for run in runs)
    shared = {name: second[name].layers == first[name].layers for name in second}
    console.table(
        ["image", *(f"{run.sha[:_SHOWN]}" for run in runs), "layers"],
        [
            [image.name, *(_image(run, image.name) for run in runs), "the same" if shared[image.name] else "new"]
            for image in runs[1].release.images
        ],
        title="What each run did: built or taken from the cache, seconds, digest",
    )
    revisions = {manifest.annotations.get(REVISION) for manifest in second.values()}
    tags = each(lambda image: sorted(store.tags(image.repository.split("/", 1)[1])), runs[1].release.images)
    console.info("")
    console.info(
        f"The registry has {len(second)} images with the revision {', '.join(text[:_SHOWN] for text in sorted(filter(None, revisions)))},"
    )
    console.info(f"{sum(shared.values())} of them with the layers of the first commit. Each has the tags {', '.join(tags[0])}.")
    console.info("They are candidates (`hold: true`): nothing that a deployment follows points to them before kargo-notify releases them.")
    console.info("")
    console.info("Where to look next: examples/demo/.woodpecker.yml, plugins/registry-push/docs.md, ./dev demo --keep --show-commands")


def stay(services: Services, console: Console) -> None:
    """Leave the services up and say how to reach them."""
    containers.keep(services.network)
    host = services.registry.host
    console.info("")
    console.info("The services stay up until ./dev clean:")
    console.info(f"  curl http://{host}/v2/_catalog")
    console.info(f"  curl http://{host}/v2/{PROJECT}/query-api/tags/list")
    console.info(f"  BuildKit: {services.builder.host}, on the network {services.network} {services.builder.inside}")


def _manifests(run: Run, store: Registry) -> dict[str, Manifest]:
    def fetch(image: tuple[str, str, str]) -> tuple[str, Manifest]:
        name, repository, digest = image
        manifest = store.manifest(repository.split("/", 1)[1], digest)
        if manifest is None:
            raise DevError(f"{repository} has lost {digest}")
        return name, manifest

    return dict(each(fetch, [(image.name, image.repository, image.digest) for image in run.release.images]))


def _step(run: Run, name: str) -> str:
    return next((elapsed(step.seconds) for step in run.steps if step.name == name), "-")


def _image(run: Run, name: str) -> str:
    image = next(image for image in run.release.images if image.name == name)
    return f"{image.state}, {image.seconds or 0:.1f}s, {image.digest[7:19]}"
