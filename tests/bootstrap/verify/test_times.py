"""Times as somebody reads them who was just woken up."""

from datetime import UTC, datetime, timedelta

import pytest

from bootstrap.verify.times import length, moment, since

NOW = datetime(2026, 11, 24, 5, 23, tzinfo=UTC).astimezone()


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(minutes=9, seconds=50), "9m"),
        (timedelta(hours=3), "3h"),
        (timedelta(hours=3, minutes=10), "3h 10m"),
        (timedelta(days=12, hours=4, minutes=59), "12d 4h"),
        (timedelta(days=12, minutes=59), "12d"),
    ],
)
def test_a_length_is_two_units_at_most(time: timedelta, text: str) -> None:
    """The largest ones."""
    assert length(time) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(minutes=9), "since {0:%H:%M} (9m)"),
        (timedelta(days=3), "since {0:%a %d %b} {0:%H:%M} (3d)"),
        (timedelta(days=400), "since {0:%d %b %Y} {0:%H:%M} (400d)"),
    ],
)
def test_the_day_is_named_where_it_is_another_one(ago: timedelta, text: str) -> None:
    """And the year, where that is no help either."""
    begun = NOW - ago
    assert since(begun.astimezone(UTC), NOW) == text.format(begun)


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-11-24T05:23:00"])
def test_what_is_no_moment_is_none(text: object) -> None:
    """Without an offset nobody knows when it was."""
    assert moment(text) is None


def test_a_moment_of_kubernetes_is_read() -> None:
    """In UTC, as it writes them."""
    assert moment("2026-11-24T05:23:00Z") == NOW
