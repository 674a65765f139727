"""The bad days of a Kargo, on demand."""

import threading
from dataclasses import dataclass, field, fields
from typing import Any

UNREADABLE = (
    'error discovering newest applicable images "{repository}": error retrieving images for all matched tags: '
    "GET http://{repository}/manifests/gone: MANIFEST_UNKNOWN: manifest unknown; unknown tag=gone"
)


@dataclass(slots=True, kw_only=True)
class Faults:
    """What goes wrong. Numbers of times count down; -1 is for ever.

    `answers` gives a status, and how often, to a kind of call: warehouse, refresh, freight, freights, watch, stages, create, receiver.
    `watch` is `hang` (says nothing), `end` (ends at once) or `break` (ends in the middle of a frame). `receiver` is `nothing` (0 of 0
    targets), `false` (its condition) or `partial`.
    """

    fail_discovery: int = 0
    complaint: str = UNREADABLE
    lag: float = 0.0
    lose_refresh: int = 0
    answers: dict[str, tuple[int, int]] = field(default_factory=dict)
    watch: str = ""
    receiver: str = ""
    web_page: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def discovery_fails(self) -> bool:
        """Tell whether this discovery fails, and count it."""
        with self.lock:
            self.fail_discovery, fails = _counted(self.fail_discovery)
            return fails

    def refresh_is_lost(self) -> bool:
        """Tell whether this refresh is never handled, and count it."""
        with self.lock:
            self.lose_refresh, lost = _counted(self.lose_refresh)
            return lost

    def answer(self, call: str) -> int | None:
        """Give the status that this call is refused with, and count it."""
        with self.lock:
            status, times = self.answers.get(call, (0, 0))
            times, refused = _counted(times)
            self.answers[call] = (status, times)
            return status if refused else None

    def set(self, wanted: dict[str, Any]) -> None:
        """Take over what a control call says; raises KeyError for what is no fault."""
        known = {each.name for each in fields(self)} - {"lock"}
        for name, value in wanted.items():
            if name not in known:
                raise KeyError(name)
            setattr(self, name, {call: tuple(pair) for call, pair in value.items()} if name == "answers" else value)


def _counted(times: int) -> tuple[int, bool]:
    return (times - 1 if times > 0 else times), times != 0
