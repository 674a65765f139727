"""Pipeline files as workflows."""

import pytest

from devtools import pipeline
from devtools.pipeline import Clone

PUSH = {"CI_PIPELINE_EVENT": "push", "CI_COMMIT_BRANCH": "main"}


def levels(text: str) -> list[list[str]]:
    """Return the names of the steps that run on a push, by levels."""
    return [[step.name for step in level] for level in pipeline.parse(text, PUSH).levels(PUSH)]


def test_steps_run_one_after_another() -> None:
    """Without depends_on, in the order of the file."""
    assert levels("steps: [{name: b, image: x, commands: [a]}, {name: a, image: x}]") == [["b"], ["a"]]


def test_steps_may_be_a_map() -> None:
    """The key is the name."""
    assert levels("steps: {b: {image: x}, a: {image: x}}") == [["b"], ["a"]]


def test_one_depends_on_makes_levels_of_all() -> None:
    """Steps without it start at once."""
    assert levels("steps: {a: {image: x}, b: {image: x, depends_on: [a]}, c: {image: x}, d: {image: x, depends_on: [b, c]}}") == [
        ["a", "c"],
        ["b"],
        ["d"],
    ]


def test_filtered_steps_are_left_out() -> None:
    """A step whose `when` does not match is not part of the pipeline."""
    assert levels("steps: {a: {image: x, when: {event: tag}}, b: {image: x}}") == [["b"]]


def test_a_filtered_workflow_has_no_steps() -> None:
    """The `when` of the workflow comes first."""
    assert levels("when: {branch: x}\nsteps: {a: {image: x}}") == []


def test_an_optional_dependency_may_be_filtered_out() -> None:
    """As in Woodpecker since 3.15."""
    assert levels("steps: {a: {image: x, when: {event: tag}}, b: {image: x, depends_on: [{name: a, optional: true}]}}") == [["b"]]


def test_substitution_comes_before_yaml() -> None:
    """An unquoted SHA of digits becomes a number, as it does in Woodpecker."""
    workflow = pipeline.parse("steps: {a: {image: x, settings: {tag: ${SHA:0:8}}}}", {"SHA": "01234567ffff"})
    assert workflow.steps[0].settings == {"tag": 342391}


@pytest.mark.parametrize(
    ("text", "is_plugin"),
    [("image: x", True), ("image: x, settings: {a: b}", True), ("image: x, commands: [a]", False), ("image: x, entrypoint: [a]", False)],
)
def test_a_plugin_leaves_what_runs_to_its_image(text: str, is_plugin: bool) -> None:
    """Commands, entrypoint and environment make an ordinary step."""
    assert pipeline.parse(f"steps: {{a: {{{text}}}}}", {}).steps[0].is_plugin is is_plugin


@pytest.mark.parametrize(
    ("text", "clone"),
    [
        ("", Clone(depth=1)),
        ("skip_clone: true", None),
        ("clone: {git: {image: g, settings: {partial: false, depth: 0, tags: true}}}", Clone(depth=0, tags=True)),
        ("clone: [{name: git, image: g, settings: {partial: false, depth: 50}}]", Clone(depth=50)),
        ("clone: {git: {image: g, settings: {depth: 50}}}", Clone(depth=1)),
    ],
)
def test_clone_settings_are_those_of_plugin_git(text: str, clone: Clone | None) -> None:
    """`partial` is on unless turned off, and means one commit."""
    assert pipeline.parse(f"{text}\nsteps: {{a: {{image: x}}}}", {}).clone == clone


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- a", "a pipeline file is a map"),
        ("when: {event: push}", "no steps"),
        ("steps: {a: {commands: [x]}}", "step 'a' has no image"),
        ("steps: [{name: a, image: x}, {name: a, image: x}]", "two steps have the name 'a'"),
        ("steps: {a: {image: x, settings: {b: c}, commands: [d]}}", "both settings and commands"),
        ("steps: {a: {image: x, settings: {b: c}, environment: {d: e}}}", "both settings and environment"),
        ("steps: {a: {image: x, volumes: ['/a:/b']}}", "does not know 'volumes'"),
        ("steps: {a: {image: x, failure: cancel}}", "failure: fail and ignore"),
        ("steps: {a: {image: x, commands: [1]}}", "text or a list of texts"),
        ("services: {a: {image: x}}\nsteps: {a: {image: x}}", "the workflow: the local runner does not know 'services'"),
        ("matrix: {A: [b]}\nsteps: {a: {image: x}}", "does not know 'matrix'"),
        ("clone: {git: {image: g, settings: {partial: false, depth: '1'}}}\nsteps: {a: {image: x}}", "depth is a number"),
    ],
)
def test_a_file_that_would_run_differently_is_an_error(text: str, complaint: str) -> None:
    """What Woodpecker refuses and what the runner can't do are both told."""
    with pytest.raises(pipeline.PipelineError, match=complaint):
        pipeline.parse(text, {})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("steps: {a: {image: x, depends_on: [b]}, b: {image: x, when: {event: tag}}}", "'a' depends on 'b', which is not part"),
        ("steps: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}", "wait for each other: a, b"),
    ],
)
def test_dependencies_that_can_not_be_met_are_errors(text: str, complaint: str) -> None:
    """A compile error in Woodpecker, too."""
    with pytest.raises(pipeline.PipelineError, match=complaint):
        levels(text)
