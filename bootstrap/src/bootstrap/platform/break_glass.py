"""Break-glass: letting a promotion through although the market gate says no."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from bootstrap.platform.duration import Duration
from bootstrap.platform.people import People
from bootstrap.platform.section import Section

_LONGEST = timedelta(hours=24)


def _at_most_a_day(length: timedelta) -> timedelta:
    if length > _LONGEST:
        raise ValueError("is too long: at most 24h, since nobody can end a record before its time")
    return length


class Operators(People):
    """Who may break glass, in the names of the Kubernetes API."""


class BreakGlass(Section):
    """Letting promotions of one stage through although the market is open, for a while and with a reason that stays on record."""

    operators: Operators = Operators()
    """Who may do it, in the names of the Kubernetes API. They must be people: the API server refuses service accounts and users whose name
    begins with `system:`, such as k3s' own `system:admin`. `bootstrap operator add` makes a person's certificate."""

    max_duration: Annotated[Duration, AfterValidator(_at_most_a_day)] = timedelta(hours=4)
    """The longest time that it may hold, at most `24h`. It can't be ended before its time."""
