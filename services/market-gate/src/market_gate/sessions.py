"""When an exchange trades: one session per trading day."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class NotKnownError(Exception):
    """The calendar says nothing about a day; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The regular hours of one day: from `opens` on, and no longer at `closes`."""

    day: date
    opens: datetime
    closes: datetime
    early: bool = False
    """Whether it closes before the usual hour."""


class Calendar(Protocol):
    """The trading days of an exchange."""

    @property
    def name(self) -> str:
        """The exchange's code (ISO 10383), XNYS for one."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its hours."""

    @property
    def source(self) -> str:
        """Who knows the days, with version."""

    def session(self, day: date) -> Session | None:
        """Return the session of a day, None where there is none; NotKnownError where the calendar can't say."""

    def occasion(self, day: date) -> str:
        """Return why a day has no session or a short one, "" where there is nothing to say."""
