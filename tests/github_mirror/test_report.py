import io

import pytest

from github_mirror import report
from github_mirror.plan import Action, Concern, RefPlan
from github_mirror.push import Outcome
from plugin_kit.console import Console
from plugin_kit.errors import PluginError

LABEL = "github.com:acme/shop"
OLD, NEW = "a" * 40, "b" * 40


def outcome(
    name: str, action: Action, concern: Concern = Concern.NONE, why: str = "", *, problem: str = "", hint: str | None = None
) -> Outcome:
    """Make an outcome with both ids where the action has them."""
    ours = None if action is Action.DELETE else NEW
    theirs = {Action.CREATE: None, Action.UNCHANGED: NEW}.get(action, OLD)
    row = RefPlan(ref=f"refs/heads/{name}", action=action, ours=ours, theirs=theirs, why=why, concern=concern)
    return Outcome(row=row, problem=problem, hint=hint)


def printed(*outcomes: Outcome, planned: bool = False) -> list[str]:
    """Give the lines of the table."""
    out = io.StringIO()
    report.table(LABEL, outcomes, Console(out, colour=False), planned=planned)
    return out.getvalue().splitlines()


def test_one_line_per_ref_and_the_totals() -> None:
    """What was done, from what to what, and why."""
    lines = printed(
        outcome("main", Action.UPDATE),
        outcome("new", Action.CREATE),
        outcome("old", Action.DELETE, why="the source does not have it"),
        outcome("dev", Action.KEEP, Concern.NOTICE, "diverged: somebody has pushed there"),
        outcome("same", Action.UNCHANGED),
        outcome("prot", Action.UPDATE, problem="prot is protected"),
    )
    assert [line.split() for line in lines[2:]] == [
        ["main", "updated", "aaaaaaaaaa", "->", "bbbbbbbbbb"],
        ["new", "created", "->", "bbbbbbbbbb"],
        ["old", "deleted", "aaaaaaaaaa", "->", "the", "source", "does", "not", "have", "it"],
        ["dev", "kept", "aaaaaaaaaa", "(ours", "bbbbbbbbbb)", "diverged:", "somebody", "has", "pushed", "there"],
        ["same", "unchanged", "bbbbbbbbbb"],
        ["prot", "failed", "aaaaaaaaaa", "->", "bbbbbbbbbb", "prot", "is", "protected"],
        f"{LABEL}: 1 created, 1 updated, 1 deleted, 1 unchanged, 1 kept, 1 failed".split(),
    ]


def test_a_plan_says_what_would_be_done() -> None:
    """The same table in other words."""
    assert printed(outcome("main", Action.UPDATE), planned=True)[-1] == f"{LABEL}: 1 update"


def test_many_unchanged_refs_are_only_counted() -> None:
    """And so are those that only the far side has; what a person has to know of is listed."""
    quiet = [outcome(f"b{number}", Action.UNCHANGED) for number in range(10_000)]
    lines = printed(*quiet, outcome("main", Action.UPDATE), outcome("dev", Action.KEEP, Concern.NOTICE, "diverged"))
    assert len(lines) == 5
    assert lines[-1] == f"{LABEL}: 1 updated, 10000 unchanged, 1 kept"


def test_a_log_is_no_place_for_thousands_of_lines() -> None:
    """A first push of everything: so many lines of a kind, and the number."""
    lines = printed(*(outcome(f"b{number}", Action.CREATE) for number in range(5000)))
    assert len(lines) == report.MOST_LINES + 3
    assert lines[-1] == f"{LABEL}: 5000 created"


def test_nothing_at_all() -> None:
    """No empty table."""
    assert printed() == [f"{LABEL}: nothing to mirror"]


def test_refs_with_the_same_problem_share_an_error() -> None:
    """GitHub is down for all of them."""
    names = [f"b{number}" for number in range(8)]
    found = list(report.problems(LABEL, [outcome(name, Action.UPDATE, problem="down", hint="wait") for name in names]))
    assert [(error.message, error.hint) for error in found] == [(f"{LABEL}: b0, b1, b2, b3, b4 and 3 more: down", "wait")]


def test_divergence_that_counts_as_a_failure_says_what_to_do() -> None:
    """`on_divergence: fail`."""
    (error,) = report.problems(LABEL, [outcome("dev", Action.KEEP, Concern.FAILURE, "diverged")])
    assert error.hint
    assert "on_divergence: overwrite" in error.hint


def test_a_notice_is_a_warning_and_no_problem() -> None:
    """`on_divergence: keep`."""
    out = io.StringIO()
    outcomes = [outcome("dev", Action.KEEP, Concern.NOTICE, "diverged: somebody has pushed there")]
    report.notices(LABEL, outcomes, Console(out, colour=False))
    assert "dev was left alone: diverged: somebody has pushed there" in " ".join(out.getvalue().split())
    assert list(report.problems(LABEL, outcomes)) == []


def test_without_strict_the_end_is_a_warning() -> None:
    """Once, and with nothing after it: the exit code is 0, so the words have to be seen."""
    out = io.StringIO()
    console = Console(out, colour=False)
    report.verdict([PluginError("the key is wrong", hint="take another", details=["SHA256:abc"])], console, strict=False)
    console.warn("something else")
    console.finish()
    assert out.getvalue().endswith("warning: NOT MIRRORED: the key is wrong\n  SHA256:abc\n  hint: take another\n")
    assert out.getvalue().count("NOT MIRRORED") == 1


def test_with_strict_it_is_an_error() -> None:
    """One as it is, several as a list with their hints."""
    first, second = PluginError("one", hint="do this"), PluginError("two", details=["more"])
    console = Console(io.StringIO(), colour=False)
    with pytest.raises(PluginError, match="one"):
        report.verdict([first], console, strict=True)
    with pytest.raises(PluginError, match="2 problems") as caught:
        report.verdict([first, second], console, strict=True)
    assert caught.value.details == ("- one", "    hint: do this", "- two", "    more")
    report.verdict([], console, strict=True)
