"""What the pipeline's files say about a push that changes no file."""

import pytest

from bootstrap.verify import course

IMAGES = "steps: [{name: images, image: registry.example.lan/local-cicd/registry-push:1}]"
TESTS = "steps: [{name: tests, image: python:3}]"


@pytest.mark.parametrize(
    ("text", "starts", "builds"),
    [
        (IMAGES, True, True),
        (TESTS, True, False),
        (f"when: {{event: push, branch: main}}\n{IMAGES}", True, True),
        (f"when: {{event: push, branch: release/*}}\n{IMAGES}", False, False),
        (f"when: {{event: tag}}\n{IMAGES}", False, False),
        (f"when: {{event: push, path: 'src/**'}}\n{IMAGES}", True, True),
        (f"when: {{event: push, path: {{include: ['src/**'], on_empty: true}}}}\n{IMAGES}", True, True),
        (f"when: {{event: push, path: {{include: ['src/**'], on_empty: false}}}}\n{IMAGES}", False, False),
        (f"when: [{{event: tag}}, {{event: push, branch: main}}]\n{IMAGES}", True, True),
        ("steps: {images: {image: registry-push:1, when: {branch: other}}, tests: {image: python:3}}", True, False),
        ("steps: [{name: images, image: registry-push:1, when: {path: {on_empty: false}}}]", False, False),
        ("when: {event: push}", False, False),
        ("a: [", False, False),
        ("", False, False),
    ],
)
def test_what_an_empty_push_to_main_starts(text: str, starts: bool, builds: bool) -> None:
    """Filters by path let it pass unless they say otherwise, as Woodpecker reads them."""
    files = {".woodpecker.yaml": text}
    assert (course.starts(files, "main"), course.builds(files, "main")) == (starts, builds)


def test_one_file_that_starts_is_enough() -> None:
    """Each file is a workflow of its own."""
    files = {".woodpecker/a.yaml": f"when: {{event: cron}}\n{IMAGES}", ".woodpecker/b.yaml": TESTS}
    assert course.starts(files, "main")
    assert not course.builds(files, "main")
    assert not course.starts({}, "main")


def test_a_push_with_files_is_told_from_one_without() -> None:
    """The one is a fault of nobody, the other of the filters."""
    assert course.starts_with_files({"a": f"when: {{path: {{on_empty: false}}}}\n{TESTS}"}, "main")
    assert not course.starts_with_files({"a": f"when: {{event: tag}}\n{TESTS}"}, "main")
