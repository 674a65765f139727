"""The exchanges of New York, whose holidays and half days the library `holidays` knows.

The library has days but no hours: the regular ones stand here, and the close of a half day is part of its name there
("markets close at 1:00pm"). A name that can't be read is a day that is not known, never a full one.
"""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

from market_gate.sessions import NotKnownError, Session

ZONE = ZoneInfo("America/New_York")
OPENS = time(9, 30)
CLOSES = time(16, 0)
# These two trade on the same days.
EXCHANGES = ("XNAS", "XNYS")
# The hours above are in force since 1985-09-30.
FIRST_DAY = date(1985, 9, 30)
_CLOSE = re.compile(r"\(markets close at (\d{1,2}):(\d{2})(am|pm)\)")
_SATURDAY = 5
_NOON = 12
# Even with holidays that fall on a Saturday there are more; a library that lost its data has none.
_FEWEST_HOLIDAYS = 7
_YEARS_KEPT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """The days of a year that differ, by date, with their names."""

    closed: Mapping[date, str]
    half: Mapping[date, str]


YearSource = Callable[[int], Year]


def library(year: int) -> Year:
    """Ask the library for one year; NotKnownError where the year lies outside of what it covers."""
    exchange = _exchange()
    # Beyond these it answers with an empty year, as if there were no holidays.
    if not exchange.start_year <= year <= exchange.end_year:
        raise NotKnownError(f"{source()} covers {exchange.start_year} to {exchange.end_year}, not {year}")
    # The language is named, for otherwise the environment's decides and the hour of the close could not be read.
    closed, half = (exchange(years=year, categories=(category,), language="en_US") for category in ("public", "half_day"))
    return Year(closed=dict(closed.items()), half=dict(half.items()))


@lru_cache(maxsize=1)
def _exchange() -> Any:  # noqa: ANN401  the library's classes have no types
    """Import the library's New York Stock Exchange, and nothing of the 250 countries that its package imports along: 0.4 s and 9 MB."""
    import holidays  # noqa: PLC0415  the start of `market-gate --version` need not wait for it

    package = "holidays.financial"
    if package in sys.modules:
        return import_module(f"{package}.ny_stock_exchange").NewYorkStockExchange
    bare = ModuleType(package)
    bare.__path__ = [str(Path(folder) / "financial") for folder in holidays.__path__]
    sys.modules[package] = bare
    try:
        return import_module(f"{package}.ny_stock_exchange").NewYorkStockExchange
    finally:
        # For who wants the whole package.
        del sys.modules[package]


@lru_cache(maxsize=1)
def source() -> str:
    """Name the library and its version."""
    return f"holidays {version('holidays')}"


class NewYork:
    """The sessions of an exchange in New York."""

    def __init__(self, name: str = "XNYS", *, years: YearSource = library) -> None:
        self.name = name
        self.zone = ZONE
        self._year = lru_cache(maxsize=_YEARS_KEPT)(lambda number: _checked(years, number))

    @property
    def source(self) -> str:
        """Who knows the days, with version."""
        return source()

    def session(self, day: date) -> Session | None:
        """Return the session of a day, None where there is none; NotKnownError where the calendar can't say."""
        year = self._known(day)
        if day.weekday() >= _SATURDAY or day in year.closed:
            return None
        close = _close(year.half[day]) if day in year.half else CLOSES
        return Session(
            day=day,
            opens=datetime.combine(day, OPENS, tzinfo=ZONE),
            closes=datetime.combine(day, close, tzinfo=ZONE),
            early=close < CLOSES,
        )

    def occasion(self, day: date) -> str:
        """Return why a day has no session or a short one, "" where there is nothing to say."""
        try:
            year = self._known(day)
        except NotKnownError:
            return ""
        return year.closed.get(day) or _CLOSE.sub("", year.half.get(day, "")).strip()

    def _known(self, day: date) -> Year:
        if day < FIRST_DAY:
            raise NotKnownError(f"the hours of {self.name} are known from {FIRST_DAY} on")
        return self._year(day.year)


def _checked(years: YearSource, number: int) -> Year:
    try:
        year = years(number)
    except NotKnownError:
        raise
    except Exception as error:
        raise NotKnownError(f"{source()} failed on {number}: {type(error).__name__}: {error}") from error
    start = date(number, 1, 1)
    weekdays = sum(1 for day in year.closed if day.weekday() < _SATURDAY and start <= day < start.replace(year=number + 1))
    if weekdays < _FEWEST_HOLIDAYS:
        raise NotKnownError(f"{source()} knows only {weekdays} holidays of {number}, so it has no data of that year")
    return year


def _close(name: str) -> time:
    hours = {_hour(*found) for found in _CLOSE.findall(name)}
    if not hours:
        raise NotKnownError(f"{source()} calls it a half day without an hour that can be read: {name!r}")
    # Two reasons on one day: the market is closed when the first one closes it, but the gate is on the careful side.
    return max(hours)


def _hour(hour: str, minute: str, half: str) -> time:
    return time(int(hour) % _NOON + (_NOON if half == "pm" else 0), int(minute))
