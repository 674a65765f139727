"""A plan says what is done, and what is done is kept to the plan."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.change import HIDDEN, Action, Change, FieldChange, Later
from bootstrap.core.chart import digest_of, looks_up, merged
from bootstrap.core.engine import ordered
from bootstrap.core.errors import BootstrapError
from bootstrap.core.plan import ComponentPlan, Plan, Problem
from bootstrap.core.report import show_plan
from bootstrap.core.versions import jump
from devtools.platform.chart_files import ChartFiles
from plugin_kit.console import Console
from tests.support.bootstrap_run import Parts


def change(resource: str = "ConfigMap a", action: Action = Action.UPDATE, paths: tuple[str, ...] = ("data.a",), **more: Any) -> Change:  # noqa: ANN401  fields of a change
    """Make a change of these fields."""
    return Change(resource=resource, action=action, fields=tuple(FieldChange(path=path, after="x") for path in paths), **more)


def a_plan(*changes: Change, later: tuple[str, ...] = (), unchanged: tuple[str, ...] = ()) -> ComponentPlan:
    """Plan one component."""
    announced = tuple(Later(resource=each, reason="something is there") for each in later)
    return ComponentPlan(name="a", title="A", changes=changes, later=announced, unchanged=unchanged)


PROBLEM = Problem(resource="a", error=BootstrapError("no"))


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (ComponentPlan(name="a", title="A", unchanged=("x",)), 0),
        (a_plan(change()), 2),
        (a_plan(later=("x",)), 2),
        (ComponentPlan(name="a", title="A", changes=(change(),), problems=(PROBLEM,)), 1),
    ],
)
def test_the_exit_code_says_what_a_script_needs(plan: ComponentPlan, code: int) -> None:
    """0 nothing to do, 2 changes, 1 something is wrong."""
    assert Plan(components=(plan,)).exit_code == code
    assert Plan(components=(plan,)).json()["exit_code"] == code


def shown(component: ComponentPlan) -> str:
    """Return what a person reads."""
    out = io.StringIO()
    show_plan(Console(out), Plan(components=(component,)))
    return out.getvalue()


def test_as_many_problems_are_counted_as_are_told() -> None:
    """What keeps several resources from being seen is one, and says of how many."""
    right = BootstrapError("no right to read secrets", hint="ask for it")
    problems = [Problem(resource=f"Secret {name}", error=right) for name in "abcdefg"]
    same, other = BootstrapError("refused", details=["spec.a"]), BootstrapError("refused", details=["spec.b"])
    component = ComponentPlan(
        name="a", title="A", problems=(*problems, Problem(resource="x", error=same), Problem(resource="y", error=other))
    )
    assert shown(component) == (
        "A\n"
        "error: no right to read secrets\n"
        "  it is about 7 resources: Secret a, Secret b, Secret c, Secret d, Secret e and 2 more\n"
        "  hint: ask for it\n"
        "error: refused\n  spec.a\nerror: refused\n  spec.b\n"
        "Plan: 0 changes, 3 problems\n"
    )


def test_what_waits_for_the_same_thing_is_told_once() -> None:
    """A cause may be an error at length; the names of all that wait stand below it."""
    later = [Later(resource=f"Gitea branch stage/{number}", reason="Gitea answers (refused)") for number in range(8)]
    component = ComponentPlan(name="a", title="A", later=(Later(resource="Volume", reason="the server is up"), *later))
    assert shown(component).splitlines() == [
        "A",
        "  later     Volume: when the server is up",
        "  later     8 resources: when Gitea answers (refused)",
        "      Gitea branch stage/0, Gitea branch stage/1, Gitea branch stage/2, Gitea branch stage/3, Gitea branch stage/4,",
        "      Gitea branch stage/5, Gitea branch stage/6, Gitea branch stage/7",
        "Plan: 0 changes, 9 that can only be known later",
    ]


@pytest.mark.parametrize(
    ("planned", "fresh", "allowed"),
    [
        (a_plan(change()), change(), True),
        (a_plan(change(paths=("data.a", "data.b"))), change(), True),
        (a_plan(change()), change(paths=("data.b",)), False),
        (a_plan(change()), change(action=Action.REPLACE), False),
        (a_plan(change()), change("ConfigMap b"), False),
        (a_plan(change("ConfigMap b"), unchanged=("ConfigMap a",)), change(), False),
        (a_plan(later=("ConfigMap a",)), change(), True),
        (a_plan(later=("ConfigMap b",), unchanged=("ConfigMap a",)), change(), False),
        # What comes out of something that was announced could not be named.
        (a_plan(later=("ConfigMap b",)), change("ConfigMap c"), True),
        (a_plan(change(action=Action.CREATE, paths=())), change(action=Action.CREATE, parts=(change("Secret s"),)), True),
        (a_plan(change(parts=(change("Secret s"),))), change(parts=(change("Secret s"),)), True),
        (a_plan(change(parts=(change("Secret s"),))), change(parts=(change("Secret t"),)), False),
    ],
)
def test_a_change_must_have_been_planned_or_announced(planned: ComponentPlan, fresh: Change, *, allowed: bool) -> None:
    """Resource, action and fields; less may change than was planned, but not more."""
    assert planned.allows(fresh) is allowed


def test_secrets_are_taken_out_of_every_text_of_a_change() -> None:
    """Of values in lists and maps, too, and of the objects of a release."""
    field = FieldChange(path="spec.env", before=[{"value": "hunter2"}], after={"a": "hunter2!"})
    shown = change(note="hunter2", parts=(Change(resource="b", action=Action.UPDATE, fields=(field,)),)).redacted(
        lambda text: text.replace("hunter2", HIDDEN)
    )
    assert "hunter2" not in str(shown.json())


def test_components_come_after_what_they_need() -> None:
    """A mistake in the list is found when it is loaded."""
    first, second = Parts(parts=[], name="one"), Parts(parts=[], name="two", needs=("one",))
    assert ordered([first, second]) == [first, second]
    with pytest.raises(ValueError, match="two needs one"):
        ordered([second, first])
    with pytest.raises(ValueError, match="two components called one"):
        ordered([first, first])


@pytest.mark.parametrize(
    ("before", "after", "is_jump"),
    [
        ("1.2.3", "1.2.4", False),
        ("1.2.3", "1.9.0", False),
        ("v1.2.3", "1.3.0", False),
        ("1.2.3", "2.0.0", True),
        ("1.2.3", "1.2.2", True),
        ("0.9.1", "0.9.2", False),
        ("0.9.1", "0.10.0", True),
        ("1.2.3", "latest", True),
    ],
)
def test_which_versions_are_a_jump(before: str, after: str, *, is_jump: bool) -> None:
    """Over a major version, or back."""
    assert bool(jump(before, after)) is is_jump


def test_a_chart_is_known_by_its_content(tmp_path: Path) -> None:
    """As a folder by names and contents of its files, as an archive by its bytes; and it is known whether it asks the cluster."""
    chart = ChartFiles(folder=tmp_path)
    folder = chart.write()
    first = digest_of(folder)
    assert digest_of(chart.write()) == first
    assert (looks_up(folder), looks_up(chart.pack())) == (False, False)
    asking = replace(chart, templates={"settings.yaml": '{{ lookup "v1" "Secret" "shop" "login" }}'})
    assert digest_of(asking.write()) != first
    assert (looks_up(folder), looks_up(asking.pack())) == (True, True)
    (folder / "charts").mkdir()
    (folder / "charts" / "inner.tgz").write_bytes(b"")
    assert looks_up(replace(chart, version="1.2.3").write())


def test_values_are_merged_as_helm_does() -> None:
    """Maps into each other, lists as a whole."""
    ours = {"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": 1}
    assert merged(ours, {"a": {"b": 3}, "list": [4], "gone": None}) == {"a": {"b": 3, "c": 2}, "list": [4], "gone": None}
    assert ours["a"] == {"b": 1, "c": 2}
