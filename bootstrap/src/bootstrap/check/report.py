"""The report as JSON, for programs; people read that of bootstrap.results."""

from collections.abc import Sequence
from typing import Any

from bootstrap.check.finding import Finding, Result
from bootstrap.results.report import exit_code


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """Return the report for programs."""
    return {
        "outcome": "failed" if exit_code(results) else "ok",
        "checks": [
            {
                "name": result.check.name,
                "title": result.check.title,
                "outcome": result.outcome.value,
                "looked_at": result.looked.at,
                "not_looked_at": list(result.looked.unseen),
                "findings": [_finding(finding) for finding in result.findings],
            }
            for result in results
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "severity": "warning" if finding.is_warning else "error",
        "file": finding.file,
        "line": finding.line or None,
        "text": finding.text,
        "hint": finding.hint,
    }
