"""The changes as a unified diff, without what nobody should read."""

import difflib
from collections.abc import Iterator

from bootstrap.migrate.plan import Action, Change
from plugin_kit.redact import Redactor


def diff(change: Change, redactor: Redactor) -> Iterator[str]:
    """Yield the lines of the diff of a file; one that goes is named, and not shown again."""
    before, after = (_lines(content) for content in (change.before, change.after))
    old, new = (
        (f"a/{change.path}" if change.before is not None else "/dev/null"),
        (f"b/{change.path}" if change.after is not None else "/dev/null"),
    )
    if change.action is Action.DELETE:
        yield f"--- {old}"
        yield f"+++ {new}"
        yield f"({len(before)} lines)"
        return
    for number, line in enumerate(difflib.unified_diff(before, after, old, new)):
        yield redactor.text(line.rstrip("\r\n"))
        if number > 1 and not line.endswith(("\n", "\r")):
            yield "\\ No newline at end of file"


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode().splitlines(keepends=True)
