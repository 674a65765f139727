"""The numbers: what was measured, what follows from it, and what was promised. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass

IMAGES = 14
# What a plugin may take beside the bake itself, before the ratio to it is formed.
ALLOWED_SECONDS = 1.0
UNCHANGED_SECONDS_PER_IMAGE = 0.06
_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Medians of one part, in seconds: the plugin, and the bare bake of its bake file on the same builder."""

    ours: float
    bake: float

    @property
    def over(self) -> float:
        """The plugin's share over the bake, after the second that it may take is taken off."""
        return (self.ours - ALLOWED_SECONDS) / self.bake


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds from `docker run` to the end of the container, but `tags` (seconds of the calls alone) and `peak_kib`.

    `rival_base` is the rival's step that builds and pushes the base, a part of `rival_cold`. `rival_measured` is how many of the 14 images
    it has really built; where it is less, its times are projected.
    """

    empty: float
    start: float
    embedded: Pair
    embedded_uncached: float
    remote: Pair
    changed: Pair
    unchanged: Pair
    rerun: float
    tags: float
    peak_kib: int
    rival_base: float
    rival_cold: float
    rival_changed: float
    rival_measured: int = IMAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number that was promised."""

    key: str
    value: float
    limit: float
    at_least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the promise is kept, by the number as it is printed."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def target(self) -> str:
        """The promise, for people."""
        return f"{'at least' if self.at_least else 'at most'} {self.limit:g}{self.unit}"


def numbers(measured: Measured) -> list[Number]:
    """Return the numbers of the last line, in its order."""
    pairs = (measured.embedded, measured.remote, measured.changed, measured.unchanged)
    return [
        Number(key="cold_ratio_embedded", value=round(measured.rival_cold / measured.embedded.ours, 1), limit=18, at_least=True),
        Number(key="cold_ratio_remote", value=round(measured.rival_cold / measured.remote.ours, 1), limit=22, at_least=True),
        Number(key="one_changed_ratio", value=round(measured.rival_changed / measured.changed.ours, 1), limit=120, at_least=True),
        Number(key="over_bake", value=round(max(pair.over for pair in pairs), 3), limit=1.1),
        Number(
            key="unchanged_s",
            value=round(measured.unchanged.ours - measured.start, 3),
            limit=round(ALLOWED_SECONDS + UNCHANGED_SECONDS_PER_IMAGE * IMAGES, 3),
            unit=" s",
        ),
        Number(key="rerun_image_ms", value=round((measured.rerun - measured.start) / IMAGES * 1000, 1), limit=15, unit=" ms"),
        Number(key="start_overhead_ms", value=round((measured.start - measured.empty) * 1000), limit=250, unit=" ms"),
        Number(key="tags_14_ms", value=round(measured.tags * 1000), limit=300, unit=" ms"),
        Number(key="peak_mb_200", value=round(measured.peak_kib / _KIB, 1), limit=80, unit=" MB"),
    ]


def summary(measured: Measured) -> dict[str, float]:
    """Return the object of the last line."""
    return {number.key: number.value for number in numbers(measured)}


def seconds_table(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the absolute times."""
    projected = f" (projected from {measured.rival_measured} of {IMAGES} images)" if measured.rival_measured < IMAGES else ""
    rows = [
        [f"one image per step{projected}: cold", _s(measured.rival_cold), "", ""],
        [f"one image per step{projected}: one service changed", _s(measured.rival_changed), "", ""],
        ["the same without a pushed base: each step builds it, too (projected)", _s(IMAGES * measured.rival_base), "", ""],
        _row("cold, embedded BuildKit", measured.embedded, measured.rival_cold),
        [
            "cold, embedded BuildKit, cache: none",
            _s(measured.embedded_uncached),
            "",
            _ratio(measured.rival_cold, measured.embedded_uncached),
        ],
        _row("cold, a BuildKit that stays", measured.remote, measured.rival_cold),
        _row("one service changed, a BuildKit that stays", measured.changed, measured.rival_changed),
        _row("nothing changed, a BuildKit that stays", measured.unchanged, None),
        ["rerun of a released commit", _s(measured.rerun), "", ""],
        ["--version", _s(measured.start), "", ""],
        ["an empty container of the same base", _s(measured.empty), "", ""],
    ]
    return ["part", "seconds", "bare bake", "one image per step takes"], rows


def targets_table(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the numbers beside what was promised."""
    rows = [[number.key, f"{number.value:g}", number.target, "met" if number.met else "MISSED"] for number in numbers(measured)]
    return ["number", "measured", "target", ""], rows


def breakdown_table(runs: Mapping[str, Mapping[str, float]]) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the milliseconds of each part, one column per run; a part may be missing in a run."""
    parts = list(dict.fromkeys(part for run in runs.values() for part in run))
    rows = [[part, *(f"{run[part] * 1000:.0f}" if part in run else "-" for run in runs.values())] for part in parts]
    return ["part (milliseconds)", *runs], rows


def _row(part: str, pair: Pair, rival: float | None) -> list[str]:
    return [part, _s(pair.ours), _s(pair.bake), _ratio(rival, pair.ours) if rival else ""]


def _ratio(rival: float, ours: float) -> str:
    return f"{rival / ours:.1f} times as long"


def _s(seconds: float) -> str:
    return f"{seconds:.2f}"
