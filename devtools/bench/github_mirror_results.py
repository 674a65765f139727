"""The numbers of github-mirror: what was measured, what follows from it, and what was promised. No I/O."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from devtools.bench.results import Number

OBJECTS = 100_000
REFS = 10_000
PLAN_PARTS = ("read the listings", "wishes", "questions", "relations", "decide")
_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Something that went on from one time to another, by the machine's monotonic clock."""

    name: str
    begun: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the plugin: when its process was started and was gone, and when its own work began and ended."""

    launched: float
    begun: float
    ended: float
    gone: float
    spans: tuple[Span, ...] = ()
    peak_kib: int = 0

    @property
    def total(self) -> float:
        """The whole process, as a pipeline sees it."""
        return self.gone - self.launched

    @property
    def start(self) -> float:
        """The start of Python, all imports, and the settings."""
        return self.begun - self.launched

    @property
    def fetch(self) -> float:
        """How long the source took."""
        return sum(span.seconds for span in self.named("source"))

    @property
    def fetch_alone(self) -> float:
        """The part of that in which nothing else went on: the mirror is listed at the same time, and that time is no gift."""
        return uncovered(self.named("source"), self.named("listing"))

    @property
    def own(self) -> float:
        """What is left to compare with bare git."""
        return self.total - self.start - self.fetch_alone

    @property
    def plan(self) -> float:
        """What it took to decide: from what git printed to a row per ref."""
        return sum(span.seconds for name in PLAN_PARTS for span in self.named(name))

    def named(self, name: str) -> list[Span]:
        """Choose the spans of a name."""
        return [span for span in self.spans if span.name == name]

    def breakdown(self) -> dict[str, float]:
        """Give the seconds of each part; parts may hold others, or go on at the same time."""
        parts = {"start of Python, imports, settings": self.start}
        for span in sorted(self.spans, key=lambda span: span.begun):
            parts[span.name] = parts.get(span.name, 0.0) + span.seconds
        return {**parts, "end of Python": self.gone - self.ended}


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A part that the plugin and bare git have done in turns."""

    ours: Sequence[Run]
    bare: Sequence[float]

    @property
    def ratio(self) -> float:
        """How many times as long the plugin takes, its start and the fetch from the source taken off."""
        return median(run.own for run in self.ours) / median(self.bare)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All parts. `fetches` is how often the forge was read to complete Woodpecker's clone, `version` the seconds of `--version`."""

    version: float
    noop: Against
    incremental: Against
    first_push: Against
    plan: Sequence[Run]
    completion: Run
    fetches: int
    objects: int = OBJECTS
    refs: int = REFS
    bare_parts: Mapping[str, float] = field(default_factory=dict)


def uncovered(spans: Iterable[Span], others: Sequence[Span]) -> float:
    """Give the seconds of spans in which none of the others went on; neither overlap among themselves."""
    return sum(span.seconds - sum(_common(span, other) for other in others) for span in spans)


def numbers(measured: Measured) -> list[Number]:
    """Return the numbers of the last line, in its order."""
    return [
        Number(key="noop_ratio", value=round(measured.noop.ratio, 2), limit=1.3),
        Number(key="incremental_ratio", value=round(measured.incremental.ratio, 2), limit=1.3),
        Number(key="first_push_ratio", value=round(measured.first_push.ratio, 2), limit=1.2),
        Number(key="plan_10000_refs_s", value=round(median(run.plan for run in measured.plan), 3), limit=1, unit=" s"),
    ]


def summary(measured: Measured) -> dict[str, float]:
    """Return the object of the last line."""
    return {number.key: number.value for number in numbers(measured)}


def seconds_table(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the absolute times."""
    rows = [
        _row("nothing to do: git ls-remote", measured.noop),
        _row("one new commit: git ls-remote, git push", measured.incremental),
        _row(f"first push of {measured.objects} objects: git push", measured.first_push),
        [f"plan for {measured.refs} refs, nothing pushed", *_columns(measured.plan), "", ""],
        ["first push from Woodpecker's clone, completed", *_columns([measured.completion]), "", ""],
        ["--version", _s(measured.version), *[""] * 6],
    ]
    return ["part, and bare git for it", "plugin", "start", "source", "of it alone", "is left", "bare git", "ratio"], rows


def targets_table(measured: Measured) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the numbers beside what was promised."""
    peak = round(max(run.peak_kib for run in measured.plan) / _KIB, 1)
    known = [
        *numbers(measured),
        Number(key=f"peak with {measured.refs} refs", value=peak, limit=100, unit=" MB"),
        Number(key="fetches that complete a Woodpecker clone", value=measured.fetches, limit=1),
    ]
    rows = [[number.key, f"{number.value:g}{number.unit}", number.target, "met" if number.met else "MISSED"] for number in known]
    return ["number", "measured", "target", ""], rows


def breakdowns(measured: Measured) -> dict[str, dict[str, float]]:
    """Give the columns of the table of parts: of the run in the middle of each part, and of bare git."""
    return {
        "no change": _typical(measured.noop.ours).breakdown(),
        "one commit": _typical(measured.incremental.ours).breakdown(),
        "bare, one commit": dict(measured.bare_parts),
        "first push": _typical(measured.first_push.ours).breakdown(),
        f"{measured.refs} refs": _typical(measured.plan).breakdown(),
        "completing a clone": measured.completion.breakdown(),
    }


def _typical(runs: Sequence[Run]) -> Run:
    return sorted(runs, key=lambda run: run.own)[len(runs) // 2]


def _common(one: Span, other: Span) -> float:
    return max(0.0, min(one.ended, other.ended) - max(one.begun, other.begun))


def _row(part: str, against: Against) -> list[str]:
    return [part, *_columns(against.ours), _s(median(against.bare)), f"{against.ratio:.2f}"]


def _columns(runs: Sequence[Run]) -> list[str]:
    return [_s(median(getattr(run, name) for run in runs)) for name in ("total", "start", "fetch", "fetch_alone", "own")]


def _s(seconds: float) -> str:
    return f"{seconds:.3f}"
