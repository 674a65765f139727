"""Moments as the page tells them: in the exchange's zone and in the others, always with the place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from market_gate import words
from market_gate.page.markup import Markup, element, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How a moment is told at another one, now."""

    now: datetime
    zones: Sequence[ZoneInfo]
    """The exchange's own in front."""

    @property
    def zone(self) -> ZoneInfo:
        """The exchange's zone."""
        return self.zones[0]

    def when(self, moment: datetime) -> Markup:
        """Tell a moment in each zone: `Monday 09:30 New York, 15:30 Berlin`."""
        told = []
        before = ""
        for number, zone in enumerate(self.zones):
            day, hour = self._day(moment, zone), f"{moment.astimezone(zone):%H:%M}"
            # The day is said once, and again where it is another one.
            said = hour if day == before else f"{day or 'today'} {hour}" if number else f"{day} {hour}".strip()
            before = day
            told.append(element("span", stamp(moment, zone, said), " ", words.place(zone), class_="at"))
        return element("span", listed(told), class_="when")

    def own(self, moment: datetime) -> Markup:
        """Tell a moment in the exchange's zone only, where the text around it says which one that is."""
        return stamp(moment, self.zone, words.clock(moment, self.zone, near=self.now))

    def full(self, moment: datetime) -> Markup:
        """Tell a moment with its date in each zone."""
        told = []
        before = ""
        for zone in self.zones:
            there = moment.astimezone(zone)
            day = date_of(there)
            said = f"{there:%H:%M}" if day == before else f"{day}, {there:%H:%M}"
            told.append(element("span", stamp(moment, zone, said), " ", words.place(zone), class_="at"))
            before = day
        return element("span", listed(told), class_="when")

    def ago(self, moment: datetime) -> str:
        """Say how long ago a moment was."""
        return words.duration(self.now - moment)

    def left(self, moment: datetime) -> str:
        """Say how far ahead a moment is."""
        return words.duration(moment - self.now)

    def _day(self, moment: datetime, zone: tzinfo) -> str:
        return words.clock(moment, zone, near=self.now)[: -len("00:00")].strip()


def date_of(moment: datetime) -> str:
    """Write the date: `Mon 4 Jan 2027`."""
    return f"{moment:%a} {moment.day} {moment:%b %Y}"


def stamp(moment: datetime, zone: tzinfo, said: str) -> Markup:
    """Return a time that programs can read, too."""
    return element("time", said, datetime=moment.astimezone(zone).isoformat(timespec="seconds"))
