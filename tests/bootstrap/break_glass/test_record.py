"""A record of break-glass: what is one, and what only looks like it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from bootstrap.break_glass.record import KEYS, LABEL, GarbageError, manifest, parse, write_time

DATA = {
    "project": "shop-cd",
    "stage": "live",
    "operator": "ada",
    "justification": "the order book loses fills",
    "expires": "2026-11-23T16:00:00Z",
}
CREATED = datetime(2026, 11, 23, 15, tzinfo=UTC)


def live(**more: Any) -> dict[str, Any]:  # noqa: ANN401  keys of a ConfigMap
    """Return a record as the API server gives it back."""
    made = manifest("one", "local-cicd", data=DATA)
    made["metadata"]["creationTimestamp"] = write_time(CREATED)
    return {**made, **more}


def test_what_is_written_can_be_read() -> None:
    """Every key, and the time of the API server."""
    found = parse(live())
    assert {key: getattr(found, key) for key in KEYS if key != "expires"} == {key: text for key, text in DATA.items() if key != "expires"}
    assert (found.name, found.created, found.expires) == ("one", CREATED, CREATED + timedelta(hours=1))


def test_it_holds_from_its_creation_until_it_expires() -> None:
    """The last moment is no longer one of them."""
    found = parse(live())
    moments = (found.created - timedelta(seconds=1), found.created, found.expires - timedelta(seconds=1), found.expires)
    assert [found.holds(moment) for moment in moments] == [False, True, True, False]


@pytest.mark.parametrize("expires", ["2026-11-23T11:00:00-05:00", "2026-11-23T16:00:00.5Z", "2026-11-23T17:00:00+01:00"])
def test_any_zone_is_read_as_the_same_moment(expires: str) -> None:
    """RFC 3339 has many ways to write one."""
    assert parse(live(data={**DATA, "expires": expires})).expires.replace(microsecond=0) == CREATED + timedelta(hours=1)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"data": None}, "it has no project, stage, operator, justification, expires"),
        ({"data": {**DATA, "stage": "  "}}, "it has no stage"),
        ({"data": {**DATA, "stage": 7}}, "it has no stage"),
        ({"data": ["live"]}, "data is no map"),
        ({"data": {**DATA, "expires": "soon"}}, "expires is no time"),
        ({"data": {**DATA, "expires": "2026-11-23T16:00:00"}}, "expires is no time"),
        ({"data": {**DATA, "expires": "2026-13-45T16:00:00Z"}}, "expires is no time"),
        ({"data": {**DATA, "expires": "0001-01-01T00:00:00+14:00"}}, "expires is no time"),
        ({"data": {**DATA, "expires": "2026-11-23T15:00:00Z"}}, "it expires before it was made"),
        ({"immutable": False}, "it is not immutable: what it says may have been changed"),
        ({"immutable": "yes"}, "it is not immutable: what it says may have been changed"),
        ({"metadata": {"name": "one", "labels": {LABEL: "true"}}}, "creationTimestamp is no time"),
        ({"metadata": {"name": "one"}}, f"it has no label {LABEL}"),
        ({"metadata": "one"}, "metadata is no map"),
    ],
)
def test_garbage_is_none(more: dict[str, Any], problem: str) -> None:
    """Whatever it is, it says why, and lets nobody through."""
    with pytest.raises(GarbageError) as caught:
        parse(live(**more))
    assert str(caught.value) == problem


def test_times_are_written_in_utc_and_whole_seconds() -> None:
    """As Kubernetes writes its own."""
    time = datetime(2026, 11, 23, 10, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=-5)))
    assert write_time(time) == "2026-11-23T15:00:00Z"
