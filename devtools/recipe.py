"""Images that are made without a builder: a container of a base image is changed and committed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from docker.errors import APIError, ImageNotFound
from docker.models.containers import Container

from devtools import engine, host, progress
from devtools.containers import execute, put_file, waiting
from devtools.errors import DevError


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How an image is made; an image is made again when its recipe or its base changes."""

    base: str
    packages: tuple[str, ...] = ()
    """Debian packages, installed without recommended ones."""
    script: str = ""
    """A shell script that runs after the packages are installed."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Files of the host, by their place in the image; executable."""
    changes: tuple[str, ...] = ()
    """Dockerfile lines such as ENTRYPOINT."""

    def digest(self) -> str:
        """Return a short hash of the recipe, its base image and its files."""
        base = engine.connect().images.get(self.base).id
        files = {place: hashlib.sha256(file.read_bytes()).hexdigest() for place, file in sorted(self.files.items())}
        parts = [base, self.packages, self.script, files, self.changes]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    def make(self, name: str) -> None:
        """Make the image under this name (`repository:tag`)."""
        network = host.mount()
        with (
            progress.step(f"making the image {name}") as step,
            waiting(self.base, name=engine.unique("recipe"), folders={network.path: network.folder}) as container,
        ):
            if self.packages:
                step.detail = "installing packages"
                _execute(container, _installation(self.packages), network.environment)
            if self.script:
                _execute(container, self.script, network.environment)
            for place, file in self.files.items():
                put_file(container, place, file.read_bytes(), mode=0o755)
            step.detail = "committing"
            commit(container, name, self.changes)


def exists(name: str) -> bool:
    """Tell whether the engine has this image."""
    try:
        engine.connect().images.get(name)
    except ImageNotFound:
        return False
    return True


def commit(container: Container, name: str, changes: Sequence[str] = ()) -> None:
    """Make an image of a container."""
    repository, tag = name.rsplit(":", 1)
    # A commit takes over the container's command and labels; by those, containers of the image would be taken for ours.
    neutral = [f'LABEL {engine.LABEL}="" {engine.INSTANCE_LABEL}=""', 'CMD ["bash"]']
    container.commit(repository=repository, tag=tag, changes=[*neutral, *changes])


def forget_others(name: str) -> None:
    """Remove the images that an earlier recipe made under the same repository, but those that are in use."""
    repository = name.split(":", 1)[0]
    client = engine.connect()
    for image in client.images.list(repository):
        for tag in image.tags:
            if tag.startswith(f"{repository}:") and tag != name:
                with suppress(APIError):
                    client.images.remove(tag)


def _installation(packages: tuple[str, ...]) -> str:
    install = f"apt-get -qq update && apt-get -qq install -y --no-install-recommends {' '.join(packages)}"
    return f"{install} && apt-get clean && rm -rf /var/lib/apt/lists/*"


def _execute(container: Container, script: str, environment: Mapping[str, str]) -> None:
    code, output = execute(container, ["sh", "-euc", script], environment)
    if code != 0:
        last = "\n".join(output.decode(errors="replace").strip().splitlines()[-15:])
        raise DevError(f"making an image failed (exit {code}):\n{last}")
