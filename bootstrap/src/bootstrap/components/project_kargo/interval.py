"""Lengths of time as Go writes them."""

from datetime import timedelta

_HOUR, _MINUTE = 3600, 60


def go_duration(length: timedelta) -> str:
    """Write a length of time as Kargo's webhook would (`5m0s`): written otherwise it would come back changed."""
    seconds = length.total_seconds()
    hours, rest = divmod(seconds, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    text = f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours:.0f}h{minutes:.0f}m{text}"
    return f"{minutes:.0f}m{text}" if minutes else text
