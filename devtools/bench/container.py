"""Containers whose time is measured, from the outside: what a pipeline would wait for."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from devtools import engine
from plugin_kit import process
from plugin_kit.child import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What a container printed, and the seconds from `docker run` to its end."""

    seconds: float
    result: Result


def timed(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> Timed:
    """Run `docker run` with its `--name=`; the container is removed after the clock has stopped. Raises ProcessError when it fails.

    With `--rm` the time would hold the removal of the container's volumes, which no pipeline waits for.
    """
    line = [word for word in argv if word != "--rm"]
    name = next(word for word in line if word.startswith("--name=")).removeprefix("--name=")
    try:
        begun = time.monotonic()
        result = process.run(line, env=env)
        seconds = time.monotonic() - begun
    finally:
        process.run(["docker", "rm", "--force", "--volumes", name], check=False, cleanup=True)
    return Timed(seconds=seconds, result=result)


def docker_run(image: str, command: Sequence[str], *, net: str = "none", options: Sequence[str] = ()) -> list[str]:
    """Return a `docker run` line with a name of its own and the labels by which `./dev clean` finds it."""
    name = engine.unique("bench")
    labels = [f"--label={key}={value}" for key, value in engine.labels(name).items()]
    return ["docker", "run", f"--name={name}", *labels, f"--network={net}", *options, image, *command]


def middle(times: Sequence[float]) -> float:
    """Return the median: one slow run on a busy machine must not decide."""
    return median(times)
