"""Times as a person reads them: in the zone of the exchange, and in that of this machine. Pure."""

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo


def shown(time: datetime, zone: str, *, now: datetime, here: tzinfo | None = None) -> str:
    """Write `15:32 New York (21:32 here)`, with the day where it is not that of `now`; `here` is this machine's zone by default."""
    there = ZoneInfo(zone)
    local, first = time.astimezone(here), f"{_clock(time, there, now)} {city(zone)}"
    if local.utcoffset() == time.astimezone(there).utcoffset():
        return first
    return f"{first} ({_clock(time, here, now)} here)"


def city(zone: str) -> str:
    """Return what people call a zone: `New York`."""
    return zone.rpartition("/")[2].replace("_", " ")


def minute(time: datetime, zone: str) -> str:
    """Write a time for a table: `2026-11-23 15:32`."""
    return f"{time.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _clock(time: datetime, zone: tzinfo | None, now: datetime) -> str:
    local = time.astimezone(zone)
    is_today = local.date() == now.astimezone(zone).date()
    return f"{local:%H:%M}" if is_today else f"{local:%a %d %b %H:%M}"
