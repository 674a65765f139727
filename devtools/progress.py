"""Plain progress lines: a line when a step begins, one every few seconds while it lasts, one with its time at the end."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

TICK_SECONDS = 10.0


class Step:
    """A running step; `detail` is what its next progress line says, `result` what its last line says."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self.result = "done"


def say(text: str) -> None:
    """Print one line at once, also where standard output is a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Announce a step, count its seconds while it lasts, and say how long it took."""
    begun = time.monotonic()
    over = threading.Event()
    current = Step(title)

    def tick() -> None:
        while not over.wait(TICK_SECONDS):
            say(f"    {time.monotonic() - begun:4.0f} s  {current.detail or title}"[:118])

    say(f"==> {title}")
    ticker = threading.Thread(target=tick, name="progress", daemon=True)
    ticker.start()
    try:
        yield current
    except BaseException:
        say(f"    failed after {time.monotonic() - begun:.1f} s: {title}")
        raise
    else:
        say(f"    {current.result} in {time.monotonic() - begun:.1f} s")
    finally:
        over.set()
        ticker.join()
