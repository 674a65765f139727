"""One look asks once, however many want to know."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bootstrap.core.look import Look


def test_what_several_threads_want_is_read_once() -> None:
    """The others wait for the answer of the first."""
    look, read, begun, go_on = Look(), list[str](), threading.Event(), threading.Event()

    def slowly() -> str:
        read.append("read")
        begun.set()
        assert go_on.wait(10)
        return "answer"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(look.once, "key", slowly)
        assert begun.wait(10)
        others = [pool.submit(look.once, "key", slowly) for _ in range(3)]
        go_on.set()
        assert [each.result(10) for each in (first, *others)] == ["answer"] * 4
    assert read == ["read"]


def test_an_error_is_not_kept() -> None:
    """Who asks after it asks the server again."""
    look = Look()

    def failing() -> str:
        raise ValueError("busy")

    with pytest.raises(ValueError, match="busy"):
        look.once("key", failing)
    assert look.once("key", lambda: "answer") == "answer"


def test_nothing_is_an_answer() -> None:
    """What is not there is not looked for twice."""
    look, read = Look(), list[str]()
    for _ in range(2):
        assert look.once("key", lambda: read.append("read")) is None
    assert read == ["read"]
