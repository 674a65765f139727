"""The report as JUnit XML, which CI servers show: a test case for each check."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bootstrap import terminal
from bootstrap.results.result import Finding, Outcome, Result
from plugin_kit.errors import PluginError

# What XML 1.0 has no place for, not even as a reference.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(file: Path, results: Sequence[Result], *, command: str, begun: float) -> None:
    """Write the report of a command into a file, without secrets; `begun` is the monotonic time when the checks began."""
    seconds, started = monotonic() - begun, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    text = xml(results, command=command, seconds=seconds, started=started, redacted=terminal.redacted)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PluginError(f"can't write {file}: {error.strerror}", hint="name another file with --junit") from error


def xml(results: Sequence[Result], *, command: str, seconds: float, started: str, redacted: Callable[[str], str] = str) -> str:
    """Write the report of a command; `started` is a time as 2026-11-23T19:30:00, and what checks have said goes through `redacted`."""
    failed = sum(result.outcome is Outcome.FAILED for result in results)
    skipped = sum(result.outcome is Outcome.SKIPPED for result in results)
    totals = {"tests": str(len(results)), "failures": str(failed), "errors": "0", "time": f"{seconds:.3f}"}
    suites = Element("testsuites", {"name": f"bootstrap {command}", **totals})
    suite = SubElement(suites, "testsuite", {"name": f"bootstrap {command}", **totals, "skipped": str(skipped), "timestamp": started})
    for result in results:
        case = SubElement(suite, "testcase", {"classname": f"bootstrap.{command}", "name": result.title, "time": f"{result.seconds:.3f}"})
        _ending(case, result)
        SubElement(case, "system-out").text = "\n".join(_notes(result))
    for element in suites.iter():
        element.text = _clean(redacted(element.text or ""))
        if "message" in element.attrib:
            element.set("message", _clean(redacted(element.attrib["message"])))
    indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _ending(case: Element, result: Result) -> None:
    errors = [finding for finding in result.findings if not finding.is_warning]
    if result.outcome is Outcome.SKIPPED:
        SubElement(case, "skipped", {"message": "; ".join(result.unseen) or "nothing to look at"})
    elif errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        failure = SubElement(case, "failure", {"type": result.name, "message": f"{_said(first)}{more}"})
        failure.text = "\n".join(_line(finding) for finding in errors)


def _notes(result: Result) -> list[str]:
    warnings = [f"warning: {_line(finding)}" for finding in result.findings if finding.is_warning]
    looked = [f"looked at: {result.looked_at}"] if result.looked_at else []
    return [*looked, *warnings, *(f"not looked at: {unseen}" for unseen in result.unseen)]


def _line(finding: Finding) -> str:
    return f"{_said(finding)}\n  hint: {finding.hint}"


def _said(finding: Finding) -> str:
    return f"{finding.where}: {finding.text}" if finding.where else finding.text


def _clean(text: str) -> str:
    return _IMPOSSIBLE.sub("?", text)
