"""The command lines of all processes on this machine, those in containers included, as everybody on it can read them."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def command_lines() -> Iterator[str]:
    """Yield those of this moment, their arguments separated by blanks."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            # It may have ended since it was listed.
            with contextlib.suppress(OSError):
                yield (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()


@contextlib.contextmanager
def sampled(look_at: Callable[[], Iterable[str]] | None = None, *, every: float = 0.02) -> Iterator[set[str]]:
    """Collect command lines, or what else `look_at` gives, over and over, as long as the block lasts; `every` is in seconds."""
    source = look_at or command_lines
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(every):
            seen.update(source())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
