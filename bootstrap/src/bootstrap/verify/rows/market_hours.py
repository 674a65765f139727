"""The gate blocks promotions while the market is open, and lets them through while it is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bootstrap.platform.market_gate import ZONE
from bootstrap.verify.finding import Finding, Looked, Row, joined
from bootstrap.verify.gate import ask, when
from bootstrap.verify.scene import Scene
from bootstrap.verify.times import moment

UNGUARDED = "no stage of platform.yaml has a `gate`"
_DAYS = 14
_NOON = time(11, 0)
_OPENS = time(9, 30)
_SATURDAY = 5
_SECOND = timedelta(seconds=1)
# What decides beside the hours: asked then, it says nothing about them.
_OTHERWISE = frozenset({"blocked-window", "open-window", "break-glass"})
_CONFIGURED = "`market_gate` in platform.yaml says what it should do; bootstrap up gives it that, and starts it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A day on which the market is open, as the gate says."""

    opens: datetime
    closes: datetime


def stages(scene: Scene) -> list[tuple[str, str]]:
    """Return project and stage of all that is guarded."""
    return [(project, stage.name) for project, guarded in scene.platform.guarded.items() for stage in guarded]


def session(scene: Scene) -> Session | None:
    """Find the next day on which the market is open by the hours alone, None where the gate knows none; raises GateError."""
    project, stage = stages(scene)[0]
    today = scene.now().astimezone(ZoneInfo(ZONE)).date()
    for number in range(1, _DAYS + 1):
        day = today + timedelta(days=number)
        if day.weekday() >= _SATURDAY:
            continue
        answer = ask(scene, project, stage, datetime.combine(day, _NOON, ZoneInfo(ZONE)))
        market: Mapping[str, Any] = answer.get("market") or {}
        opens, closes = moment(market.get("since")), moment(market.get("until"))
        if market.get("state") == "open" and opens and closes and answer.get("because") not in _OTHERWISE:
            return Session(opens=opens, closes=closes)
    return None


def _block(scene: Scene) -> Looked:
    if not stages(scene):
        return Looked(unseen=(UNGUARDED,))
    found = session(scene)
    if found is None:
        hint = "its /healthz says what its calendar knows: an image of market-gate that is years old knows no holidays any more"
        problem = f"it says of none of the next {_DAYS} days that the market is open"
        return Looked(at="the next two weeks", findings=(Finding(where="", problem=problem, hint=hint),))
    middle = found.opens + (found.closes - found.opens) / 2
    findings = [*_hours(scene, found)]
    for at in (found.opens, middle, found.closes - _SECOND):
        findings += _wrong(scene, at, allowed=False)
    return Looked(at=_asked(scene, found, "from 09:30:00 until the close"), findings=joined(findings))


def _allow(scene: Scene) -> Looked:
    if not stages(scene):
        return Looked(unseen=(UNGUARDED,))
    found = session(scene)
    if found is None:
        return Looked(unseen=("there is no session that it could be after",))
    opens = found.opens.astimezone(ZoneInfo(ZONE))
    saturday = opens + timedelta(days=_SATURDAY - opens.weekday())
    moments = [found.closes, found.closes + timedelta(hours=2), saturday.replace(hour=12, minute=0)]
    if scene.platform.market_gate.margin is None:
        moments.insert(0, found.opens - _SECOND)
    findings = [finding for at in moments for finding in _wrong(scene, at, allowed=True)]
    return Looked(at=_asked(scene, found, "before, after, and at the weekend"), findings=joined(findings))


def _hours(scene: Scene, found: Session) -> Iterator[Finding]:
    opens = found.opens.astimezone(ZoneInfo(ZONE))
    if opens.time() != _OPENS:
        problem = f"it opens the market at {opens:%H:%M:%S} New York, and not at 09:30:00"
        yield Finding(where=when(found.opens, scene), problem=problem, hint=_CONFIGURED)


def _wrong(scene: Scene, at: datetime, *, allowed: bool) -> Iterator[Finding]:
    for project, stage in stages(scene):
        answer = ask(scene, project, stage, at)
        if answer["would_allow"] is not allowed and answer.get("because") not in _OTHERWISE:
            does = "holds promotions back" if allowed else "lets promotions through"
            problem = f"it {does} at {when(at, scene)}: {answer.get('reason')}"
            yield Finding(where=f"{stage} of {project}", problem=problem, hint=_CONFIGURED)


def _asked(scene: Scene, found: Session, times: str) -> str:
    names = ", ".join(stage for _, stage in stages(scene))
    return f"{names} on {found.opens.astimezone(ZoneInfo(ZONE)):%a %d %b}, {times}"


BLOCK = Row(name="market-block", title="Market-hours block", how="the gate is asked about moments of the next session", look=_block)
ALLOW = Row(name="market-allow", title="Market-hours allow", how="the gate is asked about moments outside of it", look=_allow)
