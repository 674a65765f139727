"""What a person reads: one line for each check, what is wrong below it; and the same as JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bootstrap.check.finding import Finding, Outcome, Result
from plugin_kit.console import Console, counted, wrapped

# Of one check; more of them have one cause.
_MOST_SHOWN = 20
_INDENT = " " * 4


def show(console: Console, results: Sequence[Result]) -> None:
    """Print every check, and how they ended."""
    width = max(len(result.check.title) for result in results)
    for result in results:
        what = result.looked.at or ("" if result.findings else "nothing to look at")
        head = f"{result.outcome.value:<7}  {result.check.title:<{width}}  "
        console.info("\n".join(wrapped(f"{head}{what}", indent=" " * len(head))))
        for finding in result.findings[:_MOST_SHOWN]:
            console.info(_block(finding))
        if len(result.findings) > _MOST_SHOWN:
            console.info(f"{_INDENT}and {len(result.findings) - _MOST_SHOWN} more; --json has them all")
        for unseen in result.looked.unseen:
            console.info("\n".join(wrapped(f"{_INDENT}not looked at: {unseen}", indent=_INDENT * 2)))
    console.info(f"{counted(len(results), 'check')}: {_counts(results)}")


def exit_code(results: Sequence[Result]) -> int:
    """Return 1 where a check has failed; warnings and what was skipped leave it at 0."""
    return int(any(result.outcome is Outcome.FAILED for result in results))


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


def _block(finding: Finding) -> str:
    label = "warning: " if finding.is_warning else ""
    lines = wrapped(f"{_INDENT}{finding.where}: {label}{finding.text}", indent=_INDENT * 2)
    return "\n".join([*lines, *wrapped(f"{_INDENT * 2}hint: {finding.hint}", indent=_INDENT * 2 + " " * 6)])


def _counts(results: Sequence[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
