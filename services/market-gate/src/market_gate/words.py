"""Times in the words of a person."""

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_A_WEEK = timedelta(days=6)
_MINUTE = 60
_HOUR = 3600
_DAY = 86400


def place(zone: tzinfo) -> str:
    """Name the zone by its city."""
    return zone.key.rpartition("/")[2].replace("_", " ") if isinstance(zone, ZoneInfo) else "UTC"


def clock(moment: datetime, zone: tzinfo, *, near: datetime) -> str:
    """Say a moment as it is read near another one: `16:00`, `Monday 09:30`, `Mon 4 Jan 2027 09:30`."""
    there, here = moment.astimezone(zone), near.astimezone(zone)
    if there.date() == here.date():
        return f"{there:%H:%M}"
    if timedelta(0) < there.date() - here.date() <= _A_WEEK:
        return f"{there:%A %H:%M}"
    return f"{there:%a} {there.day} {there:%b %Y %H:%M}"


def when(moment: datetime, zone: tzinfo, *, near: datetime) -> str:
    """Say a moment with its place: `Monday 09:30 New York`."""
    return f"{clock(moment, zone, near=near)} {place(zone)}"


def duration(length: timedelta) -> str:
    """Say a length of time in its two largest units: `2 h 5 min`."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    days, seconds = divmod(seconds, _DAY)
    hours, seconds = divmod(seconds, _HOUR)
    minutes = seconds // _MINUTE
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join([part for part in parts if part][:2])


def one_line(text: str, *, most: int = 1000) -> str:
    """Return what somebody wrote as one line without control characters, at most so long."""
    printable = text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
    line = " ".join(printable.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
