"""What the pipeline's files say about a push that changes no file."""

import pytest

from bootstrap.verify import course

IMAGES = "steps: [{name: images, image: registry.example.lan/local-cicd/registry-push:1}]"
TESTS = "steps: [{name: tests, image: python:3}]"


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        (IMAGES, True),
        (TESTS, True),
        (f"when: {{event: push, branch: main}}\n{IMAGES}", True),
        (f"when: {{event: push, branch: release/*}}\n{IMAGES}", False),
        (f"when: {{event: tag}}\n{IMAGES}", False),
        (f"when: {{event: push, path: 'src/**'}}\n{IMAGES}", True),
        (f"when: {{event: push, path: {{include: ['src/**'], on_empty: true}}}}\n{IMAGES}", True),
        (f"when: {{event: push, path: {{include: ['src/**'], on_empty: false}}}}\n{IMAGES}", False),
        (f"when: [{{event: tag}}, {{event: push, branch: main}}]\n{IMAGES}", True),
        ("steps: {images: {image: registry-push:1, when: {branch: other}}, tests: {image: python:3}}", True),
        ("steps: [{name: images, image: registry-push:1, when: {path: {on_empty: false}}}]", False),
        ("when: {event: push}", False),
        ("a: [", False),
        ("", False),
    ],
)
def test_what_an_empty_push_to_main_starts(text: str, starts: bool) -> None:
    """Filters by path let it pass unless they say otherwise, as Woodpecker reads them."""
    assert course.starts({".woodpecker.yaml": text}, "main") is starts


def test_one_file_that_starts_is_enough() -> None:
    """Each file is a workflow of its own."""
    files = {".woodpecker/a.yaml": f"when: {{event: cron}}\n{IMAGES}", ".woodpecker/b.yaml": TESTS}
    assert course.starts(files, "main")
    assert not course.starts({}, "main")


def test_a_push_with_files_is_told_from_one_without() -> None:
    """The one is a fault of nobody, the other of the filters."""
    assert course.starts_with_files({"a": f"when: {{path: {{on_empty: false}}}}\n{TESTS}"}, "main")
    assert not course.starts_with_files({"a": f"when: {{event: tag}}\n{TESTS}"}, "main")


def images(rest: str = "", image: str = "registry.example.lan/local-cicd/registry-push:1") -> str:
    """Write a step that makes images, with more keys."""
    return f"{{name: images, image: '{image}'{rest}}}"


def steps(*each: str, when: str = "{event: push, branch: [main, 'verify/*']}") -> str:
    """Write a file that starts for branches of `verify`, too."""
    return f"when: {when}\nsteps: [{', '.join(each)}]"


NOTIFY = "{name: notify, image: registry.example.lan/local-cicd/kargo-notify:1}"
MIRROR = "{name: mirror, image: registry.example.lan/local-cicd/github-mirror:1, when: {event: push%s}}"
DEPLOY = "{name: deploy, image: alpine, commands: [./deploy.sh]}"


@pytest.mark.parametrize(
    ("text", "builds", "others"),
    [
        (steps(images()), True, ()),
        (steps(images(image="registry-push-embedded@sha256:0")), True, ()),
        (steps(images(image="${REGISTRY=registry:5000}/local-cicd/registry-push:latest")), True, ()),
        (steps(images(), "{name: again, image: registry-push, settings: {dry_run: true}}"), True, ()),
        # What else would start there.
        (steps(images(), NOTIFY), True, ("notify",)),
        (steps(images(), MIRROR % ""), True, ("mirror",)),
        (steps(images(), DEPLOY, NOTIFY), True, ("deploy", "notify")),
        (steps(images(), "{image: alpine, commands: [./deploy.sh]}"), True, ("number 1",)),
        (steps(images(), "{name: tell, image: registry-push:1, commands: [./tell.sh]}"), True, ("tell",)),
        (steps(images(), "{name: other, image: not-registry-push:1}"), True, ("other",)),
        (f"steps: {{images: {images()}, deploy: {DEPLOY}}}", True, ("deploy",)),
        (f"steps: [{images()}, {DEPLOY}]", True, ("deploy",)),
        # Filters by branch and ref decide, and by event.
        (steps(images(), MIRROR % ", branch: main"), True, ()),
        (steps(images(), MIRROR % ", ref: refs/heads/main"), True, ()),
        (steps(images(), MIRROR % ", ref: 'refs/heads/**'"), True, ("mirror",)),
        (steps(images(), MIRROR % ", branch: {exclude: [main]}"), True, ("mirror",)),
        (steps(images(), MIRROR % ", branch: {exclude: ['verify/*']}"), True, ()),
        (steps(images(), "{name: cron, image: alpine, when: [{event: cron}, {event: [tag, manual]}]}"), True, ()),
        (steps(images(), NOTIFY, when="{branch: main}"), False, ()),
        (steps(images(", when: {branch: main}"), NOTIFY), False, ("notify",)),
        # The others can't be known here: what may be foreign is taken to start, and what may make images not to.
        (steps(images(), MIRROR % ", evaluate: 'CI_COMMIT_BRANCH == \"main\"'"), True, ("mirror",)),
        (steps(images(), MIRROR % ", path: {include: [docs/*], on_empty: false}"), True, ("mirror",)),
        (steps(images(", when: {evaluate: 'X != nil'}")), False, ()),
        (steps(images(), when="{event: push, path: src/**}"), False, ()),
        # It would move tags that something follows, or set none that is looked for.
        (steps(images(", settings: {tags: [live]}")), False, ("images",)),
        (steps(images(", settings: {auto-tag: true}")), False, ("images",)),
        (steps(images(", settings: {repo: registry.example.lan/shop/api}")), False, ("images",)),
        (steps(images(", settings: {hold: true}"), NOTIFY), False, ("images", "notify")),
        (steps(images(", settings: {hold: false, auto_tag: false}")), True, ()),
        (steps(images(", settings: {dry-run: true}")), False, ()),
        # Settings reach no plugin with an environment of its own.
        (steps(images(", environment: {A: b}")), False, ("images",)),
        ("a: [", False, (".woodpecker.yaml",)),
        ("", False, (".woodpecker.yaml",)),
    ],
)
def test_what_the_push_of_a_branch_of_its_own_starts(text: str, builds: bool, others: tuple[str, ...]) -> None:
    """Only where it is images and nothing else, `verify` pushes one."""
    files = {".woodpecker.yaml": text}
    assert (course.builds(files, "verify/0a1b2c3d"), course.others(files, "verify/0a1b2c3d")) == (builds, others)


@pytest.mark.parametrize(
    ("other", "others"),
    [
        (steps(DEPLOY), ("deploy",)),
        (steps(DEPLOY, when="{event: push, branch: main}"), ()),
        ("a: [", ("b.yaml",)),
    ],
)
def test_a_second_file_counts_as_well(other: str, others: tuple[str, ...]) -> None:
    """Each is a workflow of its own, and a push starts them all."""
    files = {"a.yaml": steps(images()), "b.yaml": other}
    assert course.builds(files, "verify/0a1b2c3d")
    assert course.others(files, "verify/0a1b2c3d") == others
    assert not course.builds({}, "verify/0a1b2c3d")
