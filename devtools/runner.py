"""Runs a .woodpecker.yml on this machine: each step with `docker run`, in order, on one workspace volume.

What a step is told (PLUGIN_*, CI_*), when it runs and what its failure means are Woodpecker's; that is tested against records of Woodpecker
itself. Left out are the variables of the previous pipeline (CI_PREV_*) and the DRONE_* twins of CI_*.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from devtools import checkout, command_line, engine, pipeline
from devtools.command_line import CommandLine, Place
from devtools.metadata import Metadata, Repository, at_run_time
from devtools.pipeline import Step
from devtools.settings import Variables, encode
from plugin_kit import process
from plugin_kit.child import OnLine
from plugin_kit.console import Console, elapsed

State = Literal["success", "failure", "ignored", "skipped"]

# `docker run` exits so when the container could not be made or started.
_NOT_STARTED = 125
_REMOVAL_TRIES = 20
# A shell that is PID 1 ignores SIGTERM, and on Ctrl-C a person is waiting: shorter than Woodpecker's 20 s.
_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """How a step ended; `ignored` is a failure that the pipeline forgives, `skipped` has no exit code."""

    name: str
    image: str
    state: State
    exit_code: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """How this machine stands in for the cluster that Woodpecker would run the steps on.

    `image_map` says under which address the engine finds an image, by the beginning of its name: the engine can't resolve the names that
    containers know the registry by. `images_present` are names of the file that must be in the engine and are never pulled.
    `privileged_images` is WOODPECKER_PLUGINS_PRIVILEGED.
    """

    network: str | None = None
    image_map: Mapping[str, str]
    images_present: Collection[str] = ()
    privileged_images: Collection[str] = ()


def run(  # noqa: PLR0913  each is something that the person at the keyboard may choose
    workflow_file: Path,
    repo: Path,
    *,
    event: str = "push",
    branch: str = "main",
    sha: str = "HEAD",
    ref: str | None = None,
    refspec: str = "",
    pipeline_number: int = 1,
    secrets: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    network: str | None = None,
    image_map: Mapping[str, str] | None = None,
    privileged_images: Collection[str] = (),
    images_present: Collection[str] = (),
    show_commands: bool = False,
    keep_workspace: bool = False,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    console: Console | None = None,
    repository: Repository | None = None,
) -> list[StepResult]:
    """Run the steps of a pipeline on commit `sha` of the git repository `repo`; one result for each step that `when` lets in.

    `env` is WOODPECKER_ENVIRONMENT. A step that fails is a result, not an exception; what Woodpecker would refuse before anything runs is a
    `DevError`, and so is a missing secret. Containers and the workspace volume are gone when this returns, also on Ctrl-C; with
    `keep_workspace` the volume stays, so that printed commands can be run again by hand.
    """
    console = console or Console()
    console.redactor.add(*(secrets or {}).values())
    repository = repository or Repository(full_name=f"local/{repo.resolve().name}")
    now = int(time.time())
    metadata = Metadata(
        event=event,
        repository=repository,
        commit=checkout.describe(repo, sha, event=event, branch=branch, ref=ref, refspec=refspec),
        number=pipeline_number,
        created=now,
        started=now,
        workflow=workflow_file.stem.lstrip("."),
        platform=process.run(["docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]).stdout.strip(),
    )
    run_of = _Run(
        metadata=metadata,
        secrets=secrets or {},
        env=env or {},
        machine=Machine(network=network, image_map=image_map or {}, images_present=images_present, privileged_images=privileged_images),
        show_commands=show_commands,
        keep_workspace=keep_workspace,
        console=console,
    )
    variables = {**(env or {}), **metadata.variables()}
    workflow = pipeline.parse(workflow_file.read_text(encoding="utf-8"), variables)
    levels = workflow.levels(variables)
    chosen = {step.name for level in levels for step in level if (not only or step.name in only) and step.name not in skip}
    for name in {*only, *skip} - {step.name for step in workflow.steps}:
        raise pipeline.PipelineError(f"{workflow_file.name} has no step {name!r}")
    # As on the server, a setting that can't be encoded or a secret that is missing stops everything before the first step.
    steps = {step.name: run_of.encode(step) for level in levels for step in level}
    if not chosen:
        return [StepResult(name=name, image=step.step.image, state="skipped") for name, step in steps.items()]
    with run_of.workspace(workflow, repo, first=next(step for name, step in steps.items() if name in chosen)):
        return run_of.levels([[steps[step.name] for step in level] for level in levels], chosen)


def failed(results: Sequence[StepResult]) -> bool:
    """Tell whether Woodpecker would call the pipeline failed."""
    return any(result.state == "failure" for result in results)


def remove_pulled(image_map: Mapping[str, str]) -> None:
    """Remove from the engine the images that runs have pulled by way of the map, so that a registry that ends leaves nothing behind."""
    registries = tuple(address for address in image_map.values() if address.endswith("/"))
    names = process.run(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], cleanup=True).stdout.split()
    if pulled := [name for name in names if name.startswith(registries)]:
        process.run(["docker", "image", "rm", *pulled], check=False, cleanup=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoded:
    """A step with the variables from its settings and environment."""

    step: Step
    variables: Variables


class _Run:
    """One run of a workflow."""

    def __init__(
        self,
        *,
        metadata: Metadata,
        secrets: Mapping[str, str],
        env: Mapping[str, str],
        machine: Machine,
        show_commands: bool,
        keep_workspace: bool,
        console: Console,
    ) -> None:
        self.metadata = metadata
        self.secrets = secrets
        self.env = env
        self.machine = machine
        self.show_commands = show_commands
        self.keep_workspace = keep_workspace
        self.console = console
        self.name = engine.unique("run")
        host, full_name = metadata.repository.host, metadata.repository.full_name
        self.place = Place(volume=self.name, workspace=f"{checkout.BASE}/src/{host}/{full_name}", network=machine.network or self.name)

    def encode(self, step: Step) -> _Encoded:
        settings = encode(step.settings, self.secrets)
        environment = encode(step.environment, self.secrets, prefix="")
        merged = Variables(values={**settings.values, **environment.values}, secret=settings.secret | environment.secret)
        return _Encoded(step=step, variables=merged)

    @contextmanager
    def workspace(self, workflow: pipeline.Workflow, repo: Path, *, first: _Encoded) -> Iterator[None]:
        self._provide(first.step)
        process.run(["docker", "volume", "create", "--label", "local-cicd=1", self.name])
        try:
            if self.machine.network is None:
                # As in Woodpecker, each run has a network of its own.
                process.run(["docker", "network", "create", "--label", "local-cicd=1", self.name])
            if workflow.clone is not None:
                begun = time.monotonic()
                checkout.fill(
                    self.place.volume,
                    self.place.workspace,
                    repo=repo,
                    commit=self.metadata.commit,
                    clone=workflow.clone,
                    remote=f"{self.metadata.repository.url}.git",
                    image=self._image(first.step),
                    name=f"{self.name}-clone",
                )
                how = f"{workflow.clone.depth} commit deep" if workflow.clone.depth else "full history"
                self.console.info(f"==> clone: {self.metadata.commit.sha[:12]}, {how}, {elapsed(time.monotonic() - begun)}")
            yield
        finally:
            self._clean_up()

    def levels(self, levels: Sequence[Sequence[_Encoded]], chosen: Collection[str]) -> list[StepResult]:
        results: list[StepResult] = []
        for level in levels:
            # Steps of one level don't see each other's failures: Woodpecker starts them at the same time.
            so_far = failed(results)
            results += [self._step(step, so_far) if step.step.name in chosen else _skipped(step) for step in level]
        return results

    def _step(self, encoded: _Encoded, so_far: bool) -> StepResult:
        step = encoded.step
        known = {**self.env, **self.metadata.variables()}
        if not (step.when.after_failure(known) if so_far else step.when.after_success(known)):
            self.console.info(f"==> {step.name}: skipped, {'a step before it failed' if so_far else 'it waits for a failure'}")
            return _skipped(encoded)
        self.console.info(f"==> {step.name}: {step.image}")
        line = self._command_line(encoded, so_far)
        if self.show_commands:
            if line.secrets:
                self.console.raw(f"# with {', '.join(sorted(line.secrets))} in the environment:")
            for text in line.lines():
                self.console.raw(text)
        begun = time.monotonic()
        exit_code = self._execute(step, line)
        seconds = time.monotonic() - begun
        state = _state(step, exit_code)
        how = (
            "done in"
            if state == "success"
            else f"{'failed, which is ignored,' if state == 'ignored' else 'failed'} with exit code {exit_code} after"
        )
        self.console.info(f"    {step.name}: {how} {elapsed(seconds)}")
        return StepResult(name=step.name, image=step.image, state=state, exit_code=exit_code, seconds=seconds)

    def _command_line(self, encoded: _Encoded, so_far: bool) -> CommandLine:
        step = encoded.step
        metadata = at_run_time(
            self.metadata.variables(step.name),
            kind="plugin" if step.is_plugin else "commands",
            workspace=self.place.workspace,
            started=int(time.time()),
            status="failure" if so_far else "success",
        )
        privileged = step.privileged or (step.is_plugin and command_line.matches_image(step.image, self.machine.privileged_images))
        return command_line.docker_run(
            step,
            name=f"{self.name}-{step.name}",
            image=self._image(step),
            place=self.place,
            variables=Variables(values={**self.env, **metadata, **encoded.variables.values}, secret=encoded.variables.secret),
            # BuildKit's snapshots can't lie on the container's own overlay file system.
            flags=[*engine.privileges().cli_flags, "--volume=/var/lib/buildkit"] if privileged else (),
        )

    def _execute(self, step: Step, line: CommandLine) -> int:
        if not self._provide(step):
            return _NOT_STARTED
        try:
            return process.run(line.argv, env=line.environment, grace=_GRACE_SECONDS, on_line=self._shower(step), check=False).returncode
        finally:
            process.run(["docker", "rm", "--force", "--volumes", f"{self.name}-{step.name}"], check=False, cleanup=True)

    def _provide(self, step: Step) -> bool:
        """See to it that the engine has the image of a step; like Woodpecker, pull only what is missing or what the step says."""
        image = self._image(step)
        if step.pull:
            # An image that can't be pulled may still be there.
            process.run(["docker", "pull", "--quiet", image], check=False)
        if process.run(["docker", "image", "inspect", image], check=False).returncode == 0:
            return True
        if step.image in self.machine.images_present:
            self._shower(step)("stderr", f"the image {image} is not in the engine")
            return False
        begun = time.monotonic()
        pulled = process.run(["docker", "pull", "--quiet", image], check=False)
        if pulled.returncode:
            for text in pulled.stderr.splitlines():
                self._shower(step)("stderr", text)
            return False
        self.console.detail(f"pulled {image} in {elapsed(time.monotonic() - begun)}")
        return True

    def _shower(self, step: Step) -> OnLine:
        return lambda _stream, text: self.console.raw(text, prefix=f"{step.name} | ")

    def _image(self, step: Step) -> str:
        return command_line.mapped(step.image, self.machine.image_map)

    def _clean_up(self) -> None:
        kinds = ["volume"] if self.machine.network else ["network", "volume"]
        remedy = "; ".join(f"docker {kind} rm {self.name}" for kind in kinds)
        if self.keep_workspace:
            self.console.info(f"the workspace stays, to be removed by: {remedy}")
        elif left := [kind for kind in kinds if not self._remove(kind)]:
            self.console.warn(f"the {' and the '.join(left)} {self.name} could not be removed", hint=remedy)

    def _remove(self, kind: str) -> bool:
        # A container with --rm may be on its way out for a moment longer, and holds both.
        for _ in range(_REMOVAL_TRIES):
            found = process.run(["docker", kind, "ls", "--quiet", "--filter", f"name={self.name}"], check=False, cleanup=True)
            if found.returncode == 0 and not found.stdout:
                return True
            process.run(["docker", kind, "rm", self.name], check=False, cleanup=True)
            time.sleep(0.05)
        return False


def _state(step: Step, exit_code: int) -> State:
    if exit_code == 0:
        return "success"
    # What could not start is no failure of the step: Woodpecker forgives only what ran.
    return "ignored" if step.failure == "ignore" and exit_code != _NOT_STARTED else "failure"


def _skipped(encoded: _Encoded) -> StepResult:
    return StepResult(name=encoded.step.name, image=encoded.step.image, state="skipped")
