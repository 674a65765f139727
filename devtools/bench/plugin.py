"""Our side: the plugin's image, started as a pipeline starts it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from devtools import command_line, engine
from devtools.bench.container import Timed, docker_run, timed
from devtools.bench.monorepo import REPOSITORY, WORKSPACE
from devtools.checkout import BASE
from devtools.command_line import Place
from devtools.goyaml import Value
from devtools.metadata import Commit, Metadata, at_run_time
from devtools.pipeline import Step
from devtools.settings import Variables, encode
from plugin_kit import process

# Beside the checkout, so that it is no part of a build context.
_RECORDED = f"{BASE}/bake.json"
# buildx is called through this for once, to get hold of the very file that the plugin bakes.
_RECORDER = f"""\
mkdir /recorder
cat >/recorder/docker-buildx <<'END'
#!/bin/sh
for word; do
    if [ "$before" = --file ]; then cp "$word" {_RECORDED}; fi
    before=$word
done
exec /usr/local/bin/docker-buildx "$@"
END
chmod +x /recorder/docker-buildx
PATH=/recorder:$PATH exec registry-push
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """The plugin with an image and settings, on a network; `embedded` brings its own BuildKit."""

    image: str
    settings: Mapping[str, Value]
    net: str
    embedded: bool = False

    @classmethod
    def remote(cls, image: str, settings: Mapping[str, Value], net: str) -> "Plugin":
        """Return the slim image with the builder that the settings name."""
        return cls(image=image, settings=settings, net=net)

    @classmethod
    def with_own_builder(cls, image: str, settings: Mapping[str, Value], net: str, mirror: str) -> "Plugin":
        """Return the image with BuildKit inside; `mirror` (host:port) stands for Docker Hub."""
        own = {key: value for key, value in settings.items() if key != "builder"}
        return cls(image=image, settings={**own, "mirrors": [f"http://{mirror}"]}, net=net, embedded=True)

    @property
    def privileges(self) -> list[str]:
        """The flags of `docker run` that its builder needs."""
        # BuildKit's snapshots can't lie on the container's own overlay file system.
        return [*engine.privileges().cli_flags, "--volume=/var/lib/buildkit"] if self.embedded else []

    def run(self, volume: str, commit: Commit) -> Timed:
        """Build, push and tag the commit."""
        return timed(self.command(volume, commit))

    def command(self, volume: str, commit: Commit, *, entrypoint: str = "", script: str = "") -> list[str]:
        """Return the `docker run` line of the step, or one that runs a script for the entrypoint in the step's place."""
        name = engine.unique("bench")
        metadata = Metadata(event="push", repository=REPOSITORY, commit=commit, created=int(time.time()), started=int(time.time()))
        known = at_run_time(metadata.variables("images"), kind="plugin", workspace=WORKSPACE, started=int(time.time()), status="success")
        variables = Variables(values={**known, **encode(self.settings, {}).values})
        step = Step(name="images", image=self.image, settings=self.settings)
        place = Place(volume=volume, workspace=WORKSPACE, network=self.net)
        line = command_line.docker_run(step, name=name, image=self.image, place=place, variables=variables, flags=self.privileges)
        argv = [word for word in line.argv if word != "--rm"]
        return [*argv[:2], f"--entrypoint={entrypoint}", *argv[2:], "-c", script] if entrypoint else argv

    def record(self, volume: str, commit: Commit) -> str:
        """Run once and return the text of the bake file that buildx was given."""
        timed(self.command(volume, commit, entrypoint="sh", script=_RECORDER))
        argv = docker_run(self.image, [_RECORDED], options=["--rm", "--entrypoint=cat", f"--volume={volume}:{BASE}"])
        return process.run(argv).stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class BakeFile:
    """A bake file of the plugin, and the commit that it was recorded with."""

    text: str
    commit: Commit

    @property
    def targets(self) -> list[str]:
        """The targets, in the file's order."""
        return list(json.loads(self.text)["target"])

    def for_commit(self, commit: Commit) -> str:
        """Return the file as it would be for another commit."""
        return self.text.replace(self.commit.sha, commit.sha)
