"""Waiting until a container has nothing left to do."""

import time

from docker.models.containers import Container

# BuildKit writes a build's traces into its history 3 s after the build (solver/llbsolver/history.go).
QUIET_SECONDS = 4.0
PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.5
# Ticks of 10 ms between two looks: what an idle Go program takes for itself.
_IDLE_TICKS = 3


def until_idle(container: Container) -> None:
    """Wait until the container's first process has taken no processor time for 4 s, so that one run's remains don't burden the next.

    Gives up after a minute: a measurement on a busy builder is still a measurement.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    quiet_since, before = time.monotonic(), _ticks(container)
    while time.monotonic() - quiet_since < QUIET_SECONDS and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        taken = _ticks(container)
        if taken - before > _IDLE_TICKS:
            quiet_since = time.monotonic()
        before = taken


def _ticks(container: Container) -> int:
    _code, output = container.exec_run(["cat", "/proc/1/stat"])
    # "PID (NAME) STATE ...": fields 14 and 15 are user and system time
    text = output if isinstance(output, bytes) else b"".join(output)
    fields = text.decode().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
