import contextlib
import io

import pytest

from github_mirror import report
from github_mirror.plan import Action, Concern, RefPlan
from github_mirror.push import Outcome
from plugin_kit.console import WIDTH, Console
from plugin_kit.errors import PluginError

URL = "git@github.com:acme/shop.git"
OLD, NEW = "a" * 40, "b" * 40


def outcome(
    name: str,
    action: Action,
    concern: Concern = Concern.NONE,
    why: str = "",
    *,
    problem: str = "",
    hint: str | None = None,
    backwards: bool = False,
) -> Outcome:
    """Make an outcome with both ids where the action has them."""
    ours = None if action is Action.DELETE else NEW
    theirs = {Action.CREATE: None, Action.UNCHANGED: NEW}.get(action, OLD)
    row = RefPlan(
        ref=f"refs/heads/{name}", action=action, ours=ours, theirs=theirs, why=why, hint=hint, concern=concern, backwards=backwards
    )
    return Outcome(row=row, problem=problem, hint=hint)


def printed(*outcomes: Outcome, planned: bool = False) -> list[str]:
    """Give the lines of the table."""
    out = io.StringIO()
    report.table(URL, outcomes, Console(out, colour=False), planned=planned)
    return out.getvalue().splitlines()


def test_one_line_per_ref_and_the_totals() -> None:
    """What was done, from what to what, and why."""
    lines = printed(
        outcome("main", Action.UPDATE),
        outcome("new", Action.CREATE),
        outcome("old", Action.DELETE, why="the source does not have it"),
        outcome("dev", Action.KEEP, Concern.NOTICE, "diverged: pushed to there"),
        outcome("same", Action.UNCHANGED),
        outcome("prot", Action.UPDATE, problem="prot is protected"),
    )
    assert [line.split() for line in lines[2:]] == [
        ["main", "updated", "aaaaaaaaaa", "->", "bbbbbbbbbb"],
        ["new", "created", "->", "bbbbbbbbbb"],
        ["old", "deleted", "aaaaaaaaaa", "->", "the", "source", "does", "not", "have", "it"],
        ["dev", "kept", "aaaaaaaaaa", "(ours", "bbbbbbbbbb)", "diverged:", "pushed", "to", "there"],
        ["same", "unchanged", "bbbbbbbbbb"],
        ["prot", "failed", "aaaaaaaaaa", "->", "bbbbbbbbbb", "prot", "is", "protected"],
        f"{URL}: 1 created, 1 updated, 1 deleted, 1 unchanged, 1 kept, 1 failed".split(),
    ]


def test_a_plan_says_what_would_be_done() -> None:
    """The same table in other words."""
    assert printed(outcome("main", Action.UPDATE), planned=True)[-1] == f"{URL}: 1 update"


def test_many_unchanged_refs_are_only_counted() -> None:
    """And so are those that only the far side has; what a person has to know of is listed."""
    quiet = [outcome(f"b{number}", Action.UNCHANGED) for number in range(10_000)]
    lines = printed(*quiet, outcome("main", Action.UPDATE), outcome("dev", Action.KEEP, Concern.NOTICE, "diverged"))
    assert len(lines) == 5
    assert lines[-1] == f"{URL}: 1 updated, 10000 unchanged, 1 kept"


def test_a_log_is_no_place_for_thousands_of_lines() -> None:
    """A first push of everything: so many lines of a kind, and the number."""
    lines = printed(*(outcome(f"b{number}", Action.CREATE) for number in range(5000)))
    assert len(lines) == report.MOST_LINES + 3
    assert lines[-1] == f"{URL}: 5000 created"


def test_nothing_at_all() -> None:
    """No empty table."""
    assert printed() == [f"{URL}: nothing to mirror"]


def test_refs_with_the_same_problem_share_an_error() -> None:
    """GitHub is down for all of them."""
    names = [f"b{number}" for number in range(8)]
    found = list(report.problems(URL, [outcome(name, Action.UPDATE, problem="down", hint="wait") for name in names]))
    assert [(error.message, error.hint) for error in found] == [(f"{URL}: b0, b1, b2, b3, b4 and 3 more: down", "wait")]


def test_divergence_that_counts_as_a_failure_says_what_to_do() -> None:
    """`on_divergence: fail`."""
    (error,) = report.problems(URL, [outcome("dev", Action.KEEP, Concern.FAILURE, "diverged", hint="bring them home")])
    assert (error.message, error.hint, error.details) == (f"{URL}: dev: diverged", "bring them home", ())


@pytest.mark.parametrize("concern", [Concern.NOTICE, Concern.FAILURE])
def test_what_no_run_does_is_a_command_to_copy(concern: Concern) -> None:
    """In one line, however long, with the whole address and whole ids."""
    out = io.StringIO()
    console = Console(out, colour=False)
    outcomes = [outcome("main", Action.KEEP, concern, "ahead", hint="run the command above", backwards=True)]
    report.notices(URL, outcomes, console)
    for error in report.problems(URL, outcomes):
        console.error(error)
    lines = out.getvalue().splitlines()
    assert lines[1:] == [
        f"  git push --force-with-lease=refs/heads/main:{OLD} {URL} {NEW}:refs/heads/main",
        "  hint: run the command above",
    ]


def test_a_notice_is_a_warning_and_no_problem() -> None:
    """`on_divergence: keep`."""
    out = io.StringIO()
    outcomes = [outcome("dev", Action.KEEP, Concern.NOTICE, "diverged: pushed to there", hint="bring them home")]
    report.notices(URL, outcomes, Console(out, colour=False))
    assert out.getvalue() == f"warning: {URL}: dev is not mirrored: diverged: pushed to there\n  hint: bring them home\n"
    assert list(report.problems(URL, outcomes)) == []


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([outcome("main", Action.UPDATE), outcome("dev", Action.DELETE)], "2 refs changed there"),
        ([outcome("main", Action.UNCHANGED)], "0 refs changed there"),
        ([outcome("dev", Action.KEEP, why="only at the far side")], "0 refs changed there"),
        ([outcome("main", Action.UPDATE), outcome("dev", Action.KEEP, Concern.NOTICE)], "1 ref changed there, 1 NOT MIRRORED"),
        ([outcome("dev", Action.KEEP, Concern.NOTICE)], "nothing changed there, 1 NOT MIRRORED"),
        (
            [outcome("dev", Action.UPDATE, problem="protected"), outcome("x", Action.REFUSE, Concern.FAILURE)],
            "nothing changed there, 2 NOT MIRRORED",
        ),
    ],
)
def test_a_run_that_mirrored_nothing_does_not_end_like_a_success(outcomes: list[Outcome], words: str) -> None:
    """The line that ends the step is the one that people read."""
    assert report.note(outcomes) == words


def test_what_is_lost_is_told_in_full_with_the_way_back() -> None:
    """Every ref, also where the table has only some; what the far side refused to lose is not among them."""
    out = io.StringIO()
    many = [outcome(f"b{number}", Action.DELETE) for number in range(report.MOST_LINES + 5)]
    refused = outcome("prot", Action.FORCE, problem="prot is protected")
    report.losses(URL, [outcome("main", Action.FORCE), outcome("new", Action.CREATE), refused, *many], Console(out, colour=False))
    head, *lines = out.getvalue().splitlines()
    assert head.startswith(f"What {URL} has lost")
    assert lines[:2] == [
        f"  main was {OLD}",
        f"    git fetch {URL} {OLD} && git push --force-with-lease=refs/heads/main:{NEW} {URL} {OLD}:refs/heads/main",
    ]
    assert lines[3] == f"    git fetch {URL} {OLD} && git push --force-with-lease=refs/heads/b0: {URL} {OLD}:refs/heads/b0"
    assert len(lines) == 2 + 2 * len(many)


def test_nothing_lost_is_not_mentioned() -> None:
    """Nor are branches that went forward."""
    out = io.StringIO()
    report.losses(URL, [outcome("main", Action.UPDATE)], Console(out, colour=False))
    assert out.getvalue() == ""


@pytest.mark.parametrize(("strict", "code"), [(False, 0), (True, 1)])
def test_a_pattern_without_a_match_fails_with_strict(strict: bool, code: int) -> None:
    """Else it is a warning: a misspelt `exclude` has published what it should hide."""
    out = io.StringIO()
    console = Console(out, colour=False)
    found = list(report.unmatched(["`exclude`: heads/secert"], console, strict=strict))
    text = "`exclude`: heads/secert matches no branch or tag"
    assert [text in error.message for error in found] == [True] * code
    assert (f"warning: {text}" in out.getvalue()) == (not strict)
    assert list(report.unmatched([], console, strict=strict)) == []


def test_a_wildcard_may_match_nothing_today() -> None:
    """`exclude: heads/renovate/*` must not fail a strict mirror on the days without such a branch."""
    out = io.StringIO()
    assert list(report.unmatched(["`exclude`: heads/renovate/*"], Console(out, colour=False), strict=True)) == []
    assert "warning: `exclude`: heads/renovate/* matches no branch or tag" in out.getvalue()


def test_patterns_without_a_match_are_told_at_once() -> None:
    """One problem, however many they are."""
    (error,) = report.unmatched(["`refs`: tags/x", "`exclude`: heads/y"], Console(io.StringIO(), colour=False), strict=True)
    assert error.message.startswith("`refs`: tags/x, `exclude`: heads/y match no branch or tag")


@pytest.mark.parametrize(
    ("strict", "found", "line"),
    [
        (True, ["diverged"], "a real run would exit 1"),
        (True, [], "a real run would exit 0, unless the other side refuses something"),
        (False, ["diverged"], "a real run would exit 0"),
        (False, [], "a real run would exit 0"),
    ],
)
def test_a_dry_run_ends_as_a_real_one_would(strict: bool, found: list[str], line: str) -> None:
    """With the same exit code and the same words, and with that said."""
    out = io.StringIO()
    console = Console(out, colour=False)
    with pytest.raises(PluginError, match="diverged") if strict and found else contextlib.nullcontext():
        report.verdict([PluginError(text) for text in found], console, strict=strict, planned=True)
    console.finish()
    lines = out.getvalue().splitlines()
    assert lines[0] == f"DRY RUN: nothing was sent; {line}"
    assert lines[1:] == (["warning: WOULD NOT BE MIRRORED: diverged"] if found and not strict else [])


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


def test_several_errors_fit_the_log_as_one_does() -> None:
    """Sentences are wrapped, commands are not."""
    command = f"git push {'x' * 150}"
    errors = [PluginError("why it is so " * 15, hint="what to do " * 15, details=[command]), PluginError("two")]
    out = io.StringIO()
    console = Console(out, colour=False)
    with pytest.raises(PluginError) as caught:
        report.verdict(errors, console, strict=True)
    console.error(caught.value)
    lines = out.getvalue().splitlines()
    assert f"      {command}" in lines
    assert max(len(line) for line in lines if command not in line) <= WIDTH
