"""The configuration file: what is guarded, and when."""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from market_gate.errors import ConfigError
from market_gate.nyse import EXCHANGES, ZONE
from market_gate.window import Kind, Once, Span, Weekly, Window, careful, readings

DEFAULT_PATH = Path("/etc/market-gate/config.yaml")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
_DURATION = re.compile(r"(?:\d+(?:s|m|h))+")
_PART = re.compile(r"(\d+)([smh])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
_CLOCK = re.compile(r"(\d{2}):(\d{2})")
_MINUTES_OF_A_DAY = 24 * 60
_MOST_BYTES = 1 << 20


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError("is not a length of time: 30s, 15m, 1h30m")
    return sum((timedelta(**{_UNITS[unit]: int(amount)}) for amount, unit in _PART.findall(value)), timedelta(0))


def _zone(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone: Europe/Berlin, America/New_York, UTC") from None


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(_duration)]
Zone: TypeAlias = Annotated[ZoneInfo, BeforeValidator(_zone)]
Name: TypeAlias = Annotated[str, Field(pattern=NAME)]
Day: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Part(BaseModel):
    """A map of fixed keys. What its keys mean stands in the docstring below each field."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True, arbitrary_types_allowed=True
    )


class ExtraWindow(Part):
    """Time in which promotions are blocked, or open, whatever the market does."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """What people call it."""

    kind: Kind
    """`blocked`: nothing is promoted. `open`: promotions run although the market trades. Where both apply, `blocked` wins."""

    reason: Annotated[str, Field(max_length=500)] = ""
    """Why, in a sentence that stands in the gate's answer."""

    from_: Annotated[datetime | time, Field(alias="from")]
    """Begin: date and time (`2026-12-31T12:00`, or with an offset), or with `days` a time of day (`09:00`)."""

    until: datetime | time
    """End, written in the same way; it no longer belongs to the window. With `days`, a time that is not after `from` is on the next day."""

    zone: Zone = ZONE
    """Zone of times that have no offset of their own."""

    days: tuple[Day, ...] = ()
    """Weekdays on which it begins, each week; without them it is there once."""

    @field_validator("from_", "until", mode="before")
    @classmethod
    def _moment(cls, value: object) -> object:
        # YAML 1.1 reads 17:55 as a number of minutes, but 09:30 as text.
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MINUTES_OF_A_DAY:
            return time(value // 60, value % 60)
        if isinstance(value, str):
            return _clock_or_moment(value)
        if isinstance(value, datetime | time):
            return value
        raise ValueError("is neither a time (09:30) nor a date with a time (2026-12-31T12:00)")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wanted = time if self.days else datetime
        if not isinstance(self.from_, wanted) or not isinstance(self.until, wanted):
            form = (
                "`days`, `from` and `until` are times of day: 09:30"
                if self.days
                else "no `days`, `from` and `until` have a date: 2026-12-31T12:00"
            )
            raise ValueError(f"with {form}")  # noqa: TRY004  pydantic lets a TypeError through
        if isinstance(self.from_, datetime) and isinstance(self.until, datetime):
            span = self._span(self.from_, self.until)
            if span.end <= span.start:
                raise ValueError("ends before it begins")
        return self

    def window(self) -> Window:
        """Return it as it lies in time."""
        if isinstance(self.from_, time) and isinstance(self.until, time):
            return Weekly(
                days=tuple(DAYS.index(day) for day in self.days),
                since=self.from_,
                until=self.until,
                zone=self.zone,
                kind=self.kind,
                name=self.name,
                reason=self.reason,
            )
        assert isinstance(self.from_, datetime)  # noqa: S101  as the validator has seen
        assert isinstance(self.until, datetime)  # noqa: S101
        return Once(span=self._span(self.from_, self.until))

    def _span(self, since: datetime, until: datetime) -> Span:
        return careful(readings(since, self.zone), readings(until, self.zone), kind=self.kind, name=self.name, reason=self.reason)


class GuardedStage(Part):
    """A stage that asks before a promotion."""

    rollback: Literal["same", "allow"] = "same"
    """`same`: a promotion back to an older commit waits like any other. `allow`: it runs at any time."""


class GuardedProject(Part):
    """A Kargo project."""

    stages: Annotated[Mapping[Name, GuardedStage], Field(min_length=1)]
    """Its guarded stages by name."""

    @field_validator("stages", mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        # `live:` with nothing behind it is a stage with the usual settings.
        return {name: {} if stage is None else stage for name, stage in value.items()} if isinstance(value, Mapping) else value


class Config(Part):
    """What the gate guards, and when."""

    projects: Annotated[Mapping[Name, GuardedProject], Field(min_length=1)]
    """Kargo projects by name."""

    calendar: str = "XNYS"
    """Exchange whose hours block promotions, by its code: XNYS (New York Stock Exchange) or XNAS (Nasdaq)."""

    margin: Duration = timedelta(0)
    """How long before the open nothing is promoted any more, so that a rollout is over when trading begins."""

    windows: tuple[ExtraWindow, ...] = ()
    """Blocked or open times beside the market's hours."""

    namespace: Name = "local-cicd"
    """Namespace of the break-glass records."""

    records: Literal["cluster", "none"] = "cluster"
    """`cluster`: break-glass records are read from the API server. `none`: there are none (a laptop, a test)."""

    longest_break_glass: Duration = timedelta(hours=4)
    """A record that runs longer than this is not honoured. The admission policy refuses it, too; where there is no policy, this counts."""

    display_zones: tuple[Zone, ...] = ()
    """Zones that the page and the reasons show beside the exchange's own."""

    listen: str = "0.0.0.0:8080"
    """Address and port."""

    log: Literal["plain", "json"] = "plain"
    """Form of the log: a line to read, or one JSON object per line."""

    @field_validator("calendar")
    @classmethod
    def _known_exchange(cls, value: str) -> str:
        if value not in EXCHANGES:
            raise ValueError(f"{value!r} is not an exchange whose sessions are known here: {', '.join(EXCHANGES)}")
        return value

    @field_validator("listen")
    @classmethod
    def _address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
            raise ValueError("is not ADDRESS:PORT")
        return value

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on; 0 takes a free one."""
        return int(self.listen.rpartition(":")[2])

    def stage(self, project: str, stage: str) -> GuardedStage | None:
        """Return a guarded stage, None where nobody configured it."""
        guarded = self.projects.get(project)
        return guarded.stages.get(stage) if guarded is not None else None


def load(path: Path) -> Config:
    """Read the configuration; ConfigError names every problem by its key."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ConfigError(f"{path} is larger than 1 MiB")
        content = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(
            f"the configuration {path} can't be read: {error.strerror}", hint="mount it there, or name another file by MARKET_GATE_CONFIG"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not YAML", details=str(error).splitlines()) from None
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path} holds no map", hint="it needs at least: projects: {shop-cd: {stages: {paper: {}, live: {}}}}")
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path} can't be used", details=[_problem(each) for each in error.errors(include_url=False)]) from None


def _clock_or_moment(text: str) -> datetime | time:
    if found := _CLOCK.fullmatch(text):
        return time(int(found[1]), int(found[2]))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a time (09:30) nor a date with a time (2026-12-31T12:00)") from None


def _problem(error: ErrorDetails) -> str:
    where = [str(each) for each in error["loc"] if each not in {"[key]", "datetime", "time"}]
    key = ".".join(where) or "the file"
    match error["type"]:
        case "extra_forbidden":
            near = get_close_matches(where[-1], _keys(where[:-1]), n=1)
            return f"{key}: unknown key" + (f"; did you mean {near[0]}?" if near else f"; known: {', '.join(_keys(where[:-1]))}")
        case "missing":
            return f"{key}: required, but not set"
        case "string_pattern_mismatch":
            return f"{key}: is not a name of Kubernetes (lower case letters, digits, - and .)"
        case "value_error":
            return f"{key}: {error['ctx']['error']}"
    return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _keys(parents: list[str]) -> list[str]:
    """Return the keys of the map at a place of the file."""
    model: type[Part] = Config
    if parents[:1] == ["windows"]:
        model = ExtraWindow
    elif parents[:1] == ["projects"]:
        model = GuardedStage if "stages" in parents else GuardedProject
    return [field.alias or name for name, field in model.model_fields.items()]
