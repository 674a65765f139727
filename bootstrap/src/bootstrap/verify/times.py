"""Times as somebody reads them who was just woken up: in the time of this machine, and how long ago."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bootstrap.core.readiness import conditions

_DAY = timedelta(days=1)
_MINUTE = 60


def since(begun: datetime, now: datetime | None = None) -> str:
    """Write `since 02:13 (3h 10m)`, with the day where that is another one."""
    now = (now or datetime.now(UTC)).astimezone()
    here = begun.astimezone()
    day = "" if here.date() == now.date() else f"{here:%a %d %b} " if now - here < 300 * _DAY else f"{here:%d %b %Y} "
    return f"since {day}{here:%H:%M} ({length(now - here)})"


def length(time: timedelta) -> str:
    """Write a length of time in its two largest units: `12d 4h`, `3h 10m`, `9m`, `40s`."""
    seconds = max(0, int(time.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds}s"
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    parts = [(days, "d"), (hours, "h"), (rest // 60, "m")]
    first = next(index for index, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number}{unit}" for number, unit in parts[first : first + 2] if number)


def moment(text: object) -> datetime | None:
    """Read a time of Kubernetes; None where there is none."""
    if isinstance(text, datetime):
        return text
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def of_condition(live: Mapping[str, Any], *names: str) -> datetime | None:
    """Return since when the first of these conditions that is there is as it is."""
    found = conditions(live)
    return next((moment(found[name].get("lastTransitionTime")) for name in names if name in found), None)


def made(live: Mapping[str, Any]) -> datetime | None:
    """Return when an object was made."""
    return moment((live.get("metadata") or {}).get("creationTimestamp"))


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    """Return the first of them."""
    return min((each for each in times if each is not None), default=None)
