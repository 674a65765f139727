"""A forge with a private repository, an OpenSSH server that stands for GitHub, and steps of github-mirror between them: all containers."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devtools import images
from devtools.containers import container_on, network, until
from devtools.goyaml import Value
from devtools.sshd import KeyPair, Sshd, sshd
from tests.support.monorepo import Monorepo
from tests.support.plugin_step import Pipeline, Run, Running, Step, started

USER = "oauth2"
TOKEN = "f0rge-token/of+the=step"
MAIN, DEV, V1 = "refs/heads/main", "refs/heads/dev", "refs/tags/v1"
# What Woodpecker's clone step leaves: one commit, and of it only what the checkout needed.
WOODPECKERS_CLONE = Pipeline(depth=1, filter="tree:0")
_HOME = "/srv/forge"
_SERVE = f"""
import os
import threading
from pathlib import Path
from tests.support.git_forge import git_forge
with git_forge(Path("{_HOME}"), ("{USER}", os.environ["TOKEN"]), address=("0.0.0.0", 80)):
    print("ready", flush=True)
    threading.Event().wait()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorScene:
    """The running servers, the forge's repository as it was made, and the deploy key."""

    network: str
    image: str
    github: Sshd
    key: KeyPair
    repo: Monorepo
    secrets: Mapping[str, str] = field(repr=False)

    @contextmanager
    def started(
        self, path: str, more: Mapping[str, Value] | None = None, pipeline: Pipeline = WOODPECKERS_CLONE, *, login: bool = True
    ) -> Iterator[Running]:
        """Start a step that mirrors to a repository, with Woodpecker's login to the forge or without one."""
        settings: dict[str, Value] = {
            "remote": self.github.inside(path),
            "known_hosts": f"{self.github.alias} {self.github.host_key}",
            "ssh_key": {"from_secret": "deploy_key"},
            **(more or {}),
        }
        netrc = {"CI_NETRC_MACHINE": "forge", "CI_NETRC_USERNAME": USER, "CI_NETRC_PASSWORD": TOKEN} if login else {}
        step = Step(
            image=self.image,
            network=self.network,
            pipeline=pipeline,
            secrets=self.secrets,
            environment={"CI_REPO_CLONE_URL": "http://forge/shop.git", **netrc},
        )
        with started(self.repo, settings, step) as running:
            yield running

    def run(self, path: str, more: Mapping[str, Value] | None = None, pipeline: Pipeline = WOODPECKERS_CLONE, *, login: bool = True) -> Run:
        """Run such a step to its end."""
        with self.started(path, more, pipeline, login=login) as running:
            return running.end()

    def refs(self, path: str) -> dict[str, str]:
        """Give the branches and tags that "GitHub" has."""
        lines = self.github.git(path, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return {name: value for name, _, value in (line.partition(" ") for line in lines)}

    def sha(self, name: str = "main") -> str:
        """Give what a ref of the forge is on."""
        return self.repo.git("rev-parse", name)


@contextmanager
def running(folder: Path) -> Iterator[MirrorScene]:
    """Start the servers; the repository is made in the folder: main with four commits, dev, and the tag v1 on a commit before."""
    repo = Monorepo(folder)
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    for number in range(4):
        repo.commit({f"services/{number}.txt": f"{number}\n" * 50})
    repo.git("branch", "dev", "main~1")
    repo.git("tag", "--annotate", "--message=one", "v1", "main~1")
    repo.git("update-ref", "refs/pull/1/head", "main~2")
    image = images.build(["github-mirror"])["github-mirror"]
    key = KeyPair.make()
    with (
        network("mirror") as net,
        sshd(net, authorized=[key.public]) as github,
        container_on(
            net,
            image,
            ["-c", _SERVE],
            alias="forge",
            port=80,
            entrypoint=["python3.13"],
            files=_program(),
            environment={"PYTHONPATH": "/forge", "TOKEN": TOKEN},
        ) as (forge, _),
    ):
        forge.put_archive("/", _archive(folder))
        until(lambda: b"ready" in forge.logs(), forge, "the forge")
        yield MirrorScene(network=net, image=image, github=github, key=key, repo=repo, secrets={"deploy_key": key.private})


def _program() -> dict[str, bytes]:
    here = Path(__file__).parent
    return {f"/forge/tests/support/{name}": (here / name).read_bytes() for name in ("git_forge.py", "lfs_server.py")}


def _archive(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(folder / ".git", arcname=f"{_HOME.lstrip('/')}/shop.git")
    return packed.getvalue()
