"""What a person reads of `verify`, and the same as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bootstrap.results import report
from bootstrap.results.result import Outcome
from bootstrap.verify.finding import Finding, Looked, Result, Row
from plugin_kit.console import Console, counted, elapsed


@dataclass(slots=True, kw_only=True)
class Table:
    """The lines, written one by one."""

    console: Console
    rows: Sequence[Row]
    _told: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Write a line; what an earlier one has said already is not said again."""
        findings = _with_one_hint([self._shortened(result, each) for each in result.findings])
        # How it was checked is of interest where something was found.
        at = " ".join(part for part in (result.looked.at, f"({result.row.how})" if findings else "") if part)
        shown = replace(result, looked=Looked(at=at, findings=findings, unseen=result.looked.unseen))
        report.show_one(self.console, shown, max(len(row.title) for row in self.rows), brief=True)

    def end(self, results: Sequence[Result], *, seconds: float) -> None:
        """Write how it ended, with the names of what is broken: in the morning that is all that is on the screen."""
        self.console.info(f"{counted(len(results), 'check')} in {elapsed(seconds)}: {report.counts(results)}")
        broken = [result.name for result in results if result.outcome is Outcome.FAILED]
        if broken:
            self.console.info(f"Again, after a repair: bootstrap verify --only {','.join(broken)}")

    def _shortened(self, result: Result, finding: Finding) -> Finding:
        key = (finding.problem, finding.hint)
        first = self._told.setdefault(key, result.title)
        return finding if first == result.title else replace(finding, problem=f"the same as of {first}", hint="", begun=None)


def _with_one_hint(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Leave a remedy that several in a row have to the last of them."""
    behind = [*(each.hint for each in findings), ""][1:]
    return tuple(replace(each, hint="" if each.hint == hint else each.hint) for each, hint in zip(findings, behind, strict=True))


def as_json(results: Sequence[Result], *, left: Sequence[str] = ()) -> dict[str, Any]:
    """Return the report for programs; `left` is what a run has left behind."""
    return {
        "outcome": "failed" if report.exit_code(results) else "ok",
        "left_behind": list(left),
        "checks": [
            {
                "name": result.name,
                "title": result.title,
                "how": result.row.how,
                "outcome": result.outcome.value,
                "seconds": round(result.seconds, 3),
                "looked_at": result.looked_at,
                "not_looked_at": list(result.unseen),
                "findings": [_finding(each) for each in result.findings],
            }
            for result in results
        ],
    }


def _finding(finding: Finding) -> Mapping[str, Any]:
    return {
        "severity": "warning" if finding.is_warning else "error",
        "where": finding.where,
        "text": finding.problem,
        "since": finding.begun.isoformat() if finding.begun else None,
        "hint": finding.hint,
    }
