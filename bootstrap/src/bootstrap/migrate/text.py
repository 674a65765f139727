"""A text and the changes that are made to it: everything outside of them stays as it is, to the byte."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Edit:
    """What stands between two positions of a text is replaced, for a reason that a person reads."""

    start: int
    end: int
    text: str = ""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is left alone and a person should look at; line 0 is the file as a whole."""

    file: str
    line: int = 0
    text: str
    hint: str

    @property
    def where(self) -> str:
        """`file:line`, as editors take it."""
        return f"{self.file}:{self.line}" if self.line else self.file


class OverlapError(Exception):
    """Two changes of the same place: what was meant can't be known."""


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with the edits made; those inside of a larger one have no effect of their own."""
    parts: list[str] = []
    at = 0
    for edit in outermost(edits):
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])


def outermost(edits: Iterable[Edit]) -> list[Edit]:
    """Return edits in their order, without those inside of a larger one; of two that overlap both must be removals, else OverlapError."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda each: (each.start, -each.end)):
        last = kept[-1] if kept else None
        if last is None or edit.start >= last.end:
            kept.append(edit)
        elif edit.end > last.end:
            if edit.text or last.text:
                raise OverlapError
            # Both have taken the blank line between them.
            kept[-1] = replace(last, end=edit.end)
    return kept


def line_of(text: str, position: int) -> int:
    """Return the number of the line, from 1."""
    return sum(1 for _ in _LINE_END.finditer(text, 0, position)) + 1


def line_start(text: str, position: int) -> int:
    """Return where the line of a position begins."""
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def line_above(text: str, start: int) -> int:
    """Return where the line above the one that begins here begins."""
    return line_start(text, start - (2 if text[:start].endswith("\r\n") else 1))


def line_end(text: str, position: int) -> int:
    """Return where the line of a position ends, its line end included."""
    found = _LINE_END.search(text, position)
    return found.end() if found else len(text)


def lines(text: str) -> list[tuple[int, str]]:
    """Return the lines of a text without their ends, each with its position."""
    found, at = [], 0
    for end in _LINE_END.finditer(text):
        found.append((at, text[at : end.start()]))
        at = end.end()
    return [*found, (at, text[at:])] if at < len(text) else found


def without_gap(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a range of whole lines by one blank line, where taking it out would leave two of them, or one at an end of the text."""
    before = line_above(text, start) if start else 0
    blank_before = start == 0 or not text[before:start].strip()
    after = line_end(text, end)
    blank_after = end >= len(text) or not text[end:after].strip()
    if not (blank_before and blank_after):
        return start, end
    if end < len(text):
        return start, after
    return (before, end) if start else (start, end)
