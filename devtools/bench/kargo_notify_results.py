"""The numbers of kargo-notify: what was measured, what follows from it, and what was promised. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from devtools.bench.github_mirror_results import Run
from devtools.bench.kargo_notify_commits import REQUESTS_PER_IMAGE
from devtools.bench.results import Number

IMAGES = 14
MANY = 1000
_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All parts. `tool` are the seconds of `skopeo inspect` for all 14 images, one after another; `go` those of the Go client for `many`.

    `runs` verify and release 14 images, `told` do that and wait for the Freight, `verifications` only look at `many` images.
    """

    version: float
    runs: Sequence[Run]
    told: Sequence[Run]
    verifications: Sequence[Run]
    go: Sequence[float]
    tool: Sequence[float]
    many: int = MANY


def spent(runs: Sequence[Run], name: str) -> float:
    """Give the median of the seconds of a part."""
    return median(sum(span.seconds for span in run.named(name)) for run in runs)


def freight_seconds(run: Run) -> float:
    """Give the seconds from the end of the release until the Freight is known."""
    return run.named("tell Kargo and wait")[-1].ended - run.named("release")[-1].ended


def numbers(measured: Measured) -> list[Number]:
    """Return the numbers of the last line, in its order."""
    verify = spent(measured.runs, "verify")
    peak = max(run.peak_kib for run in measured.verifications)
    ratio = spent(measured.verifications, "verify") / median(measured.go)
    return [
        Number(key="verify_14_ms", value=round(verify * 1000), limit=300, unit=" ms"),
        Number(key="verify_ratio", value=round(ratio, 2), limit=2.0),
        Number(key="verify_1000_mb", value=round(peak / _KIB, 1), limit=120, unit=" MB"),
        Number(key="release_14_ms", value=round(spent(measured.runs, "release") * 1000), limit=300, unit=" ms"),
        Number(key="per_image_tool_ratio", value=round(median(measured.tool) / verify, 1), limit=10, at_least=True),
        Number(key="freight_s", value=round(median(map(freight_seconds, measured.told)), 2), limit=1, unit=" s"),
    ]


def summary(measured: Measured) -> dict[str, float]:
    """Return the object of the last line."""
    return {number.key: number.value for number in numbers(measured)}


def seconds_table(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the absolute times."""
    many, requests = measured.many, measured.many * REQUESTS_PER_IMAGE
    rows = [
        [f"verify {IMAGES} images", _s(spent(measured.runs, "verify"))],
        [f"release {IMAGES} images", _s(spent(measured.runs, "release"))],
        [f"the whole step for {IMAGES} images, Kargo not told", _s(median(run.total for run in measured.runs))],
        [f"the whole step for {IMAGES} images, until the Freight is there", _s(median(run.total for run in measured.told))],
        ["--version", _s(measured.version)],
        [f"skopeo inspect, once for each of {IMAGES} images", _s(median(measured.tool))],
        [f"verify {many} images ({requests} requests)", _s(spent(measured.verifications, "verify"))],
        [f"the Go client for {many} images", _s(median(measured.go))],
    ]
    return ["part", "seconds"], rows


def targets_table(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the numbers beside what was promised."""
    rows = [
        [number.key, f"{number.value:g}{number.unit}", number.target, "met" if number.met else "MISSED"] for number in numbers(measured)
    ]
    return ["number", "measured", "target", ""], rows


def breakdowns(measured: Measured) -> dict[str, dict[str, float]]:
    """Give the columns of the table of parts: of the run in the middle of each kind."""
    return {
        f"{IMAGES} images": _typical(measured.runs).breakdown(),
        "with Kargo": _typical(measured.told).breakdown(),
        f"{measured.many} images, --dry-run": _typical(measured.verifications).breakdown(),
    }


def _typical(runs: Sequence[Run]) -> Run:
    return sorted(runs, key=lambda run: run.total)[len(runs) // 2]


def _s(seconds: float) -> str:
    return f"{seconds:.3f}"
