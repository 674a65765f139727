"""Processes as tests see them: alive, gone, and waited for with a deadline."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

# A shell script that ends on SIGKILL only; says when it is ready for the signal.
STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.1; done"

_LISTEN = "0A"


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Tell whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def runs(pid: int) -> bool:
    """Tell whether a process is alive, a zombie not being so."""
    return state(pid) not in {None, "Z"}


def state(pid: int) -> str | None:
    """Give the state of a process in the kernel's letter (T: stopped, Z: zombie), None where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_gone(pid: int) -> bool:
    """Tell whether a process ends in time."""
    return wait_for(lambda: not runs(pid))


def children() -> set[int]:
    """Give the children of this process, zombies included."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        # A thread may have ended since it was listed.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.update(map(int, (task / "children").read_text().split()))
    return found


def listening(pid: int) -> set[str]:
    """Give the addresses at which a process listens, as the kernel writes them: IPv4 in hexadecimal digits, lowest byte first."""
    sockets: set[str] = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        # A file may have been closed since it was listed.
        with contextlib.suppress(FileNotFoundError):
            sockets.add(str(link.readlink()))
    lines = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]]
    return {line[1].split(":")[0] for line in lines if line[3] == _LISTEN and f"socket:[{line[9]}]" in sockets}
