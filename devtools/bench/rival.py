"""What every other Woodpecker plugin does, one image after another.

A fresh container with an empty state starts a daemon and creates a builder from the BuildKit image; that pulls the base, builds, pushes.
Left out is what would only cost it time: long sleeps between tries, the pull of the plugin's own image, a DNS forwarder.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from devtools import base_images, engine, progress, recipe
from devtools.bench.container import docker_run, timed
from devtools.bench.monorepo import WORKSPACE
from devtools.buildkit import buildkitd_toml
from devtools.checkout import BASE
from devtools.goyaml import Value
from devtools.metadata import Commit
from plugin_kit import process

PACKAGES = ("ca-certificates", "docker-buildx", "docker-cli", "docker.io", "iptables")
STAGES = ("daemon", "builder", "pushed")
SCRIPT = """\
dockerd --registry-mirror=http://{mirror} --insecure-registry={mirror} --cgroup-parent={group} >/var/log/dockerd.log 2>&1 &
until docker info >/dev/null 2>&1; do
    kill -0 $! || {{ cat /var/log/dockerd.log; exit 1; }}
    sleep 0.1
done
{daemon_mark}
docker buildx create --use --bootstrap --driver docker-container --config /etc/buildkitd.toml \\
    --driver-opt image={buildkit} --driver-opt network=host --driver-opt cgroup-parent={group}
{builder_mark}
docker buildx build --pull --push {build}
{pushed_mark}
"""
# With cgroups v2 a group that has processes can't have groups with controllers below it.
_OWN_GROUP = """\
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p /sys/fs/cgroup/step
    echo $$ >/sys/fs/cgroup/step/cgroup.procs
fi
"""
_MARK = re.compile(r"^MARK (\w+) ([\d.]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image of the pipeline, in one step."""

    name: str
    context: str
    dockerfile: str | None
    on_base: Mapping[str, str]
    """Names in FROM that stand for other images of the repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """How long one step took: all of it, and until each stage was done."""

    image: str
    seconds: float
    stages: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """The steps of a pipeline, on a network with registry and mirror (host:port)."""

    tools: str
    net: str
    registry: str
    mirror: str
    project: str
    group: str

    def step(self, image: Image, volume: str, commit: Commit, *, base_of: Commit) -> StepTime:
        """Build and push one image; `base_of` is the commit whose bases are in the registry."""
        script = self._script(image, commit, base_of, mark=True)
        config = buildkitd_toml(mirror=self.mirror, http=[self.registry])
        environment = f"--env=BUILDKITD_TOML={config}"
        options = [
            f"--volume={volume}:{BASE}",
            "--volume=/var/lib/docker",
            f"--workdir={WORKSPACE}",
            environment,
            *engine.privileges().cli_flags,
        ]
        run = timed(docker_run(self.tools, ["sh", "-euc", script], net=self.net, options=options))
        marks = {name: float(moment) for name, moment in _MARK.findall(run.result.stdout)}
        stages = {stage: marks[stage] - marks["begun"] for stage in STAGES}
        return StepTime(image=image.name, seconds=run.seconds, stages=stages)

    def commands(self, image: Image, commit: Commit) -> str:
        """Return the commands of a step, for people."""
        return re.sub(r"\n{2,}", "\n", self._script(image, commit, commit, mark=False)).strip()

    def _script(self, image: Image, commit: Commit, base_of: Commit, *, mark: bool) -> str:
        name = f"{self.registry}/{self.project}/{image.name}"
        words = [f"--tag={name}:{commit.sha}", f"--tag={name}:latest"]
        words += [f"--file={image.dockerfile}"] if image.dockerfile else []
        for alias, other in image.on_base.items():
            words.append(f"--build-context={alias}=docker-image://{self.registry}/{self.project}/{other}:{base_of.sha}")
        marks = {stage: f'echo "MARK {stage} $(date +%s.%N)"' if mark else "" for stage in ("begun", *STAGES)}
        text = SCRIPT.format(
            mirror=self.mirror,
            group=self.group,
            buildkit=base_images.BUILDKIT,
            build=shlex.join([*words, image.context]),
            **{f"{stage}_mark": text for stage, text in marks.items()},
        )
        own_group = _OWN_GROUP if engine.privileges().privileged else ""
        return f'{marks["begun"]}\nprintf %s "$BUILDKITD_TOML" >/etc/buildkitd.toml\n{own_group}{text}'


def images(settings: Mapping[str, Value]) -> tuple[list[Image], list[Image]]:
    """Return the bases that the other images need, and the images, from the settings of our own step."""
    bases: list[Image] = []
    found: list[Image] = []
    entries = settings["images"]
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        contexts = entry.get("build_contexts")
        others = contexts.items() if isinstance(contexts, dict) else []
        dockerfile = entry.get("dockerfile")
        image = Image(
            name=str(entry["name"]),
            context=str(entry.get("context", ".")),
            dockerfile=str(dockerfile) if dockerfile else None,
            on_base={name: str(value).removeprefix("target:") for name, value in others if str(value).startswith("target:")},
        )
        (bases if entry.get("push") is False else found).append(image)
    return bases, found


def image_of_tools() -> str:
    """See to it that the engine has the image with the daemon and return its name."""
    made = recipe.Recipe(base=base_images.ensure_debian(), packages=PACKAGES)
    name = f"local-cicd/rival:{made.digest()}"
    if not recipe.exists(name):
        made.make(name)
    return name


@contextmanager
def control_group() -> Iterator[str]:
    """Yield the name of a control group for the inner containers, and remove the group that they leave on this machine."""
    name = engine.unique("rival")
    try:
        yield f"/{name}"
    finally:
        if not engine.privileges().privileged:
            with progress.step("removing the control groups of the inner containers"):
                command = ["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", f"*/{name}*", "-exec", "rmdir", "{}", "+"]
                options = ["--rm", "--volume=/sys/fs/cgroup:/sys/fs/cgroup"]
                process.run(docker_run(base_images.DEBIAN, command, options=options), check=False, cleanup=True)
