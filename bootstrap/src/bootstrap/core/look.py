"""One look at the cluster: what was read in it is not asked for again, whoever wants it."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Look:
    """Answers by what was asked for; safe to use from several threads."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    def once(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return the answer; one thread reads, and others wait for it. Errors are not kept."""
        with self._lock:
            future = self._known.get(key)
            if future is None:
                mine: Future[Any] = Future()
                self._known[key] = mine
        if future is not None:
            return cast("T", future.result())
        try:
            answer = read()
        except BaseException as error:
            with self._lock:
                del self._known[key]
            mine.set_exception(error)
            raise
        mine.set_result(answer)
        return answer
