"""A time is promised only where Kargo's own look at the registry can bring the Freight."""

from datetime import timedelta

import pytest

from kargo_notify.polling import promise
from kargo_notify.verdict import State
from kargo_notify.warehouse import Condition, Warehouse

FAILED = Condition(status="False", reason="DiscoveryFailure", message="connection refused")


def warehouse(*, manual: bool = False, condition: Condition | None = None) -> Warehouse:
    """Make a Warehouse that looks every ten minutes."""
    return Warehouse(
        name="images", manual=manual, interval=timedelta(minutes=10), discovered={}, conditions={"Ready": condition} if condition else {}
    )


@pytest.mark.parametrize("state", [None, State.READY])
def test_a_warehouse_that_works_will_see_the_images(state: State | None) -> None:
    """By its own interval."""
    assert promise(warehouse(), state=state).startswith("Kargo polls the registry by itself every 10m: it will see the images by ")


@pytest.mark.parametrize(
    ("given", "state"), [(warehouse(), State.FAILED), (warehouse(condition=FAILED), None), (warehouse(condition=FAILED), State.PENDING)]
)
def test_a_warehouse_that_can_not_read_the_registry_promises_no_time(given: Warehouse, state: State | None) -> None:
    """It would fail again."""
    expected = "Kargo polls the registry by itself every 10m, and will see the images once it can read the registry."
    assert promise(given, state=state) == expected


def test_a_look_that_did_not_find_them_is_not_promised_again() -> None:
    """What it looks at is wrong, and stays wrong."""
    assert promise(warehouse(), state=State.ABSENT) == "Kargo polls the registry by itself every 10m."


def test_a_refresh_that_nobody_has_handled_may_have_no_controller() -> None:
    """The API answers all the same."""
    assert "every 10m: if its controller runs, it will see the images by " in promise(warehouse(), state=State.PENDING)


def test_a_manual_warehouse_promises_nothing() -> None:
    """Somebody has to make the Freight."""
    assert "won't make this Freight by itself" in promise(warehouse(manual=True))


@pytest.mark.parametrize(
    ("unreadable", "words"), [(False, "it will see the images within"), (True, "is not known, since the Warehouse can't be")]
)
def test_a_warehouse_that_was_not_read(unreadable: bool, words: str) -> None:
    """Where nobody answered or the token is wrong it polls; where it may not be read nobody knows what it watches."""
    assert words in promise(None, unreadable=unreadable)
