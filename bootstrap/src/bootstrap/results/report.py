"""What a person reads: one line for each check, what is wrong below it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bootstrap.results.result import Finding, Outcome, Result
from plugin_kit.console import Console, counted, wrapped

# Of one check; more of them have one cause.
_MOST_SHOWN = 20
_INDENT = " " * 4


def show(console: Console, results: Sequence[Result]) -> None:
    """Print every check, and how they ended."""
    width = max(len(result.title) for result in results)
    for result in results:
        show_one(console, result, width)
    console.info(f"{counted(len(results), 'check')}: {counts(results)}")


def show_one(console: Console, result: Result, width: int, *, brief: bool = False) -> None:
    """Print one check; `width` is that of the longest title. `brief`: why one was skipped takes no line of its own."""
    unseen = list(result.unseen)
    what = result.looked_at or ("" if result.findings else "nothing to look at")
    if brief and unseen and result.outcome is Outcome.SKIPPED:
        what, unseen = "; ".join(unseen), []
    head = f"{result.outcome.value:<7}  {result.title:<{width}}  "
    lines = wrapped(f"{head}{what}", indent=" " * len(head))
    for finding in result.findings[:_MOST_SHOWN]:
        lines += _block(finding)
    if len(result.findings) > _MOST_SHOWN:
        lines.append(f"{_INDENT}and {len(result.findings) - _MOST_SHOWN} more; --json has them all")
    for each in unseen:
        lines += wrapped(f"{_INDENT}not looked at: {each}", indent=_INDENT * 2)
    console.info("\n".join(line.rstrip() for line in lines))


def exit_code(results: Sequence[Result]) -> int:
    """Return 1 where a check has failed; warnings and what was skipped leave it at 0."""
    return int(any(result.outcome is Outcome.FAILED for result in results))


def counts(results: Sequence[Result]) -> str:
    """Say how many ended how."""
    found = Counter(result.outcome for result in results)
    return ", ".join(f"{found[outcome]} {outcome.value}" for outcome in Outcome if found[outcome])


def _block(finding: Finding) -> Iterator[str]:
    place = f"{finding.where}: " if finding.where else ""
    yield from wrapped(f"{_INDENT}{place}{'warning: ' if finding.is_warning else ''}{finding.text}", indent=_INDENT * 2)
    if finding.hint:
        yield from wrapped(f"{_INDENT * 2}hint: {finding.hint}", indent=_INDENT * 2 + " " * 6)
