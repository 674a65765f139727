"""`./dev demo`: the pipeline of examples/demo, against a real registry and a real BuildKit, a stand-in for Kargo and one for GitHub."""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devtools import containers, demo_report, images, kargo_container, platform_demo, progress, runner
from devtools.demo_report import SHOWN, Run
from devtools.errors import DevError
from devtools.kargo_container import Kargo, kargo
from devtools.metadata import Repository
from devtools.paths import ROOT
from devtools.services import Services
from devtools.sshd import HOME, KeyPair, Sshd, sshd
from plugin_kit.console import Console
from plugin_kit.http import Http
from plugin_kit.parallel import each
from plugin_kit.reference import RegistryHost
from plugin_kit.registry import Registry
from plugin_kit.release import Release, candidate_tag
from plugin_kit.releases import read_release

PROJECT = "demo"
PLUGINS = ("registry-push", "kargo-notify", "github-mirror")
MIRROR = "acme/demo.git"
WATCHED = "query-api"
CHANGED = Path("services/query-api/query_api.py")
BROKEN = Path("services/query-api/Dockerfile")
INTEGRATION_TEST = "integration-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the pipelines run on."""

    services: Services
    kargo: Kargo
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

    @property
    def environment(self) -> dict[str, str]:
        """What the server knows, as WOODPECKER_ENVIRONMENT."""
        return {
            "KARGO_URL": self.kargo.inside,
            "KARGO_PROJECT": self.kargo.project,
            "KARGO_WAREHOUSE": self.kargo.warehouse,
            "GITHUB_REMOTE": self.github.inside(MIRROR),
            "GITHUB_HOST_KEY": f"{self.github.alias} {self.github.host_key}",
        }

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets of the repository."""
        return {"kargo_token": self.kargo.token, "github_deploy_key": self.deploy_key.private}


def main(arguments: argparse.Namespace) -> int:
    """Run the demo; 1 where a pipeline did what it should not."""
    if arguments.platform:
        platform_demo.run(keep=arguments.keep)
        return 0
    console = Console()
    console.info(
        f"A monorepo of 14 images goes through its pipeline ({Path('examples/demo/.woodpecker.yml')}) four times: as it is, with one"
    )
    console.info("service changed, once more while GitHub shows a wrong host key, and with a service that fails its integration test.")
    console.info("Registry, BuildKit, OpenSSH and git are real. ./dev plays Woodpecker, an OpenSSH server plays GitHub, and a small server")
    console.info("plays Kargo: it reads the registry as Kargo does and answers as a Kargo 1.11.2 did when its answers were recorded.")
    built = images.build(PLUGINS)
    deploy_key = KeyPair.make()
    with (
        Services.start(name="demo") as services,
        kargo(services.network, image=built["kargo-notify"], registry=services.registry.inside, watched=f"{PROJECT}/{WATCHED}") as cd,
        sshd(services.network, authorized=[deploy_key.public]) as github,
        repository() as repo,
    ):
        github.create(MIRROR)
        console.info(f"registry at {services.registry.host}, BuildKit at {services.builder.host}, Kargo's stand-in at {cd.host},")
        console.info(f'"GitHub" at 127.0.0.1:{github.port}, all on the network {services.network}')
        stage = Stage(
            services=services,
            kargo=cd,
            github=github,
            deploy_key=deploy_key,
            repo=repo,
            store=Registry(RegistryHost(host=services.registry.host), Http()),
            console=console,
            show_commands=arguments.show_commands,
        )
        demo_report.show(pipelines(stage), stage.store, console)
        if arguments.keep:
            stay(stage)
    return 0


def pipelines(stage: Stage) -> list[Run]:
    """Run the pipeline four times."""
    first = pipeline(stage, "first commit", number=1)
    change(stage.repo, CHANGED, "Answers questions", "Answers all questions", f"docs: say more of {CHANGED.parent.name}")
    second = pipeline(stage, f"{CHANGED.parent.name} changed", number=2)
    wrong = {"GITHUB_HOST_KEY": f"{stage.github.alias} {KeyPair.make().public}"}
    again = pipeline(stage, "again, wrong host key", number=3, environment=wrong)
    # The unit tests don't see it: they run in the checkout, which has the file.
    change(stage.repo, BROKEN, "COPY libs/common/ common/\n", "", f"build: a smaller {BROKEN.parent.name}")
    broken = pipeline(stage, "library forgotten", number=4, fails=INTEGRATION_TEST)
    return [first, second, again, broken]


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


def change(repo: Path, file: Path, before: str, after: str, message: str) -> None:
    """Change one file and commit."""
    text = (repo / file).read_text(encoding="utf-8")
    if before not in text:
        raise DevError(f"{Path('examples/demo') / file} has no {before!r}, which the demo changes")
    (repo / file).write_text(text.replace(before, after), encoding="utf-8")
    commit(repo, message)


def commit(repo: Path, message: str) -> None:
    """Commit everything."""
    git(repo, "add", "--all")
    git(repo, "-c", "user.name=Ada", "-c", "user.email=ada@example.lan", "commit", "--quiet", "--message", message)


def git(repo: Path, *arguments: str) -> str:
    """Run git, without what the person at the keyboard has configured."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *arguments], cwd=repo, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def pipeline(stage: Stage, title: str, *, number: int, environment: Mapping[str, str] | None = None, fails: str | None = None) -> Run:
    """Run the pipeline on the repository's HEAD and read what it left behind; DevError where it failed, or not in the step `fails`.

    `environment` replaces variables of the stage's.
    """
    console = stage.console
    sha = git(stage.repo, "rev-parse", "HEAD")
    console.info("")
    console.info(f"Pipeline {number}: {title} ({sha[:SHOWN]})")
    begun = time.monotonic()
    try:
        steps = runner.run(
            stage.repo / ".woodpecker.yml",
            stage.repo,
            pipeline_number=number,
            secrets=stage.secrets,
            env={**stage.environment, **(environment or {})},
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
    failures = [step.name for step in steps if step.state == "failure"]
    if failures != ([fails] if fails else []):
        raise DevError(f"pipeline {number} failed in {', '.join(failures) or 'no step'}{f' instead of {fails}' if fails else ''}")
    found = read_release(stage.store, f"{PROJECT}/releases", candidate_tag(sha))
    if found is None:
        raise DevError(f"pipeline {number} left no release record of {sha}")
    return Run(
        title=title,
        sha=sha,
        steps=steps,
        release=found[0],
        seconds=seconds,
        tags=_tags(stage.store, found[0]),
        freight=kargo_container.freight(stage.kargo),
        mirrored=stage.github.git(MIRROR, "rev-parse", "main"),
    )


def stay(stage: Stage) -> None:
    """Leave the services up and say how to reach them."""
    services, console = stage.services, stage.console
    containers.keep(services.network)
    host = services.registry.host
    console.info("")
    console.info("The services stay up until ./dev clean:")
    console.info(f"  curl http://{host}/v2/_catalog")
    console.info(f"  curl http://{host}/v2/{PROJECT}/{WATCHED}/tags/list")
    console.info(f"  BuildKit: {services.builder.host}, on the network {services.network} {services.builder.inside}")
    # Not by the console, which would hide the token: it is the stand-in's, which guards nothing.
    progress.say(f"  {kargo_container.how_to_ask(stage.kargo)}")
    console.info(f"  docker exec {stage.github.container.name} git -C {HOME / MIRROR} log --oneline main")


def _tags(store: Registry, release: Release) -> dict[tuple[str, str], str]:
    """Read the digest of every tag of the release's images and of the release records."""
    paths = [f"{PROJECT}/releases", *(image.repository.split("/", 1)[1] for image in release.images)]
    tags = [(path, tag) for path, found in zip(paths, each(lambda path: list(store.tags(path)), paths), strict=True) for tag in found]

    def digest(named: tuple[str, str]) -> str:
        manifest = store.manifest(*named)
        if manifest is None:
            raise DevError(f"the tag {named[0]}:{named[1]} has lost its manifest")
        return manifest.digest

    return dict(zip(tags, each(digest, tags), strict=True))
