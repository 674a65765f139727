"""What a check of the live platform has found, and how it ended."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from bootstrap.core.errors import AbsentError
from bootstrap.results import result
from bootstrap.results.result import Outcome
from bootstrap.verify.times import since
from plugin_kit.errors import PluginError

if TYPE_CHECKING:
    from bootstrap.verify.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or odd: where, what, since when where that is known, and what to do."""

    where: str
    problem: str
    hint: str
    is_warning: bool = False
    begun: datetime | None = None
    """Since when it is so."""

    @property
    def text(self) -> str:
        """What is wrong, and since when."""
        # What Kubernetes says ends with a full stop at times.
        return f"{self.problem.rstrip('.')}, {since(self.begun)}" if self.begun else self.problem


_NOT_HERE = "`bootstrap up`, or another kubeconfig"
_AGAIN = "run it again with --only; if it stays, the log of that part says more"

Looked: TypeAlias = result.Looked[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report. `look` may raise PluginError, which is a finding, too."""

    name: str
    title: str
    how: str
    """How it is checked, in a few words."""
    look: Callable[["Scene"], Looked]
    needs: tuple[str, ...] = ()
    """Rows without which this one says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a row ended."""

    row: Row
    looked: Looked
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The name of the row."""
        return self.row.name

    @property
    def title(self) -> str:
        """Its title."""
        return self.row.title

    @property
    def looked_at(self) -> str:
        """What was looked at."""
        return self.looked.at

    @property
    def unseen(self) -> Sequence[str]:
        """What could not be looked at."""
        return self.looked.unseen

    @property
    def findings(self) -> Sequence[Finding]:
        """What was found, each thing once, errors first."""
        return sorted(dict.fromkeys(self.looked.findings), key=lambda each: each.is_warning)

    @property
    def outcome(self) -> Outcome:
        """The worst of what was found."""
        return self.looked.outcome


def trouble(where: str, error: PluginError, *, hint: str = "", begun: datetime | None = None) -> Finding:
    """Make a finding of an error."""
    details = "; ".join(" ".join(each.split()) for each in error.details)
    return Finding(
        where=where,
        problem=f"{error.message}{f' ({details})' if details else ''}",
        hint=hint or error.hint or (_NOT_HERE if isinstance(error, AbsentError) else _AGAIN),
        begun=begun,
    )


def joined(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Tell once of several places what is the same of all."""
    alike: dict[Finding, list[str]] = {}
    for each in findings:
        alike.setdefault(replace(each, where=""), []).append(each.where)
    return tuple(replace(each, where=", ".join(names)) for each, names in alike.items())
