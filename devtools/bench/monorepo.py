"""Git repositories to build: the example monorepo, and a generated one with many images."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devtools import checkout, engine, pipeline
from devtools.errors import DevError
from devtools.goyaml import Value
from devtools.metadata import Commit, Metadata, Repository
from devtools.paths import ROOT
from devtools.pipeline import Clone
from plugin_kit import process

EXAMPLE = ROOT / "examples/demo"
REPOSITORY = Repository(full_name="local/demo")
WORKSPACE = f"{checkout.BASE}/src/{REPOSITORY.host}/{REPOSITORY.full_name}"
_CHANGED = "services/ledger/ledger.py"
_GENERATED = """\
FROM debian:trixie-slim
COPY name.txt /
"""


@dataclass(slots=True)
class Monorepo:
    """A repository that gets as many commits as are asked for."""

    folder: Path
    settings: Mapping[str, Value]
    """What its registry-push step says under `settings:`."""
    commits: int = 0

    def change(self) -> Commit:
        """Change the code of one service."""
        file = self.folder / _CHANGED
        file.write_text(f"{file.read_text(encoding='utf-8')}\n# change {self.commits}\n", encoding="utf-8")
        return self.commit()

    def commit(self) -> Commit:
        """Commit what there is; nothing, where nothing has changed."""
        self.commits += 1
        _git(self.folder, "add", "--all")
        _git(self.folder, "commit", "--quiet", "--allow-empty", f"--message=commit {self.commits}")
        return checkout.describe(self.folder, "HEAD", event="push", branch="main")


@contextmanager
def example() -> Iterator[Monorepo]:
    """Make a repository of examples/demo, with the settings of its own pipeline, but its tags set at once: the others can't hold them."""
    with _folder() as folder:
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*_cache", "__pycache__"))
        repository = Monorepo(folder=folder, settings={})
        first = repository.commit()
        text = (folder / ".woodpecker.yml").read_text(encoding="utf-8")
        workflow = pipeline.parse(text, Metadata(event="push", repository=REPOSITORY, commit=first).variables())
        step = next((step for step in workflow.steps if step.name == "images"), None)
        if step is None:
            raise DevError(f"{EXAMPLE}/.woodpecker.yml has no step named images")
        repository.settings = {key: value for key, value in step.settings.items() if key != "hold"}
        yield repository


@contextmanager
def generated(count: int, common: Mapping[str, Value]) -> Iterator[Monorepo]:
    """Make a repository of `count` small images, each its own; where they go is taken from the settings `common`."""
    with _folder() as folder:
        for number in range(count):
            image = folder / f"image-{number:03}"
            image.mkdir()
            (image / "Dockerfile").write_text(_GENERATED, encoding="utf-8")
            (image / "name.txt").write_text(f"{image.name}\n", encoding="utf-8")
        images: list[Value] = [{"name": f"image-{number:03}", "context": f"image-{number:03}"} for number in range(count)]
        yield Monorepo(folder=folder, settings={**common, "images": images})


@contextmanager
def workspace(repository: Monorepo, commit: Commit, image: str) -> Iterator[str]:
    """Put the commit into a fresh volume, as a pipeline's clone step would; yields its name. `image` is any that the engine has."""
    name = engine.unique("bench")
    labels = [f"--label={key}={value}" for key, value in engine.labels(name).items()]
    process.run(["docker", "volume", "create", *labels, name])
    try:
        whole = Clone(depth=0)
        checkout.fill(
            name, WORKSPACE, repo=repository.folder, commit=commit, clone=whole, remote=REPOSITORY.url, image=image, name=f"{name}-fill"
        )
        yield name
    finally:
        process.run(["docker", "volume", "rm", "--force", name], check=False, cleanup=True)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="local-cicd-bench-") as name:
        folder = Path(name)
        _git(folder, "init", "--quiet", "--initial-branch=main")
        yield folder


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)
