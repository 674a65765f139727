"""A run in a process that kills itself: `python -m tests.bootstrap.migrate.killed write|recover FOLDER...`.

Of each folder copies are made beside it, `FOLDER.0`, `FOLDER.1` and so on. In each the run dies right before one more of its steps: what it
does to names, permissions and contents, as Python's audit events tell. The last copy is the one in which it ran to its end.
"""

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path, PurePosixPath

from bootstrap.migrate import journal
from bootstrap.migrate.plan import Change, Reason
from bootstrap.migrate.write import write

WHY = (Reason(text="test"),)
CHANGES = (
    Change(path=PurePosixPath("a.yaml"), before=b"a: 1\n", after=b"a: 2\n", reasons=WHY),
    Change(path=PurePosixPath("b/gone.yaml"), before=b"b: 1\n", after=None, reasons=WHY),
    Change(path=PurePosixPath("made.yaml"), before=None, after=b"c: 1\n", reasons=WHY),
    Change(path=PurePosixPath("z.yaml"), before=b"z: 1\n", after=b"z: 2\n", reasons=WHY),
)
_STEPS = frozenset({"open", "os.rename", "os.remove", "os.chmod"})


def lay(root: Path) -> None:
    """Write the files that are to change."""
    (root / "b").mkdir(parents=True)
    for change in CHANGES:
        if change.before is not None:
            (root / change.path).write_bytes(change.before)
    (root / "a.yaml").chmod(0o440)
    (root / "z.yaml").chmod(0o640)


def _die_before(step: int) -> None:
    steps = count()

    def hook(event: str, _: object) -> None:
        if event in _STEPS and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _run(what: str, root: Path) -> None:
    if what == "write":
        write(root, CHANGES)
    else:
        journal.recover(root)


def _kill_everywhere(what: str, folder: Path) -> None:
    for step in range(200):
        root = folder.with_name(f"{folder.name}.{step}")
        shutil.copytree(folder, root)
        child = os.fork()
        if child == 0:
            _die_before(step)
            _run(what, root)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return
    sys.exit(f"{what} has more steps than were expected")


if __name__ == "__main__":
    for name in sys.argv[2:]:
        _kill_everywhere(sys.argv[1], Path(name))
