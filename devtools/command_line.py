"""The `docker run` line of a step: what it is made of, and how a person reads it."""

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import isabs, join

from devtools.checkout import BASE
from devtools.errors import DevError
from devtools.pipeline import Step
from devtools.settings import Variables

# Variables that steer the docker command itself: a secret in one of them would change what it does.
_DOCKERS_OWN = ("PATH", "HOME", "DOCKER_")
# MAX_ARG_STRLEN of Linux, for NAME=value and its final NUL byte.
_LONGEST_VARIABLE = 131_072


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """A command, and the secrets that it takes from its environment."""

    argv: tuple[str, ...]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The environment to run it in."""
        return {**os.environ, **self.secrets}

    def lines(self, width: int = 110) -> list[str]:
        """Return the command as lines to copy into a shell; secrets stand in it by name only."""
        lines = [""]
        for word in map(shlex.quote, self.argv):
            if lines[-1] and len(lines[-1]) + len(word) > width:
                lines.append("   ")
            lines[-1] += f" {word}" if lines[-1] else word
        return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the steps of one run live: the workspace volume, the checkout in it, the network."""

    volume: str
    workspace: str
    network: str | None = None


def docker_run(step: Step, *, name: str, image: str, place: Place, variables: Variables, flags: Sequence[str] = ()) -> CommandLine:
    """Return the line that runs a step as the container `name`; `flags` are its privileges."""
    folder = step.directory if isabs(step.directory) else join(place.workspace, step.directory).rstrip("/")
    options = ["--rm", f"--name={name}", "--label=local-cicd=1", f"--volume={place.volume}:{BASE}", f"--workdir={folder}"]
    if place.network:
        options.append(f"--network={place.network}")
    for variable, value in sorted(variables.values.items()):
        if len(variable.encode()) + len(value.encode()) + 2 > _LONGEST_VARIABLE:
            raise DevError(f"step {step.name!r}: {variable} is longer than the 128 KiB that Linux allows, here as on Woodpecker")
        # Only the name of a secret: argv can be read by everybody on the machine.
        options.append(f"--env={variable}" if variable in variables.secret else f"--env={variable}={value}")
    words: list[str] = []
    if step.commands:
        shell = step.entrypoint or ("/bin/sh", "-ec")
        options.append(f"--entrypoint={shell[0]}")
        words = [*shell[1:], script(step.commands)]
    elif step.entrypoint:
        options.append(f"--entrypoint={step.entrypoint[0]}")
        words = list(step.entrypoint[1:])
    secrets = {variable: variables.values[variable] for variable in variables.secret}
    for variable in secrets:
        if variable.startswith(_DOCKERS_OWN):
            raise DevError(f"step {step.name!r}: a secret can't be given to {variable} here: the docker command reads it itself")
    return CommandLine(argv=("docker", "run", *options, *flags, image, *words), secrets=secrets)


def script(commands: Sequence[str]) -> str:
    """Return the shell script of the commands, each announced as Woodpecker does."""
    return "\n".join(f"echo {shlex.quote(f'+ {command}')}\n{command}" for command in commands)


def matches_image(image: str, entries: Collection[str]) -> bool:
    """Tell whether Woodpecker would find the image in one of its image lists.

    An entry with a ":" names one tag, and any colon counts: `registry.lan:5000/x` is `registry.lan:5000/x:latest`.
    """
    return any(_expand(image) == _expand(entry) if ":" in entry else _split(image)[0] == _split(entry)[0] for entry in entries)


def mapped(image: str, image_map: Mapping[str, str]) -> str:
    """Return where the engine finds an image: the longest prefix that is in the map decides."""
    prefix = max((prefix for prefix in image_map if image.startswith(prefix)), key=len, default="")
    return image_map[prefix] + image.removeprefix(prefix) if prefix else image


def _expand(image: str) -> str:
    name, tag = _split(image)
    return f"{name}:{tag or 'latest'}"


def _split(image: str) -> tuple[str, str]:
    folder, slash, last = image.rpartition("/")
    last, _, tag = last.partition(":")
    name = f"{folder}{slash}{last}"
    host = name.partition("/")[0]
    if "/" not in name:
        name = f"library/{name}"
    if not ("/" in image and ("." in host or ":" in host or host == "localhost")):
        name = f"docker.io/{name}"
    return name, tag
