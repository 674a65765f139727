"""Moments that the page has to show, each with a name."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from market_gate.config import Config
from market_gate.decision import Question
from market_gate.page.snapshot import Snapshot, snapshot
from market_gate.record import BreakGlass, RecordSet
from market_gate.records import Known, Source
from market_gate.server import gate_of
from market_gate.waiting import Promotions
from tests.market_gate.conftest import Running, Time, running

NIGHTLY = {
    "name": "nightly batch",
    "kind": "blocked",
    "days": ["monday", "tuesday", "wednesday", "thursday"],
    "from": "22:00",
    "until": "02:00",
    "reason": "the accounts are settled",
}
YEAR_END = {
    "name": "audit",
    "kind": "blocked",
    "from": "2026-11-20T18:00",
    "until": "2026-11-21T12:00",
    "zone": "Europe/Berlin",
    "reason": "the auditors read the books",
}
MAINTENANCE = {
    "name": "maintenance",
    "kind": "open",
    "from": "2026-11-19T12:00",
    "until": "2026-11-19T15:00",
    "reason": "the exchange tests, we don't trade",
}
CONFIG: Mapping[str, Any] = {
    "projects": {
        "bank-cd": {"stages": {"live": {}}},
        "shop-cd": {"stages": {"paper": {}, "live": {"rollback": "allow"}}},
    },
    "margin": "15m",
    "windows": [NIGHTLY, YEAR_END, MAINTENANCE],
    "display_zones": ["Europe/Berlin"],
}
WHY = "the price feed is wrong and the fix has to go out before the close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A moment, and what is known and asked at it."""

    at: str
    config: Mapping[str, Any] = field(default_factory=lambda: CONFIG)
    records: Sequence[BreakGlass] = ()
    source: Source = Source.CURRENT
    since: str = ""
    problem: str = ""
    skew: float | None = 0.4
    asks: Sequence[Mapping[str, str]] = ()

    def known(self) -> Known:
        """Return what is known of the cluster."""
        return Known(
            records=RecordSet({each.name: each for each in self.records}),
            source=self.source,
            age=None if self.source in {Source.OFF, Source.STARTING} else 851.0 if self.since else 3.0,
            since=datetime.fromisoformat(self.since) if self.since else None,
            problem=self.problem,
            skew=self.skew,
        )

    def shown(self) -> Snapshot:
        """Return what the page has to show of it, without serving."""
        now, known = datetime.fromisoformat(self.at), self.known()
        gate, promotions = gate_of(Config.model_validate(self.config)), Promotions()
        for number, question in enumerate(self.asks):
            for moment in self.asked(number):
                asked = Question(project="shop-cd", stage=question.get("stage", "paper"), promotion=question["promotion"])
                promotions.note(gate.decide(asked, replace(known, records=RecordSet()), moment), moment)
        return snapshot(gate, known, promotions.waiting(now), now)

    def asked(self, number: int) -> tuple[datetime, datetime]:
        """Return when a promotion asked first and last."""
        now = datetime.fromisoformat(self.at)
        return now - timedelta(minutes=4 * (len(self.asks) - number), seconds=12), now - timedelta(seconds=8 + number)


@dataclass(slots=True)
class Told:
    """Records as a scene has them."""

    content: Known

    def known(self) -> Known:
        """Return them."""
        return self.content


@contextmanager
def played(scene: Scene) -> Iterator[tuple[Running, Time]]:
    """Serve the gate at the moment of a scene."""
    now = datetime.fromisoformat(scene.at)
    clock, told = Time(now), Told(scene.known())
    with running(clock, told, **scene.config) as gate:
        told.content = replace(told.content, records=RecordSet())
        for number, question in enumerate(scene.asks):
            for clock.day in scene.asked(number):
                gate.ask(**question)
        told.content = scene.known()
        clock.day = now
        yield gate, clock


def record(name: str, made: str, lasts: timedelta, **changes: str) -> BreakGlass:
    """Make a record."""
    created = datetime.fromisoformat(made)
    fields = {"project": "shop-cd", "stage": "paper", "operator": "anna", "justification": WHY, **changes}
    return BreakGlass(name=name, created=created, expires=created + lasts, **fields)


PAST = (
    record(
        "break-glass-live-20261117-151204-9d1c02",
        "2026-11-17T15:12:04Z",
        timedelta(minutes=45),
        stage="live",
        operator="ben@example.org",
        justification="order 4711 is filled twice, 9d33093 takes the retry out",
    ),
    record(
        "break-glass-paper-20261111-190000-11aa02",
        "2026-11-11T19:00:00Z",
        timedelta(hours=2),
        justification="the replay needs the new schema today; tests are green, the desk knows",
    ),
)
ACTIVE = record("break-glass-paper-20261118-154800-23c3c7", "2026-11-18T15:48:00Z", timedelta(hours=1))
HOSTILE = record(
    "</title><img src=x onerror=alert(1)>",
    "2026-11-18T15:30:00Z",
    timedelta(hours=1),
    operator="<b onmouseover='alert(1)'>eve</b>\" onclick=\"alert(2)",
    justification="</p></blockquote><script>document.title='taken over'</script><style>body{display:none}</style><img src=http://192.0.2.1/x.png>"
    "<link rel=stylesheet href=//192.0.2.1/x.css> &lt;b&gt; ' \" ` ]]> --> </svg> ñ 株式 مرحبا " + "x" * 400,
)
WAITING = ({"promotion": "paper.01kn6d0q4a7t.9d33093"}, {"stage": "live", "promotion": "live.01kn6d3m2w1z.4f0a2be"})

SCENES = {
    "trading": Scene(at="2026-11-18T16:00:12Z", records=PAST, asks=WAITING),
    "break-glass": Scene(at="2026-11-18T16:00:12Z", records=(*PAST, ACTIVE), asks=WAITING[1:]),
    "closed": Scene(at="2026-11-21T19:20:00Z", records=PAST),
    "margin": Scene(at="2026-11-18T14:20:00Z"),
    "half-day": Scene(at="2026-11-27T16:40:00Z"),
    "holiday": Scene(at="2026-11-26T16:40:00Z"),
    "window": Scene(at="2026-11-20T18:30:00Z", asks=WAITING),
    "window-opens": Scene(at="2026-11-19T18:30:00Z"),
    "unreachable": Scene(
        at="2026-11-18T16:00:12Z",
        records=(*PAST, ACTIVE),
        source=Source.UNREACHABLE,
        since="2026-11-18T15:46:01Z",
        problem="[Errno 111] Connection refused",
        skew=-95,
    ),
    "starting": Scene(at="2026-11-18T16:00:12Z", source=Source.STARTING, skew=None),
    "not-known": Scene(at="2101-03-02T16:00:12Z"),
    "clocks-change": Scene(
        at="2026-11-01T05:40:00Z", config={**CONFIG, "windows": [{**NIGHTLY, "days": ["sunday"], "from": "01:15", "until": "01:30"}]}
    ),
    "fold": Scene(at="2026-11-01T06:20:00Z", config={**CONFIG, "margin": "0s", "display_zones": ["Asia/Kolkata", "Europe/Berlin"]}),
    "berlin-changes": Scene(at="2026-10-25T15:40:00Z", records=(), source=Source.OFF, skew=None),
    "hostile": Scene(at="2026-11-18T16:00:12Z", records=(*PAST, HOSTILE, replace(HOSTILE, name="2", project="<u>", stage="&amp;" * 90))),
}
