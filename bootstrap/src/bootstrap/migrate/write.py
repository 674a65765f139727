"""Writing the changes: all of them, or none."""

import os
from collections.abc import Sequence
from pathlib import Path

from bootstrap.migrate import journal
from bootstrap.migrate.journal import Journal
from bootstrap.migrate.plan import Change
from plugin_kit.errors import PluginError


def write(root: Path, changes: Sequence[Change]) -> None:
    """Write every change; PluginError, with every file as it was, where one can't be written or is no longer what was planned for."""
    with journal.held(root) as held:
        if held.is_begun:
            raise PluginError(f"another `bootstrap migrate --write` was stopped in {root} meanwhile", hint="run it again")
        try:
            _write(root, held, changes)
        except BaseException as failure:
            try:
                held.undo()
            except PluginError as error:
                raise PluginError(
                    "writing failed, and not every file could be put back",
                    details=[error.message],
                    hint=f"what they were is in {root / journal.NAME}: put it right, and `bootstrap migrate` puts back the rest",
                ) from failure
            raise


def _write(root: Path, held: Journal, changes: Sequence[Change]) -> None:
    for change in changes:
        _check(root, change)
    entries = held.begin([(change.path, change.before, change.after) for change in changes])
    # All of it is made before the first file changes: a disk that is full is so by then.
    for entry in entries:
        if entry.after is not None:
            held.prepare(entry, entry.after)
    for entry in entries:
        held.exchange(entry, entry.after)
    held.close(entries)


def _check(root: Path, change: Change) -> None:
    file = root / change.path
    if (file.read_bytes() if file.exists() else None) != change.before:
        raise PluginError(f"{change.path} has changed meanwhile", hint="nothing was changed; run it again")
    if not os.access(file.parent, os.W_OK):
        raise PluginError(f"can't write into {change.path.parent}", hint="nothing was changed; put its permissions right and run it again")
