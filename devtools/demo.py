"""`./dev demo`: the pipeline of examples/demo, against a real registry, a real BuildKit, and an OpenSSH server that stands for GitHub."""

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
from devtools.sshd import HOME, KeyPair, Sshd, sshd
from plugin_kit.console import Console, elapsed
from plugin_kit.http import Http
from plugin_kit.manifest import REVISION, Manifest
from plugin_kit.parallel import each
from plugin_kit.reference import RegistryHost
from plugin_kit.registry import Registry
from plugin_kit.release import Release, candidate_tag
from plugin_kit.releases import read_release

PROJECT = "demo"
PLUGINS = ("registry-push", "github-mirror")
MIRROR = "acme/demo.git"
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
    mirrored: str
    """The commit of main at "GitHub" after the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the pipelines run on."""

    services: Services
    github: Sshd
    deploy_key: KeyPair
    repo: Path
    store: Registry
    console: Console
    show_commands: bool

    @property
    def image_map(self) -> dict[str, str]:
        """Where the engine finds the images that steps name."""
        registry = self.services.registry
        plugins = {f"{registry.inside}/local-cicd/{name}:latest": f"local-cicd/{name}:dev" for name in PLUGINS}
        return {**plugins, f"{registry.inside}/": f"{registry.host}/"}


def main(arguments: argparse.Namespace) -> int:
    """Run the demo; 1 where a pipeline failed."""
    console = Console()
    console.info(
        f"A monorepo of 14 images goes through its pipeline ({Path('examples/demo/.woodpecker.yml')}), then one service is changed,"
    )
    console.info("then GitHub shows another host key than the pipeline expects. ./dev plays Woodpecker; everything else is real.")
    images.build(PLUGINS)
    deploy_key = KeyPair.make()
    with (
        Services.start(name="demo") as services,
        sshd(services.network, authorized=[deploy_key.public]) as github,
        repository() as repo,
    ):
        github.create(MIRROR)
        console.info(
            f"registry at {services.registry.host}, BuildKit at {services.builder.host}, "
            f'"GitHub" at 127.0.0.1:{github.port}, network {services.network}'
        )
        stage = Stage(
            services=services,
            github=github,
            deploy_key=deploy_key,
            repo=repo,
            store=Registry(RegistryHost(host=services.registry.host), Http()),
            console=console,
            show_commands=arguments.show_commands,
        )
        first = pipeline(stage, "first commit", number=1)
        change(repo)
        second = pipeline(stage, f"{CHANGED.parent.name} changed", number=2)
        third = pipeline(stage, "wrong host key", number=3, host_key=KeyPair.make().public)
        took([first, second, third], console)
        report([first, second], stage.store, console)
        report_mirror(first, second, third, console)
        if arguments.keep:
            stay(stage)
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


def pipeline(stage: Stage, title: str, *, number: int, host_key: str | None = None) -> Run:
    """Run the pipeline on the repository's HEAD and read what it left behind; DevError where it failed.

    `host_key` is what the pipeline takes for GitHub's, by default the true one.
    """
    console, github = stage.console, stage.github
    sha = git(stage.repo, "rev-parse", "HEAD")
    console.info("")
    console.info(f"Pipeline {number}: {title} ({sha[:_SHOWN]})")
    begun = time.monotonic()
    try:
        steps = runner.run(
            stage.repo / ".woodpecker.yml",
            stage.repo,
            pipeline_number=number,
            secrets={"github_deploy_key": stage.deploy_key.private},
            env={"GITHUB_REMOTE": github.inside(MIRROR), "GITHUB_HOST_KEY": f"{github.alias} {host_key or github.host_key}"},
            network=stage.services.network,
            image_map=stage.image_map,
            images_present=[name for name in stage.image_map if not name.endswith("/")],
            show_commands=stage.show_commands,
            repository=Repository(full_name=f"acme/{PROJECT}"),
            console=console,
        )
    finally:
        runner.remove_pulled(stage.image_map)
    seconds = time.monotonic() - begun
    if runner.failed(steps):
        raise DevError(f"pipeline {number} failed in {', '.join(step.name for step in steps if step.state == 'failure')}")
    found = read_release(stage.store, f"{PROJECT}/releases", candidate_tag(sha))
    if found is None:
        raise DevError(f"pipeline {number} left no release record of {sha}")
    return Run(title=title, sha=sha, steps=steps, release=found[0], seconds=seconds, mirrored=github.git(MIRROR, "rev-parse", "main"))


def took(runs: Sequence[Run], console: Console) -> None:
    """Show how long each step took, and which of them failed."""
    console.info("")
    names = [step.name for step in runs[0].steps if step.state != "skipped"]
    rows = [[name, *(_step(run, name) for run in runs)] for name in names]
    console.table(
        ["step", *(f"{run.title}" for run in runs)],
        [*rows, ["pipeline", *(f"green, {elapsed(run.seconds)}" for run in runs)]],
        title="What each run took",
        align="lrrr",
    )


def report(runs: Sequence[Run], store: Registry, console: Console) -> None:
    """Show what became of the images, and what the registry has now."""
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
    console.info(f"{sum(shared.values())} of them with the layers of the first commit. Each repository has the tags {', '.join(tags[0])}.")
    console.info("They are candidates (`hold: true`): nothing that a deployment follows points to them before kargo-notify releases them.")


def report_mirror(first: Run, second: Run, broken: Run, console: Console) -> None:
    """Show what "GitHub" had after each run; DevError where that is not what the pipelines promise."""
    states = [next(step.state for step in run.steps if step.name == "mirror") for run in (first, second, broken)]
    if [first.mirrored, second.mirrored, broken.mirrored] != [first.sha, second.sha, second.sha] or states[2] != "ignored":
        raise DevError(f"the mirror has not what it should have: {first.mirrored}, {second.mirrored}, {broken.mirrored}; {states}")
    console.info("")
    console.info(
        f'"GitHub" had main at {first.sha[:_SHOWN]}, then at {second.sha[:_SHOWN]}, and nothing was sent there with a wrong host key.'
    )
    console.warn(
        f"{broken.title}: the step mirror is red and the pipeline green, since nothing that is deployed depends on a mirror",
        hint="what the step saw, and what to do, stands in its log above and in docs/how-to/mirror-to-github.md",
    )
    console.info("")
    console.info("Where to look next: examples/demo/.woodpecker.yml, plugins/*/docs.md, ./dev demo --keep --show-commands")


def stay(stage: Stage) -> None:
    """Leave the services up and say how to reach them."""
    services, console = stage.services, stage.console
    containers.keep(services.network)
    host = services.registry.host
    console.info("")
    console.info("The services stay up until ./dev clean:")
    console.info(f"  curl http://{host}/v2/_catalog")
    console.info(f"  curl http://{host}/v2/{PROJECT}/query-api/tags/list")
    console.info(f"  BuildKit: {services.builder.host}, on the network {services.network} {services.builder.inside}")
    console.info(f"  docker exec {stage.github.container.name} git -C {HOME / MIRROR} log --oneline main")


def _manifests(run: Run, store: Registry) -> dict[str, Manifest]:
    def fetch(image: tuple[str, str, str]) -> tuple[str, Manifest]:
        name, repository, digest = image
        manifest = store.manifest(repository.split("/", 1)[1], digest)
        if manifest is None:
            raise DevError(f"{repository} has lost {digest}")
        return name, manifest

    return dict(each(fetch, [(image.name, image.repository, image.digest) for image in run.release.images]))


def _step(run: Run, name: str) -> str:
    step = next((step for step in run.steps if step.name == name and step.state != "skipped"), None)
    return f"{'' if step.state == 'success' else 'red, '}{elapsed(step.seconds)}" if step else "-"


def _image(run: Run, name: str) -> str:
    image = next(image for image in run.release.images if image.name == name)
    return f"{image.state}, {image.seconds or 0:.1f}s, {image.digest[7:19]}"
