"""How a check has ended, and what it has found."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar


class Outcome(StrEnum):
    """How a check ended; `skipped` is one that found nothing to look at."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Finding(Protocol):
    """One thing that is wrong, or odd: where, what, and how to put it right."""

    @property
    def where(self) -> str:
        """The place; empty where the text names it."""

    @property
    def text(self) -> str:
        """What is wrong."""

    @property
    def hint(self) -> str:
        """What to do."""

    @property
    def is_warning(self) -> bool:
        """Whether it is only odd."""


F = TypeVar("F", bound=Finding)


# Without slots: with them a frozen generic can't be made by its alias (Python 3.11).
@dataclass(frozen=True, kw_only=True)
class Looked(Generic[F]):
    """What a check looked at, with numbers, what it found, and what it could not look at and why."""

    at: str = ""
    findings: tuple[F, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst of what was found."""
        if any(not each.is_warning for each in self.findings):
            return Outcome.FAILED
        if self.findings:
            return Outcome.WARNING
        return Outcome.OK if self.at else Outcome.SKIPPED


class Result(Protocol):
    """How a check ended."""

    @property
    def name(self) -> str:
        """Its name, for programs."""

    @property
    def title(self) -> str:
        """Its name, for people."""

    @property
    def seconds(self) -> float:
        """How long it took."""

    @property
    def looked_at(self) -> str:
        """What was looked at; empty where there was nothing."""

    @property
    def unseen(self) -> Sequence[str]:
        """What could not be looked at, and why."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What was found, each thing once, errors first."""

    @property
    def outcome(self) -> Outcome:
        """The worst of it."""
