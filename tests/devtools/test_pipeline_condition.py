"""`when`, as Woodpecker evaluates it."""

from collections.abc import Mapping

import pytest

from devtools import condition, goyaml

PUSH = {"CI_PIPELINE_EVENT": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF": "refs/heads/main", "CI_REPO": "acme/shop"}
FEATURE = {**PUSH, "CI_COMMIT_BRANCH": "feature/x"}
TAG = {"CI_PIPELINE_EVENT": "tag", "CI_COMMIT_TAG": "v1", "CI_COMMIT_REF": "refs/tags/v1"}
CHANGED = {**PUSH, "CI_PIPELINE_FILES": '["services/api/app.py","README.md"]', "CI_COMMIT_MESSAGE": "fix [ALL]"}

MATCHES = [
    ("[]", PUSH, True),
    ("{event: push}", PUSH, True),
    ("{event: [tag, cron]}", PUSH, False),
    ("{event: push, branch: main}", FEATURE, False),
    ("{branch: feature/*}", FEATURE, True),
    ("{branch: '*'}", FEATURE, False),
    ("{branch: '**'}", FEATURE, True),
    ("{branch: '{main,release/*}'}", PUSH, True),
    ("{branch: {exclude: main}}", PUSH, False),
    ("{branch: {include: [main, x], exclude: [x]}}", PUSH, True),
    ("{branch: main}", TAG, True),
    ("{ref: 'refs/tags/v*'}", TAG, True),
    ("{repo: acme/*}", PUSH, True),
    ("[{event: tag}, {event: push, branch: main}]", PUSH, True),
    ("[{event: tag}, {event: push, branch: x}]", PUSH, False),
    ("{path: 'services/**'}", CHANGED, True),
    ("{path: 'docs/**'}", CHANGED, False),
    ("{path: '**/*.py'}", CHANGED, True),
    ("{path: {exclude: ['*.md', 'services/**']}}", CHANGED, False),
    ("{path: {exclude: ['*.md']}}", CHANGED, True),
    ("{path: {include: ['docs/**'], ignore_message: '[all]'}}", CHANGED, True),
    ("{path: 'docs/**'}", PUSH, True),
    ("{path: {include: ['docs/**'], on_empty: false}}", PUSH, False),
    ("{path: 'docs/**'}", {**CHANGED, "CI_PIPELINE_EVENT": "manual"}, True),
    ("{evaluate: 'NOTIFY_URL != nil'}", PUSH, False),
    ("{evaluate: 'NOTIFY_URL != nil'}", {**PUSH, "NOTIFY_URL": "http://x"}, True),
    ("{evaluate: 'CI_COMMIT_BRANCH == \"main\" && X == nil'}", PUSH, True),
    ("{evaluate: \"CI_COMMIT_BRANCH == 'x' || CI_REPO == 'acme/shop' and X != nil\"}", PUSH, False),
]


@pytest.mark.parametrize(("text", "variables", "expected"), MATCHES)
def test_when_lets_in_what_woodpecker_lets_in(text: str, variables: Mapping[str, str], expected: bool) -> None:
    """Filters inside an item are joined by and, items by or."""
    assert condition.parse(goyaml.load(text), "when").matches(variables) is expected


@pytest.mark.parametrize(
    ("text", "after_success", "after_failure"),
    [
        ("[]", True, False),
        ("{event: push}", True, False),
        ("{event: push, status: [failure]}", False, True),
        ("{event: push, status: [success, failure]}", True, True),
        ("{event: tag, status: failure}", False, False),
        ("[{event: push}, {event: push, status: failure}]", True, True),
        ("[{event: push}, {event: tag, status: failure}]", True, False),
    ],
)
def test_status_says_when_a_step_runs(text: str, after_success: bool, after_failure: bool) -> None:
    """Success is meant unless left out, failure only where it is named; items for other events don't count."""
    when = condition.parse(goyaml.load(text), "when")
    assert (when.after_success(PUSH), when.after_failure(PUSH)) == (after_success, after_failure)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{event: pushes}", "there is no event 'pushes'"),
        ("{matrix: {A: b}}", "does not know the filter matrix"),
        ("{local: false}", "does not know the filter local"),
        ("{branch: [1]}", "text or a list of texts"),
        ("main", "an item of when must be a map"),
    ],
)
def test_what_the_runner_does_not_know_is_an_error(text: str, complaint: str) -> None:
    """Nothing is skipped in silence."""
    with pytest.raises(condition.ConditionError, match=complaint):
        condition.parse(goyaml.load(text), "step 'x'")


@pytest.mark.parametrize("expression", ["len(X) > 1", "X", "X != nil &&", "X contains 'y'", "(X != nil)"])
def test_an_expression_beyond_comparisons_is_an_error(expression: str) -> None:
    """The error shows the expression."""
    with pytest.raises(condition.ConditionError, match="can't evaluate"):
        condition.evaluate(expression, {})
