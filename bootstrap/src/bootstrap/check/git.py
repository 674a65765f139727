"""What git says of a folder: lines of its output, and the names in them."""

import re
from pathlib import Path

from plugin_kit import process
from plugin_kit.errors import ProcessError

_SECONDS = 20.0
_ESCAPED = re.compile(r"\\(?:([0-7]{3})|(.))")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def lines(root: Path, *arguments: str) -> list[str] | None:
    """Run a git command that only reads; None where git is missing, or the folder is no repository."""
    argv = ["git", "-c", f"safe.directory={root.resolve()}", "-c", "core.quotePath=off", "-C", str(root), *arguments]
    printed: list[str] = []
    try:
        process.run(argv, timeout=_SECONDS, on_line=lambda stream, line: printed.append(line) if stream == "stdout" else None)
    except ProcessError:
        return None
    return [line for line in printed if line]


def names(root: Path) -> list[str] | None:
    """Return the names of all files that git does not ignore."""
    # Not with -z: a megabyte without a line feed is taken in pieces.
    listed = lines(root, "ls-files", "-co", "--exclude-standard")
    return None if listed is None else [unquoted(line) for line in listed]


def unquoted(line: str) -> str:
    """Return a name as it is, of which git has put a special character, or a blank, into quotes as C has them."""
    if not line.startswith('"'):
        return line
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)) if found[1] else _ESCAPES.get(found[2], found[2]), line[1:-1])
