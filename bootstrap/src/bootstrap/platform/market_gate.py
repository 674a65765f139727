"""The market gate: what says whether a promotion may run now."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from bootstrap.platform.duration import Duration
from bootstrap.platform.names import Host, Name, ObjectName
from bootstrap.platform.section import Count, Flag, Section, computed

# Of both exchanges.
ZONE = "America/New_York"
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?")


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'"{text}" is not a time zone: America/New_York, Europe/Berlin, UTC') from None
    return text


def _begin_or_end(text: str) -> str:
    if not _TIME.fullmatch(text) and not _is_moment(text):
        raise ValueError(f'"{text}" is neither a day with a time ("2026-11-27T13:00") nor a time of day ("09:30")')
    return text


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return bool(_MOMENT.fullmatch(text))


TimeZone: TypeAlias = Annotated[str, AfterValidator(_time_zone)]
"""A time zone by its name in the tz database."""

BeginOrEnd: TypeAlias = Annotated[str, AfterValidator(_begin_or_end)]
"""A day with a time, which may have an offset from UTC, or a time of day."""


class Window(Section):
    """A time in which another rule holds than that of the market's hours."""

    leaf: ClassVar[bool] = True
    # In the gate's own configuration.
    elsewhere: ClassVar[Mapping[str, str]] = {"from": "since"}

    name: str = Field(min_length=1, max_length=100)
    """What people call it."""

    kind: Literal["blocked", "open"]
    """`blocked`: no promotion, although the market is closed. `open`: promotions, although it is not. Where both apply, `blocked` wins."""

    since: BeginOrEnd
    """When it begins: a day with a time, or with `days` a time of day. In the time of the exchange, where no offset is written."""

    until: BeginOrEnd
    """When it is over. With `days`, a time that is not after `since` is on the next day."""

    days: tuple[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], ...] = Field(default=())
    """The days of each week on which it begins. Without them it is there once."""

    reason: str = Field(default="", max_length=500)
    """Why, as the gate's answers and its page say it."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        times = [bool(_TIME.fullmatch(each)) for each in (self.since, self.until)]
        if times != [bool(self.days)] * 2:
            form = 'times of day: "09:30"' if self.days else 'days with a time: "2026-11-27T13:00"'
            raise ValueError(f"with{'' if self.days else 'out'} `days`, `since` and `until` are {form}")
        if not self.days and _moment(self.until) <= _moment(self.since):
            raise ValueError("ends before it begins")
        return self


class MarketGate(Section):
    """What says whether a promotion may run now. It is installed where a stage names a `gate`."""

    elsewhere: ClassVar[Mapping[str, str]] = {"display_zones": "zones"}

    namespace: Name = Field(json_schema_extra=computed("the platform's, where the records of break-glass always are"))
    """Where it runs."""

    calendar: Literal["XNYS", "XNAS"] = "XNYS"
    """The exchange whose hours block promotions, by its code: XNYS (New York Stock Exchange) or XNAS (Nasdaq)."""

    margin: Duration | None = None
    """How long before the market opens nothing is promoted any more, so that what was begun is over by then. Default: not at all."""

    windows: tuple[Window, ...] = Field(default=())
    """Times with a rule of their own: `{name: year end, kind: blocked, since: "2026-12-31T12:00", until: "2027-01-02T12:00"}`, or each week
    `{name: lunch, kind: open, days: [friday], since: "12:00", until: "12:30"}`; with a `reason`, if you like. Times are the exchange's."""

    zones: tuple[TimeZone, ...] = Field(default=())
    """Time zones in which the gate shows times beside the exchange's own."""

    replicas: Count = 2
    """How many pods answer."""

    host: Host | None = None
    """Host name of its page. Default: it is reached inside the cluster only."""

    tls_secret: ObjectName = "market-gate-tls"  # noqa: S105  the name of one
    """Secret with the certificate of the ingress; cert-manager makes it."""

    analysis_template: Flag = False
    """`true`: each Kargo project with a guarded stage gets the AnalysisTemplate `market-hours-check`, for checks on demand. It needs Argo
    Rollouts."""

    @property
    def zone(self) -> str:
        """The time zone of the exchange."""
        return ZONE


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(ZONE))
