"""What a check is, and what it has found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bootstrap.check.subject import Subject
from bootstrap.results import result
from bootstrap.results.result import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or odd: where, what, and how to put it right; line 0 is the file as a whole."""

    file: str
    line: int = 0
    text: str
    hint: str
    is_warning: bool = False

    @property
    def where(self) -> str:
        """`file:line`, as editors take it."""
        return f"{self.file}:{self.line}" if self.line else self.file


Looked: TypeAlias = result.Looked[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of the report; `look` reads nothing but its subject."""

    name: str
    title: str
    look: Callable[[Subject], Looked]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a check ended."""

    check: Check
    looked: Looked

    @property
    def name(self) -> str:
        """The name of the check."""
        return self.check.name

    @property
    def title(self) -> str:
        """Its title."""
        return self.check.title

    @property
    def seconds(self) -> float:
        """No time of its own: what takes time is read before the first check."""
        return 0.0

    @property
    def looked_at(self) -> str:
        """What was looked at."""
        return self.looked.at

    @property
    def unseen(self) -> tuple[str, ...]:
        """What could not be looked at."""
        return self.looked.unseen

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, each thing once, errors first."""
        order = sorted(set(self.looked.findings), key=lambda each: (each.is_warning, each.file, each.line, each.text))
        return tuple(order)

    @property
    def outcome(self) -> Outcome:
        """The worst of what was found."""
        return self.looked.outcome
