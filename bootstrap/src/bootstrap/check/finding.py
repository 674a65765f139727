"""What a check is, and what it has found."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bootstrap.check.subject import Subject


class Outcome(StrEnum):
    """How a check ended; `skipped` is one that found nothing to look at."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a check looked at, with numbers, what it found, and what it could not look at and why."""

    at: str = ""
    findings: tuple[Finding, ...] = ()
    unseen: tuple[str, ...] = ()


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
    def findings(self) -> tuple[Finding, ...]:
        """What was found, each thing once, errors first."""
        order = sorted(set(self.looked.findings), key=lambda each: (each.is_warning, each.file, each.line, each.text))
        return tuple(order)

    @property
    def outcome(self) -> Outcome:
        """The worst of what was found."""
        if any(not each.is_warning for each in self.looked.findings):
            return Outcome.FAILED
        if self.looked.findings:
            return Outcome.WARNING
        return Outcome.OK if self.looked.at else Outcome.SKIPPED
