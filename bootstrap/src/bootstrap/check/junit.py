"""The report as JUnit XML, which CI servers show: a test case for each check."""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bootstrap.check.finding import Finding, Outcome, Result

_SUITE = "bootstrap check"
# What XML 1.0 has no place for, not even as a reference.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml(results: Sequence[Result], *, seconds: float, started: str) -> str:
    """Write the report; `started` is a time as 2026-11-23T19:30:00."""
    failed = sum(result.outcome is Outcome.FAILED for result in results)
    skipped = sum(result.outcome is Outcome.SKIPPED for result in results)
    totals = {"tests": str(len(results)), "failures": str(failed), "errors": "0", "time": f"{seconds:.3f}"}
    suites = Element("testsuites", {"name": _SUITE, **totals})
    suite = SubElement(suites, "testsuite", {"name": _SUITE, **totals, "skipped": str(skipped), "timestamp": started})
    for result in results:
        case = SubElement(suite, "testcase", {"classname": "bootstrap.check", "name": result.check.title, "time": "0.000"})
        _ending(case, result)
        SubElement(case, "system-out").text = _clean("\n".join(_notes(result)))
    indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _ending(case: Element, result: Result) -> None:
    errors = [finding for finding in result.findings if not finding.is_warning]
    if result.outcome is Outcome.SKIPPED:
        SubElement(case, "skipped", {"message": _clean("; ".join(result.looked.unseen) or "nothing to look at")})
    elif errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        failure = SubElement(case, "failure", {"type": result.check.name, "message": _clean(f"{first.where}: {first.text}{more}")})
        failure.text = _clean("\n".join(_line(finding) for finding in errors))


def _notes(result: Result) -> list[str]:
    warnings = [f"warning: {_line(finding)}" for finding in result.findings if finding.is_warning]
    looked = [f"looked at: {result.looked.at}"] if result.looked.at else []
    return [*looked, *warnings, *(f"not looked at: {unseen}" for unseen in result.looked.unseen)]


def _line(finding: Finding) -> str:
    return f"{finding.where}: {finding.text}\n  hint: {finding.hint}"


def _clean(text: str) -> str:
    return _IMPOSSIBLE.sub("?", text)
