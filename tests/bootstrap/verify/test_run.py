"""One run of the rows: in which order they are looked at, and what one that goes wrong does to the others."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bootstrap.results.result import Outcome
from bootstrap.verify import run
from bootstrap.verify.finding import Finding, Looked, Result, Row
from bootstrap.verify.scene import Scene
from plugin_kit.errors import Cancelled, PluginError

if TYPE_CHECKING:
    from bootstrap.core.context import Context

OK = Looked(at="all of it")
BAD = Looked(at="all of it", findings=(Finding(where="", problem="is wrong", hint="put it right"),))
_SECONDS = 20.0


def scene() -> Scene:
    """Return one of which the rows here read nothing."""
    return Scene(context=cast("Context", SimpleNamespace()))


def row(name: str, look: Callable[[Scene], Looked] = lambda _: OK, *needs: str) -> Row:
    """Return a row."""
    return Row(name=name, title=name.upper(), how="looked at", look=look, needs=needs)


def raising(error: BaseException) -> Callable[[Scene], Looked]:
    """Return a look that raises."""

    def look(_: Scene) -> Looked:
        raise error

    return look


def test_rows_that_do_not_need_each_other_are_looked_at_at_once() -> None:
    """Each waits for all the others here."""
    barrier = threading.Barrier(3)

    def look(_: Scene) -> Looked:
        barrier.wait(_SECONDS)
        return OK

    results = run.verify(scene(), [row(name, look) for name in "abc"])
    assert [result.outcome for result in results] == [Outcome.OK] * 3


def test_results_are_told_in_order_and_as_soon_as_they_can_be() -> None:
    """The second one is over first, and is told behind the first; the third is told behind both."""
    second = threading.Event()

    def slow(_: Scene) -> Looked:
        assert second.wait(_SECONDS)
        return OK

    def quick(_: Scene) -> Looked:
        second.set()
        return OK

    told: list[str] = []

    def late(_: Scene) -> Looked:
        return OK if told == ["a", "b"] else BAD

    # What needs all the others begins when they are over; by then they have been told.
    results = run.verify(scene(), [row("a", slow), row("b", quick), row("c", late, "a", "b")], done=lambda each: told.append(each.name))
    assert told == ["a", "b", "c"]
    assert [result.outcome for result in results] == [Outcome.OK] * 3


@pytest.mark.parametrize("looked", [BAD, Looked(unseen=("there is none",))])
def test_a_row_is_not_tried_without_what_it_needs(looked: Looked) -> None:
    """Nor is one that needs that: one cause is told once."""
    rows = [row("a", lambda _: looked), row("b", raising(AssertionError()), "a"), row("c", raising(AssertionError()), "b"), row("d")]
    found = {result.name: result for result in run.verify(scene(), rows)}
    assert found["b"].unseen == (f"not tried: a {looked.outcome.value}",)
    assert [found[name].outcome for name in "bcd"] == [Outcome.SKIPPED, Outcome.SKIPPED, Outcome.OK]


def test_what_a_row_raises_is_its_finding() -> None:
    """With the remedy of the error."""
    (result,) = run.verify(scene(), [row("a", raising(PluginError("it is away", hint="bring it back", details=["gone", "for good"])))])
    assert [(each.problem, each.hint) for each in result.findings] == [("it is away (gone; for good)", "bring it back")]


def test_a_fault_of_one_check_does_not_take_the_others_along() -> None:
    """It is told as what it is, with the place in the code."""
    first, second = run.verify(scene(), [row("a", raising(KeyError("spec"))), row("b")])
    (finding,) = first.findings
    assert first.outcome is Outcome.FAILED
    assert finding.problem.startswith("the check itself has failed: KeyError: 'spec' (test_run.py, line ")
    assert "bug of bootstrap" in finding.hint
    assert second.outcome is Outcome.OK


def test_a_row_that_waits_is_woken_when_the_run_is_cancelled() -> None:
    """And still takes back what it has made."""
    taken_back = threading.Event()
    waits = threading.Event()
    here = scene()

    def patient(_: Scene) -> Looked:
        try:
            waits.set()
            here.deadline(_SECONDS).clock.sleep(_SECONDS)
        finally:
            taken_back.set()
        return OK

    def cancelled(_: Result) -> None:
        assert waits.wait(_SECONDS)
        raise Cancelled("cancelled by SIGINT")

    with pytest.raises(Cancelled, match="by SIGINT"):
        run.verify(here, [row("a"), row("b", patient)], done=cancelled)
    assert taken_back.is_set()


@pytest.mark.parametrize(
    ("names", "chosen"),
    [((), "abcd"), (("b",), "ab"), (("d, a",), "ad"), (("c", "d"), "abcd"), (("", ","), "abcd")],
)
def test_those_are_chosen_that_were_named_and_those_that_they_need(names: tuple[str, ...], chosen: str) -> None:
    """In the order of the report."""
    rows = [row("a"), row("b", lambda _: OK, "a"), row("c", lambda _: OK, "b"), row("d")]
    assert "".join(each.name for each in run.chosen(rows, names)) == chosen


def test_all_names_that_are_unknown_are_told_at_once() -> None:
    """With what was meant, and what there is."""
    rows: list[Any] = [row("gitea"), row("login")]
    with pytest.raises(PluginError, match=r'no check "gitae", did you mean "gitea".*"x"') as caught:
        run.chosen(rows, ["gitae,login", "x"])
    assert caught.value.hint == "the checks are: gitea, login"
