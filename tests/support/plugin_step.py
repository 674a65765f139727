"""A step of a pipeline as Woodpecker's agent runs it: the plugin's container, with PLUGIN_* and CI_* in its environment."""

import contextlib
import io
import json
import posixpath
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from devtools import checkout, engine
from devtools.containers import remove
from devtools.goyaml import Value
from devtools.metadata import Metadata, Repository, at_run_time
from devtools.settings import encode
from tests.support.monorepo import Monorepo

REPOSITORY = Repository(full_name="acme/shop")
WORKSPACE = f"{checkout.BASE}/src/{REPOSITORY.host}/{REPOSITORY.full_name}"
_TIMEOUT = 120.0
_DELETED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """What the pipeline of a step is about; `depth` is that of the clone (None: the full history), `filter` what a partial one lacks."""

    event: str = "push"
    branch: str = "main"
    sha: str = "HEAD"
    ref: str | None = None
    refspec: str = ""
    number: int = 1
    depth: int | None = None
    filter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is run: an image of the engine, its privileges, and what it is given beside settings."""

    image: str
    network: str
    pipeline: Pipeline = Pipeline()
    privileged: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    timeout: float = _TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a step ended; `record` is the release record in its workspace."""

    exit_code: int
    log: str
    seconds: float
    record: dict[str, Any] | None = None


class Running:
    """A step that has been started."""

    def __init__(self, container: Container, timeout: float) -> None:
        self.container = container
        self._timeout = timeout
        self._begun = time.monotonic()

    @property
    def log(self) -> str:
        """What it has printed so far."""
        text: bytes = self.container.logs(stdout=True, stderr=True)
        return text.decode()

    def wait_for_log(self, text: str) -> None:
        """Wait until it prints the text."""
        deadline = time.monotonic() + self._timeout
        while text not in self.log:
            self.container.reload()
            assert self.container.status != "exited", f"ended without saying {text!r}:\n{self.log}"
            assert time.monotonic() < deadline, f"did not say {text!r} in time:\n{self.log}"
            time.sleep(0.05)

    def end(self) -> Run:
        """Wait for its end."""
        exit_code = self.container.wait(timeout=self._timeout)["StatusCode"]
        seconds = time.monotonic() - self._begun
        record = self._file(f"{WORKSPACE}/.local-cicd/release.json")
        return Run(
            exit_code=exit_code,
            log=self.log,
            seconds=seconds,
            record=json.loads(record) if record else None,
        )

    def changed(self) -> set[str]:
        """Return the paths that it has changed or made, the checkout's included."""
        return {str(entry["Path"]) for entry in self.container.diff() or () if entry["Kind"] != _DELETED}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Read every file that it has changed or made."""
        for path in sorted(self.changed()):
            content = self._file(path)
            if content is not None:
                yield path, content

    def temporary_files(self) -> Iterator[tuple[str, str]]:
        """Read the files in the temporary folders that it has at this moment, by their names."""
        try:
            stream, _ = self.container.get_archive("/tmp")
            packed = io.BytesIO(b"".join(stream))
        except APIError:
            # A file went away while it was packed.
            return
        with contextlib.suppress(tarfile.ReadError), tarfile.open(fileobj=packed) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content:
                    yield posixpath.basename(member.name), content.read().decode(errors="replace")

    def _file(self, path: str) -> bytes | None:
        try:
            stream, _ = self.container.get_archive(path)
        except NotFound:
            return None
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            member = archive.next()
            content = archive.extractfile(member) if member and member.isfile() else None
            return content.read() if content else None


@contextmanager
def started(repo: Monorepo, settings: Mapping[str, Value], step: Step) -> Iterator[Running]:
    """Start a step on a commit of the repository; its container is gone when the block ends."""
    client = engine.connect()
    api = client.api
    rights = engine.privileges()
    host_config = api.create_host_config(
        network_mode=step.network, **({**rights.arguments, "binds": rights.mounts} if step.privileged else {})
    )
    if step.privileged and not rights.privileged:
        host_config |= {"MaskedPaths": [], "ReadonlyPaths": []}
    answer = api.create_container(
        step.image,
        list(step.arguments),
        name=engine.unique("step"),
        labels=engine.labels("step"),
        working_dir=WORKSPACE,
        environment=_environment(repo, settings, step),
        host_config=host_config,
    )
    container = client.containers.get(answer["Id"])
    try:
        container.put_archive("/", _workspace(repo, step.pipeline))
        container.start()
        yield Running(container, step.timeout)
    finally:
        remove(container)


def _environment(repo: Monorepo, settings: Mapping[str, Value], step: Step) -> dict[str, str]:
    pipeline = step.pipeline
    commit = checkout.describe(
        repo.path, pipeline.sha, event=pipeline.event, branch=pipeline.branch, ref=pipeline.ref, refspec=pipeline.refspec
    )
    metadata = Metadata(event=pipeline.event, repository=REPOSITORY, commit=commit, number=pipeline.number, created=commit.timestamp)
    told = at_run_time(metadata.variables("images"), kind="plugin", workspace=WORKSPACE, started=int(time.time()), status="success")
    return {**told, **encode(settings, step.secrets).values, **step.environment}


def _workspace(repo: Monorepo, pipeline: Pipeline) -> bytes:
    """Clone the commit as Woodpecker's clone step does, with what lies uncommitted in the working tree on top, as a tar archive."""
    with tempfile.TemporaryDirectory(prefix="local-cicd-clone-") as name:
        tree = Path(name)
        options = [f"--depth={pipeline.depth}"] if pipeline.depth else []
        options += [f"--filter={pipeline.filter}"] if pipeline.filter else []
        sha = repo.git("rev-parse", f"{pipeline.sha}^{{commit}}")
        repo.git("init", "--quiet", f"--initial-branch={pipeline.branch or 'main'}", name)
        inside = ("-C", name)
        repo.git(*inside, "remote", "add", "origin", f"file://{repo.path}")
        repo.git(*inside, "fetch", "--quiet", "--no-tags", *options, "origin", f"+{sha}:")
        repo.git(*inside, "reset", "--quiet", "--hard", sha)
        repo.git(*inside, "remote", "set-url", "origin", f"{REPOSITORY.url}.git")
        for extra in repo.git("ls-files", "--others").splitlines():
            place = tree / extra
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((repo.path / extra).read_bytes())
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(tree, arcname=posixpath.relpath(WORKSPACE, "/"), filter=_as_root)
        return packed.getvalue()


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    # The clone step runs as root; git refuses the repositories of others.
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
