"""What `docker-buildx bake --progress=rawjson` said, recorded and stripped (tests/data/rawjson-*.txt).

The builds: an unpushed `base` on debian:trixie-slim, `api` (3 steps) and `worker` (3 steps, a stage of its own), both on that base; where
the name says so `broken` and `slow`, too.
"""

from collections.abc import Sequence
from pathlib import Path

from registry_push.progress import Outcome, Progress

_DATA = Path(__file__).parent.parent / "data"


def lines(name: str) -> list[str]:
    """Return the lines of a recording."""
    return (_DATA / f"rawjson-{name}.txt").read_text(encoding="utf-8").splitlines()


def played(name: str, targets: Sequence[str] = ("base", "api", "worker")) -> tuple[Progress, list[str]]:
    """Read a recording; returns the progress and the targets in the order in which they were done."""
    done: list[str] = []

    def on_done(target: str, _: Outcome) -> None:
        done.append(target)

    progress = Progress(list(targets), on_done=on_done)
    for line in lines(name):
        progress.feed(line)
    return progress, done
