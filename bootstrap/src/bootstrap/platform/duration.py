"""Durations as they are written in YAML: `30s`, `10m`, `1h30m`."""

from datetime import timedelta
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

from plugin_kit.scalars import DURATION, DURATION_PART, UNIT_SECONDS


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} of what? Write the unit: {value}s, {value}m")  # noqa: TRY004  pydantic lets a TypeError through
    if not isinstance(value, str) or not DURATION.fullmatch(value):
        raise ValueError("is not a duration: 30s, 10m, 1h30m")
    seconds = sum(float(amount) * UNIT_SECONDS[unit] for amount, unit in DURATION_PART.findall(value))
    if seconds == 0:
        raise ValueError("must be longer than nothing")
    return timedelta(seconds=seconds)


Duration: TypeAlias = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{DURATION.pattern}$", "examples": ["30s", "10m", "1h30m"]}),
]
"""A length of time, longer than nothing."""
