"""Commands of bootstrap as somebody types them: what they print that is news, how they end, and how long they take."""

import re
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

from devtools import progress
from devtools.errors import DevError
from devtools.platform.command import CommandLine
from plugin_kit.console import Console

# Single objects of the work, all of which the plan has named.
_OBJECT = re.compile(r"\s*(==>|create|update|delete) |\s*Copying ")
_WORK = "==> "
_WARNING = "warning: "
_WARNINGS = re.compile(r"\d+ warnings?:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Something that was done."""

    command: str
    what: str
    seconds: float
    code: int | None = None
    """With which it has ended, where it is a command of bootstrap."""


@dataclass(slots=True, kw_only=True)
class Terminal:
    """Runs one command after the other; each must end as it should."""

    command_line: CommandLine
    console: Console
    rows: list[Row] = field(default_factory=list)
    _printed: set[str] = field(default_factory=set)

    def heading(self, text: str) -> None:
        """Begin another part."""
        self.console.info(f"\n{text}\n{'=' * len(text)}")

    def bootstrap(self, *arguments: str, what: str, code: int = 0, says: str = "", login: Path | None = None) -> None:
        """Run `bootstrap ARGUMENTS`, as whoever has `login`; DevError where it ends with another code, or does not say what it should."""
        command = " ".join(("bootstrap", *takewhile(lambda each: not each.startswith("-"), arguments)))
        shown = shlex.join(("bootstrap", *arguments))
        self.console.info(f"\n# {what}\n$ {f'KUBECONFIG={login.name} ' if login else ''}{shown}")
        begun, printed = time.monotonic(), list[str]()
        with self._command_line(login).started(*arguments) as child:
            for line in self._news(_noted(child.stdout or (), printed)):
                progress.say(f"  {line}".rstrip())
            ended = child.wait()
        seconds = time.monotonic() - begun
        progress.say(f"  exit code {ended}, {seconds:.1f} s")
        self.rows.append(Row(command=command, what=what, seconds=seconds, code=ended))
        if ended != code:
            raise DevError(f"{command} ended with {ended} instead of {code}", hint="its output is above")
        if says and not any(says in line for line in printed):
            raise DevError(f"{command} did not say {says!r}", hint="its output is above")

    def took(self, command: str, what: str, seconds: float) -> None:
        """Remember how long something else took."""
        self.rows.append(Row(command=command, what=what, seconds=seconds))

    def show(self) -> None:
        """Print how long each took."""
        rows = [(each.command, each.what, "" if each.code is None else each.code, f"{each.seconds:.1f}") for each in self.rows]
        total = sum(each.seconds for each in self.rows)
        self.heading("How long each took")
        self.console.table(("what ran", "to show", "exit code", "seconds"), [*rows, ("together", "", "", f"{total:.1f}")], align="llrr")

    def _command_line(self, login: Path | None) -> CommandLine:
        if login is None:
            return self.command_line
        environment: Mapping[str, str] = {**self.command_line.environment, "KUBECONFIG": str(login)}
        return replace(self.command_line, environment=environment)

    def _news(self, lines: Iterable[str]) -> Iterator[str]:
        """Leave out what earlier commands have printed, the single objects of the work, and the warnings that are given again at the end.

        What news are indented below comes again.
        """
        works = warns = False
        printed: set[str] = set()
        above: list[str] = []
        for line in lines:
            works = works or line.startswith(_WORK)
            warns = bool(_WARNINGS.fullmatch(line)) or (warns and line.startswith(" "))
            if warns or (works and _OBJECT.match(line)):
                continue
            above = [each for each in above if _indent(each) < _indent(line)]
            if line in self._printed:
                above += [] if line.startswith(_WARNING) else [line]
            else:
                yield from (*above, line)
                above.clear()
            printed.add(line)
        self._printed |= printed


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _noted(lines: Iterable[str], notes: list[str]) -> Iterator[str]:
    for line in lines:
        notes.append(line.rstrip())
        yield notes[-1]
