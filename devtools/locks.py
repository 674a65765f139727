"""One process at a time: several `./dev` may run at once, and each image is made once."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from devtools import progress
from devtools.paths import cache_dir


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold the lock of this name, and say so while another process has it."""
    with (cache_dir("locks") / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.step(f"waiting for another ./dev ({name})"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
