"""Small work for many items at once, with the errors of none lost."""

import os
import signal
import threading
import time

import pytest

from plugin_kit.errors import Cancelled
from plugin_kit.parallel import each
from plugin_kit.process import terminated


def test_results_keep_the_order_of_the_items() -> None:
    """Who is done first does not come first."""

    def work(number: int) -> int:
        time.sleep((5 - number) / 200)
        return number * 10

    assert each(work, range(5)) == [0, 10, 20, 30, 40]


def test_nothing_to_do_is_done() -> None:
    """No items, no results."""
    assert each(str, []) == []


def test_no_more_than_agreed_run_at_once() -> None:
    """A registry is not met with a thread per image."""
    running, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    each(work, range(20), at_once=3)
    assert most == 3


def test_the_first_error_is_raised_when_all_have_ended() -> None:
    """An item that fails does not stop the others, and the error is that of the first item in order."""
    done: list[int] = []

    def work(number: int) -> None:
        time.sleep(0.02 if number == 1 else 0)
        done.append(number)
        if number in {1, 3}:
            raise ValueError(str(number))

    with pytest.raises(ValueError, match="1"):
        each(work, range(6))
    assert sorted(done) == list(range(6))


def test_what_has_not_begun_at_sigterm_never_begins() -> None:
    """A cancelled run sets no further tag: it raises at once, and the waiting items are dropped."""
    begun: list[int] = []
    go_on = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        go_on.wait(2)

    with pytest.raises(Cancelled), terminated():
        each(work, range(20), at_once=2)
    before = len(begun)
    go_on.set()
    time.sleep(0.05)
    assert before <= 2
    assert len(begun) == before
