"""What a person reads in the log of a step.

    ==> Building 14 images
    api | #5 exporting layers
    warning: the cache of shop/web could not be read
      hint: ...
        Building 14 images: done in 1m 05s, 9 of them unchanged

No cursor movement, since the log of a step is a file; colour only where it is wanted.
"""

import os
import re
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from plugin_kit.errors import Cancelled, PluginError
from plugin_kit.redact import Redactor

WIDTH = 119

_BOLD, _DIM, _RED, _YELLOW, _GREEN, _BLUE = "1", "2", "1;31", "1;33", "32", "1;34"
_NARROWEST_COLUMN = 8
# Of a column of sentences.
_NARROWEST_TEXT = 30
# Lines that a person sees without scrolling.
_IN_VIEW = 15
_GAP = "  "
_STYLE_SEQUENCE = re.compile(r"\x1b\[[0-9;:]*m")
# What moves the cursor or worse: other CSI sequences, OSC (titles, links; ended by BEL or ST), short escapes, control characters but tab.
_CONTROL_SEQUENCE = re.compile(
    r"\x1b\[[0-9;:?<=>]*[ -/]*[@-ln-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]"
)
_RESET = "\x1b[0m"
_MINUTE = 60
_HOUR = 3600
_KIB = 1024


class Step:
    """A piece of work that is under way."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._note = ""

    def note(self, text: str) -> None:
        """Say this on the line that ends the step; the last note counts."""
        self._note = text

    def ending(self, what: str) -> str:
        """Give the line that ends the step."""
        return f"{self.title}: {what}{', ' if self._note else ''}{self._note}"


class Console:
    """Writes whole lines, each without secrets and flushed at once; may be used from several threads."""

    def __init__(
        self,
        out: TextIO | None = None,
        redactor: Redactor | None = None,
        *,
        colour: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out or sys.stdout
        self.redactor = redactor or Redactor()
        self._colour = _wants_colour(self._out) if colour is None else colour
        self._clock = clock
        self._lock = threading.RLock()
        # Where in the log each warning stands, in lines from the top.
        self._warnings: dict[tuple[str, str | None, tuple[str, ...]], int] = {}
        self._forgiven: list[PluginError] = []
        self._height = 0

    def info(self, text: str) -> None:
        """Say something that everybody should read."""
        self._write(self._lines(text))

    def detail(self, text: str) -> None:
        """Say something for those who look closer."""
        self._write(self._lines(text, indent="    ", style=_DIM))

    def raw(self, line: str, prefix: str = "") -> None:
        """Pass on a line of a child's output, named by the prefix; what would move the cursor is taken out."""
        head = self._styled(self._clean(prefix), _DIM)
        self._write(f"{head}{text}" for text in self._childs_colours(line).split("\n"))

    def warn(self, text: str, hint: str | None = None, details: Sequence[str] = ()) -> None:
        """Say what is wrong but does not stop the work; `finish` says it again. The same warning is given once."""
        with self._lock:
            warning = (text, hint, tuple(details))
            if warning not in self._warnings:
                self._warnings[warning] = self._height
                self._write(self._block("warning: ", text, details=details, hint=hint, style=_YELLOW))

    def forgive(self, error: PluginError) -> None:
        """Remember what went wrong without failing the step; `finish` says it, as a warning at the very end of the log."""
        with self._lock:
            self._forgiven.append(error)

    def error(self, error: PluginError) -> None:
        """Say what stopped the work, why, and what to do."""
        self._write(self._block("error: ", error.message, details=error.details, hint=error.hint, style=_RED))

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Print the title when the block begins, and when it ends how it ended and how long it took."""
        step = Step(title)
        begin = self._clock()
        self._write(self._lines(title, first="==> ", style=_BLUE))
        how, style = "failed after", _RED
        try:
            yield step
            how, style = "done in", _GREEN
        except (Cancelled, KeyboardInterrupt):
            how, style = "cancelled after", _YELLOW
            raise
        finally:
            self._write(self._lines(step.ending(f"{how} {elapsed(self._clock() - begin)}"), indent="    ", style=style))

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]], align: str = "", title: str | None = None) -> None:
        """Print rows in columns that fit the log; without rows nothing is printed.

        `align` has an `l` or `r` for each column. Cells that are too long lose their middle; those of a last column to the left, where
        there are sentences, go on in the next line.
        """
        cells = [[" ".join(self._clean(str(cell)).split()) for cell in row] for row in rows]
        if not cells:
            return
        heads = [self._clean(head) for head in headers]
        sides = align.ljust(len(heads), "l")
        widest = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        widths = _fit(widest, wraps=sides[-1] == "l" and len(heads) > 1)
        lines = [self._styled(self._clean(title), _BOLD)] if title else []
        lines += [self._styled(line, _BOLD) for line in _row(heads, widths, sides)]
        lines += [line for row in cells for line in _row(row, widths, sides)]
        self._write(lines)

    def finish(self) -> None:
        """Repeat the warnings that by then are far up in the log, and say what was forgiven."""
        with self._lock:
            warnings = [warning for warning, line in self._warnings.items() if self._height - line > _IN_VIEW]
            forgiven = list(self._forgiven)
        if warnings:
            count = "1 warning:" if len(warnings) == 1 else f"{len(warnings)} warnings:"
            blocks = [line for text, hint, details in warnings for line in self._block("- ", text, details=details, hint=hint)]
            self._write([self._styled(count, _YELLOW), *(f"  {line}" for line in blocks)])
        for error in forgiven:
            self._write(self._block("warning: ", error.message, details=error.details, hint=error.hint, style=_YELLOW))

    def _block(self, label: str, text: str, *, details: Sequence[str] = (), hint: str | None = None, style: str = "") -> Iterator[str]:
        """Lay out a message: wrapped between words, since it is prose, but its details as they are, since they quote others."""
        head, *rest = wrapped(label + self._clean(text), indent="  ")
        yield self._styled(label, style) + self._styled(head.removeprefix(label), _BOLD if style == _RED else "")
        yield from rest
        for detail in details:
            yield from (f"  {line}" for line in self._clean(detail).split("\n"))
        if hint:
            yield from wrapped(f"  hint: {self._clean(hint)}", indent="        ")

    def _lines(self, text: str, *, first: str = "", indent: str = "", style: str = "") -> Iterator[str]:
        indent = indent or " " * len(first)
        for number, line in enumerate(self._clean(text).split("\n")):
            yield self._styled(f"{indent if number or not first else first}{line}", style) if line else ""

    def _clean(self, text: str) -> str:
        return self.redactor.text(_STYLE_SEQUENCE.sub("", _without_movement(text)))

    def _childs_colours(self, text: str) -> str:
        still = _without_movement(text)
        plain = _STYLE_SEQUENCE.sub("", still)
        redacted = self.redactor.text(plain)
        # Colours inside a secret would hide it from the redactor: a line with a secret loses its colours.
        if not self._colour or redacted != plain or still == plain:
            return redacted
        return still + _RESET

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}{_RESET}" if self._colour and style and text else text

    def _write(self, lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        with self._lock:
            try:
                self._out.write(text)
            except UnicodeEncodeError:
                encoding = self._out.encoding
                self._out.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._out.flush()
            self._height += text.count("\n")


def elapsed(seconds: float) -> str:
    """Say a time the way people do: 0.4s, 59.9s, 1m 05s, 1h 02m 05s."""
    tenths = round(max(seconds, 0), 1)
    if tenths < _MINUTE:
        return f"{tenths:.1f}s"
    whole = round(seconds)
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    return (f"{hours}h {minutes:02}m" if hours else f"{minutes}m") + f" {whole % _MINUTE:02}s"


def lasting(seconds: float) -> str:
    """Say a time that somebody has set, without what it does not say: 30s, 2m, 1m 30s, 0.5s."""
    whole = round(seconds)
    if whole < 1:
        return f"{seconds:.1f}s" if seconds > 0 else "0s"
    if whole < _MINUTE:
        return f"{whole}s"
    return elapsed(whole).removesuffix(" 00s").replace(" 00m", "")


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 image`, `14 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size(count: int) -> str:
    """Write a number of bytes for people: 512 B, 1.5 KiB, 2.0 GiB."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < _KIB:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _KIB
    return f"{amount:.1f} GiB"


def shorten(text: str, width: int) -> str:
    """Cut the middle out of a text that is longer than the width: in names and digests both ends tell them apart."""
    if len(text) <= width:
        return text
    keep = width - len("...")
    head = -(-keep // 2)
    return f"{text[:head]}...{text[len(text) - (keep - head) :]}"


def wrapped(text: str, *, indent: str = "", width: int = WIDTH) -> list[str]:
    """Break a text between words, all lines but the first with an indent; long words stay whole: addresses and commands are copied."""
    lines: list[str] = []
    for part in text.split("\n"):
        lines += textwrap.wrap(
            part,
            width,
            initial_indent=indent if lines else "",
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        ) or [""]
    return lines


def _without_movement(text: str) -> str:
    # A progress bar overwrites itself with carriage returns: its last state is what counts.
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.rstrip("\r\n").split("\n"))
    return "\n".join(_CONTROL_SEQUENCE.sub("", line) for line in lines)


def _fit(widths: list[int], *, wraps: bool) -> list[int]:
    """Narrow the widest columns until the table fits; a last column that wraps gives way first."""
    room = WIDTH - len(_GAP) * len(widths)
    if wraps:
        widths[-1] = min(widths[-1], max(room - sum(widths[:-1]), _NARROWEST_TEXT))
    narrowed = len(widths) - wraps
    while sum(widths) > room and max(widths[:narrowed]) > _NARROWEST_COLUMN:
        widths[widths.index(max(widths[:narrowed]))] -= 1
    return widths


def _row(cells: Sequence[str], widths: Sequence[int], sides: str) -> list[str]:
    """Lay out a row of a table, in as many lines as its last cell needs."""
    *firsts, last = cells
    texts = wrapped(last, width=widths[-1]) if sides[-1] == "l" and firsts else [shorten(last, widths[-1])]
    shown = [shorten(cell, width) for cell, width in zip(firsts, widths, strict=False)]
    rows = [[*shown, texts[0]], *([*("" for _ in firsts), text] for text in texts[1:])]
    justify = [str.rjust if side == "r" else str.ljust for side in sides]
    return [(_GAP + _GAP.join(just(cell, width) for just, cell, width in zip(justify, row, widths, strict=True))).rstrip() for row in rows]


def _wants_colour(out: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or out.isatty()
