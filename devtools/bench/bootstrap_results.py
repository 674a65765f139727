"""The numbers of bootstrap: what was measured, and what was promised. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from devtools.bench.results import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds of whole commands, Python's start included; `first` and `down` once, the others as often as they were run.

    `objects` are those of the charts and our own, `near` are the commands without a slow line.
    """

    objects: int
    version: Sequence[float]
    first: float
    plan: Sequence[float]
    up: Sequence[float]
    status: Sequence[float]
    near: tuple[Sequence[float], Sequence[float], Sequence[float]]
    down: float


def numbers(measured: Measured) -> list[Number]:
    """Return the numbers that have a target, in their order."""
    return [
        Number(key="plan_s", value=round(median(measured.plan), 2), limit=6, unit=" s"),
        Number(key="up_noop_s", value=round(median(measured.up), 2), limit=7, unit=" s"),
        Number(key="status_s", value=round(median(measured.status), 2), limit=2, unit=" s"),
    ]


def summary(measured: Measured) -> dict[str, float]:
    """Return the object of the last line."""
    return {**{number.key: number.value for number in numbers(measured)}, "objects": measured.objects}


def seconds_table(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the absolute times."""
    plan, up, status = (f"{median(each):.2f}" for each in measured.near)
    rows = [
        ["bootstrap --version", "", f"{median(measured.version):.2f}"],
        ["plan, nothing to do", f"{median(measured.plan):.2f}", plan],
        ["up, nothing to do", f"{median(measured.up):.2f}", up],
        ["status", f"{median(measured.status):.2f}", status],
        ["up on an empty cluster, once", "", f"{measured.first:.1f}"],
        ["down, once", "", f"{measured.down:.1f}"],
    ]
    return ["command", "seconds, 20 ms away", "seconds, on loopback"], rows


def targets_table(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the numbers beside what was promised."""
    rows = [[each.key, f"{each.value:g}{each.unit}", each.target, "met" if each.met else "MISSED"] for each in numbers(measured)]
    return ["number", "measured", "target", ""], rows
