"""Doing the same small thing for many items at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

AT_ONCE = 8


def each(work: Callable[[A], B], items: Iterable[A], *, at_once: int = AT_ONCE) -> list[B]:
    """Do the work for all items in threads; results in order. The first error is raised after all have ended."""
    pool = ThreadPoolExecutor(max_workers=at_once)
    try:
        futures = [pool.submit(work, item) for item in items]
        wait(futures)
    finally:
        # Cancelled arrives in the wait: what has not begun must not begin any more.
        pool.shutdown(wait=False, cancel_futures=True)
    return [future.result() for future in futures]
