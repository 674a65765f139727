"""The real `bootstrap up`, killed in the middle of a component."""

import itertools
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from devtools.platform.world import PlatformWorld
from tests.support.processes import is_gone, state, wait_for

_CHANGE = re.compile(r"    (create|update|replace|rotate|upgrade|delete|adopt|recover) ")
_RELEASE = " Helm release "
_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """What was killed."""

    title: str
    """Of the component."""
    helms: tuple[int, ...]
    """Each Helm that it had started, and that was in the middle of something."""
    survivors: tuple[int, ...]
    """Those that have not died with it."""


def kill_in(world: PlatformWorld, title: str) -> Kill:
    """Run `up` until it has begun with a change of a component, where there is one of a release until Helm is at work, and kill it."""
    with world.command_line.started("up", "--yes") as child:
        assert child.stdout
        said: list[str] = []
        for line in child.stdout:
            said.append(line)
            if f"==> {title}\n" in said and _CHANGE.match(line) and (_RELEASE in line or not _has_release(said, title)):
                break
        else:
            raise AssertionError(f"no change in {title}, and it ended with {child.wait()}:\n{''.join(said)}")
        if _RELEASE in line:
            assert wait_for(lambda: bool(_helms(child.pid)), _SECONDS)
        # Held, so that none comes to its end by itself.
        helms = tuple(pid for pid in _helms(child.pid) if _is_held(pid))
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    survivors = tuple(pid for pid in helms if not is_gone(pid))
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)
    return Kill(title=title, helms=helms, survivors=survivors)


def _has_release(said: list[str], title: str) -> bool:
    """Tell whether the plan names a release for a component."""
    rest = said[said.index(f"{title}\n") + 1 :]
    return any(_RELEASE in line for line in itertools.takewhile(lambda line: line.startswith(" "), rest))


def _helms(pid: int) -> tuple[int, ...]:
    """Find those that have become Helm: before that, each is a Python that gets ready for it."""
    return tuple(each for each in _descendants(pid) if (line := _command_line(each)) and "helm" in line and "child.py" not in line)


def _is_held(pid: int) -> bool:
    """Stop a process, if it has not ended."""
    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        return False
    assert wait_for(lambda: state(pid) in {"T", "Z", None})
    return state(pid) == "T"


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _descendants(pid: int) -> tuple[int, ...]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(each) for each in task.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += [other for each in direct for other in (each, *_descendants(each))]
    return tuple(found)
