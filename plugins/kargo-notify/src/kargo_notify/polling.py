"""What Kargo's own look at the registry will come to, in words: it polls, whether it is told or not."""

from datetime import UTC, datetime, timedelta

from kargo_notify.verdict import State, discovery_failure
from kargo_notify.warehouse import Warehouse
from plugin_kit.console import lasting

_UNKNOWN = "Kargo polls the registry by itself: it will see the images within its poll interval, 5 minutes by default."
_UNREADABLE = (
    "Kargo polls the registry by itself, every 5 minutes by default; whether it sees these images is not known, since the Warehouse can't "
    "be read."
)
# What Kargo needs for as long as it takes to get to it.
_GRACE = timedelta(minutes=1)


def promise(warehouse: Warehouse | None, *, unreadable: bool = False, state: State | None = None) -> str:
    """Say what happens without being told; a time only where nothing that is known stands against it.

    `warehouse` is None where it was not read, `unreadable` where it may not be; `state` is how waiting for the Freight has ended.
    """
    if warehouse is None:
        return _UNREADABLE if unreadable else _UNKNOWN
    if warehouse.manual:
        return "Kargo won't make this Freight by itself: the Warehouse's freightCreationPolicy is Manual."
    every = f"Kargo polls the registry by itself every {lasting(warehouse.interval.total_seconds())}"
    if state is State.FAILED or discovery_failure(warehouse):
        return f"{every}, and will see the images once it can read the registry."
    if state is State.ABSENT:
        return f"{every}."
    condition = " if its controller runs," if state is State.PENDING else ""
    latest = datetime.now(UTC) + warehouse.interval + _GRACE
    return f"{every}:{condition} it will see the images by {latest:%H:%M} UTC."
