"""The rules of the strict lint, each seen to bite."""

import pytest

from tests.pipelines import strict_lint

GOOD = """
when: [{event: push}]
clone: {git: {image: "docker.io/woodpeckerci/plugin-git:2.9.3"}}
steps:
  - {name: a, image: "x:${CI_COMMIT_SHA}", settings: {b: c}}
  - {name: d, image: x, commands: [echo $HOME], depends_on: [a]}
"""


def test_a_clean_file_has_no_problems() -> None:
    """Nothing is found where nothing is."""
    assert strict_lint.problems(GOOD) == []


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("when: [{event: push}]", "", "step a: no event in when"),
        ("[{event: push}]", "[{event: push}, {branch: main}]", "step d: no event in when"),
        ("woodpeckerci/plugin-git", "acme/plugin-git", "clone git: image is not trusted with credentials"),
        ('"x:${CI_COMMIT_SHA}"', "'woodpeckerci/plugin-docker-buildx:6'", "step a: plugin must be in WOODPECKER_PLUGINS_PRIVILEGED"),
        ("settings: {b: c}", "settings: {b: c}, environment: {e: f}", "step a: settings with environment"),
        ("settings: {b: c}", "settings: {b: c}, commands: [e]", "step a: settings with commands"),
        ("settings: {b: c}", "settings: {b: null}", "step a: setting b is null"),
        ("depends_on: [a]", "depends_on: [z]", "step d: depends on z, which does not exist"),
        ("$HOME", "$CI_COMMIT_AUTHOR_AVATAR", "deprecated variable CI_COMMIT_AUTHOR_AVATAR"),
        ("name: d, image: x,", "name: d,", "step d: no image"),
        ("steps:", "runs_on: [failure]\nsteps:", "runs_on is deprecated"),
    ],
)
def test_a_problem_is_found(before: str, after: str, problem: str) -> None:
    """One change to the clean file, one problem."""
    assert problem in strict_lint.problems(GOOD.replace(before, after))


def test_an_unquoted_substitution_is_found() -> None:
    """It is valid YAML in block style, but a SHA of digits would be a number."""
    text = "when: {event: push}\nsteps:\n  a:\n    image: x\n    settings:\n      tag: ${CI_COMMIT_SHA:0:8} # short\n"
    assert strict_lint.problems(text) == ["unquoted substitution: tag: ${CI_COMMIT_SHA:0:8} # short"]
