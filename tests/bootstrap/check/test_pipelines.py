"""Pipelines: what Woodpecker's strict lint says, and what the platform needs of them."""

import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.check import yaml_text
from bootstrap.check.conditions import may_start, names_events
from bootstrap.check.facts import Facts
from bootstrap.check.rows import pipeline_file
from bootstrap.check.source import Source
from bootstrap.check.subject import Subject
from bootstrap.check.tree import Tree
from bootstrap.results.result import Outcome
from devtools.paths import ROOT
from tests.bootstrap.check.trees import REPOSITORY, Scene, told
from tests.pipelines import strict_lint

WHEN = "when:\n  - {event: push, branch: main}\n"
PLUGIN = "registry.example.lan/local-cicd"
OURS = [ROOT / "examples/stonks-oracle/.woodpecker.yml", ROOT / "examples/demo/.woodpecker.yml"]


def findings(text: str, facts: Facts | None = None) -> list[str]:
    """Return what is said about a pipeline, from the line on."""
    documents = yaml_text.read(text, as_pipeline=True).documents
    sources = tuple(Source(file="ci", path=PurePosixPath(".woodpecker.yml"), document=document) for document in documents)
    subject = Subject(facts=facts or Facts(origin="nothing"), repository=Tree(root=Path(), documents=sources))
    return [f"{finding.line}: {finding.text}" for finding in pipeline_file.CHECK.look(subject).findings]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{WHEN}steps: []\n", "3: there are no steps"),
        (f"{WHEN}steps:\n  - name: a\n    commands: [x]\n", "4: step a: has no image"),
        ("steps:\n  - {name: a, image: x, commands: [y]}\n", "1: `when` does not say for which events it runs"),
        ("when: {branch: main}\nsteps:\n  - {name: a, image: x, commands: [y]}\n", "1: `when` does not say for which events it runs"),
        (
            f"{WHEN}steps:\n  - name: a\n    image: docker.io/a/b:1\n    settings: {{x: 1}}\n    commands: [y]\n",
            "7: step a: has settings and commands: a plugin runs its own program",
        ),
        (f"{WHEN}steps:\n  - name: a\n    image: docker.io/a/b:1\n    settings:\n      x:\n", "7: step a: the setting x has no value"),
        (
            f"{WHEN}steps:\n  - name: a\n    image: x\n    commands: [y]\n    secrets: [z]\n",
            "7: step a: `secrets` is gone since Woodpecker 3",
        ),
        (
            f"{WHEN}steps:\n  - {{name: a, image: x, commands: [y]}}\n  - {{name: a, image: x, commands: [y]}}\n",
            "5: step a: there are two steps of this name",
        ),
        (
            f"{WHEN}steps:\n  - name: a\n    image: x\n    commands: [y]\n    depends_on: [b]\n",
            "7: step a: waits for b, which is no step of this file",
        ),
        (
            f"{WHEN}steps:\n  - name: a\n    image: woodpeckerci/plugin-docker-buildx\n    settings: {{repo: a}}\n",
            "5: step a: woodpeckerci/plugin-docker-buildx must be privileged, and is not in the server's list of such plugins",
        ),
        (
            f"{WHEN}steps:\n  - name: a\n    image: plugin/b:1\n    settings: {{x: 1}}\n",
            "5: step a: plugin/b:1 is not the full name of an image",
        ),
        (
            f"{WHEN}steps:\n  - name: a\n    image: registry:5000/a/b\n    settings: {{x: 1}}\n",
            "5: step a: registry:5000/a/b is without a tag: what runs here changes without a commit",
        ),
        (f"{WHEN}runs_on: [failure]\nsteps:\n  - {{name: a, image: x, commands: [y]}}\n", "3: runs_on is deprecated"),
        (
            f"{WHEN}steps:\n  - name: a\n    image: x\n    commands: [y]\n    environment:\n      B: ${{CI_COMMIT_PRERELEASE}}\n",
            "8: CI_COMMIT_PRERELEASE is deprecated",
        ),
        (
            f"{WHEN}steps:\n  - name: a\n    image: x\n    commands: [y]\n    environment:\n      API_TOKEN: hunter2\n",
            "8: step a: API_TOKEN stands here in clear text",
        ),
        (
            f"{WHEN}steps:\n  - name: a\n    image: x\n    failure: ignore\n    commands:\n      - git push --mirror git@github.com:a/b\n",
            "7: step a: `git push --mirror` from a clone of CI deletes the branches and tags that are not in that clone",
        ),
        (
            f"{WHEN}steps:\n  - name: a\n    image: {PLUGIN}/github-mirror:1\n    failure: ignore\n  - {{name: b, image: x, commands: y}}",
            "4: step a: b comes after the mirror, and waits for GitHub",
        ),
        (
            f"{WHEN}steps:\n  - name: a\n    image: {PLUGIN}/registry-push:1\n    settings: {{registry: r}}\n",
            "1: step a: the clone has one commit: which of two is the newer one can't be known, and latest may stay",
        ),
        (
            f"{WHEN}steps:\n  - name: a\n    image: x\n    commands: [y]\n    backend_options: 5\n",
            "7: steps[0].backend_options: must be a map",
        ),
        (f"{WHEN}steps:\n  - name: a\n    image: x\n    commands: [y]\nx-mine: 1\n", "7: x-mine: `x-mine` is no key here"),
        (f"{WHEN}steps: 5\n", "3: "),
    ],
)
def test_a_fault_of_a_pipeline_is_told_with_its_line(text: str, says: str) -> None:
    """In the words of whoever wrote it, and never with a secret."""
    found = findings(text)
    assert any(line.startswith(says) for line in found), found
    assert not any("hunter2" in line for line in found)


@pytest.mark.parametrize(
    "text",
    [
        f"{WHEN}steps:\n  - {{name: a, image: x, commands: [y]}}\n",
        f"{WHEN}steps:\n  a: {{image: x, commands: [y]}}\n",
        "steps:\n  - {name: a, image: x, commands: [y], when: [{event: tag}]}\n",
        "variables: &v [{event: push, branch: main}]\nwhen:\n  - <<: *v\n  - event: tag\nsteps: [{name: a, image: x, commands: [y]}]\n",
        f"{WHEN}steps:\n  - name: a\n    image: x\n    commands:\n      - echo ${{CI_COMMIT_SHA}}\n",
        f'{WHEN}steps:\n  - name: a\n    image: {PLUGIN}/x:1\n    settings: {{token: {{from_secret: t}}, tag: "${{CI_COMMIT_SHA}}"}}\n',
        f"{WHEN}skip_clone: true\nsteps:\n  - name: a\n    image: {PLUGIN}/registry-push:1\n    settings: {{registry: r}}\n",
        f"{WHEN}steps:\n  - {{name: a, image: x, commands: [y]}}\n  - {{name: b, image: x, commands: [y], depends_on: [{{name: a}}]}}\n",
    ],
)
def test_a_pipeline_in_order_passes(text: str) -> None:
    """Lists and maps of steps, anchors, and Woodpecker's own merging of lists."""
    assert findings(text) == []


CLONE = "docker.io/woodpeckerci/plugin-git:2.9.3"
BRINGS_CA = f"""clone:
  - name: ca
    image: {CLONE}
    environment: {{CA: {{from_secret: platform_ca}}}}
    commands: [printf '%s' "$CA" > /woodpecker/ca.pem]
  - {{name: git, image: {CLONE}, settings: {{partial: false, depth: 0, custom-ssl-path: /woodpecker/ca.pem}}}}
"""


@pytest.mark.parametrize(
    ("clone", "says"),
    [
        ("", "1: the clone does not trust Gitea's certificate"),
        (f"clone: {{git: {{image: {CLONE}, settings: {{depth: 0}}}}}}\n", "3: the clone does not trust Gitea's certificate"),
        (f"clone: {{git: {{image: {CLONE}, settings: {{skip-verify: true}}}}}}\n", "3: the clone takes whoever answers in Gitea's place"),
        (BRINGS_CA, ""),
        ("skip_clone: true\n", ""),
    ],
)
def test_a_clone_has_to_trust_the_platforms_own_ca(clone: str, says: str) -> None:
    """A Gitea with a certificate that everybody knows needs nothing."""
    text = f"{WHEN}{clone}steps:\n  - {{name: a, image: x, commands: [y]}}\n"
    found = findings(text, Facts(origin="platform.yaml", clone_needs_ca=True))
    assert [line.partition(", ")[0] for line in found] == ([says] if says else [])
    if "skip-verify" not in clone:
        assert findings(text) == []


def test_the_page_that_has_both_clone_steps_is_named() -> None:
    """With its section, which is there."""
    documents = yaml_text.read(f"{WHEN}steps:\n  - {{name: a, image: x, commands: [y]}}\n", as_pipeline=True).documents
    source = Source(file="ci", path=PurePosixPath(".woodpecker.yml"), document=documents[0])
    facts = Facts(origin="platform.yaml", clone_needs_ca=True)
    (finding,) = pipeline_file.CHECK.look(Subject(facts=facts, repository=Tree(root=Path(), documents=(source,)))).findings
    page, _, section = finding.hint.rpartition("both steps stand in ")[2].partition(", section ")
    assert section == "8 (Push)"
    assert "\n## 8. Push\n" in (ROOT / page).read_text(encoding="utf-8")


def test_the_step_that_brings_a_ca_is_not_taken_for_the_one_that_clones() -> None:
    """Its history is that of the step behind it."""
    text = f"{WHEN}{BRINGS_CA}steps:\n  - name: a\n    image: {PLUGIN}/registry-push:1\n    settings: {{registry: r}}\n"
    assert findings(text, Facts(origin="platform.yaml", clone_needs_ca=True)) == []


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.parent.name)
def test_our_own_pipelines_agree_with_the_strict_lint(file: Path) -> None:
    """Under check-jsonschema's own program, too; the demo builds what it runs, and has `latest`."""
    text = file.read_text(encoding="utf-8")
    assert strict_lint.problems(text) == []
    arguments = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.woodpecker-ci", str(file)]
    assert subprocess.run(arguments, check=False, capture_output=True).returncode == 0
    assert [line for line in findings(text) if "is latest" not in line] == []


def test_a_plugin_that_the_server_runs_privileged_may_be_used() -> None:
    """By the very name that stands in the server's list."""
    image = "docker.io/woodpeckerci/plugin-docker-buildx:6"
    text = f"{WHEN}steps:\n  - name: a\n    image: {image}\n    settings: {{repo: a}}\n"
    assert findings(text, Facts(origin="platform.yaml", privileged_plugins=(image,))) == []


def test_a_secret_that_nobody_makes_is_a_warning(scene: Scene) -> None:
    """Somebody may have made it by hand, for the whole organisation."""
    text = REPOSITORY[".woodpecker.yml"].replace("from_secret: platform_ca", "from_secret: platform_cert")
    result = scene.check(None, {**REPOSITORY, ".woodpecker.yml": text})["pipeline-file"]
    assert result.outcome is Outcome.WARNING
    (said,) = told(result)
    assert said.startswith(".woodpecker.yml:26: step images: the platform makes no secret platform_cert; a missing one stops the whole")


def test_a_repository_without_a_pipeline_is_said_to_have_none(scene: Scene) -> None:
    """It is no failure: Argo CD may deploy what others build."""
    result = scene.check(None, {"README.md": ""})["pipeline-file"]
    assert result.outcome is Outcome.SKIPPED
    assert result.looked.unseen[0].startswith("there is no .woodpecker.yml and no folder .woodpecker in ")


def test_every_file_of_the_folder_is_a_pipeline(scene: Scene) -> None:
    """As Woodpecker looks for them."""
    files = {".woodpecker/a.yml": REPOSITORY[".woodpecker.yml"], ".woodpecker/b.yaml": REPOSITORY[".woodpecker.yml"]}
    assert scene.check(None, files)["pipeline-file"].looked.at == "2 pipelines, 8 steps, 3 secrets"


@pytest.mark.parametrize(
    ("when", "starts"),
    [
        (None, True),
        ({"event": "push"}, True),
        ({"event": "push", "branch": "main"}, False),
        ({"event": ["tag", "manual"]}, False),
        ({"event": "push", "branch": "stage/*"}, True),
        ({"event": "push", "branch": "*"}, False),
        ({"event": "push", "branch": "**"}, True),
        ({"event": "push", "branch": {"exclude": ["stage/*"]}}, False),
        ({"event": "push", "branch": {"exclude": ["release"]}}, True),
        ({"event": "push", "branch": ["{main,stage/beta}"]}, True),
        ({"event": "push", "branch": "stage/bet?"}, True),
        ({"event": "push", "ref": "refs/heads/main"}, False),
        ({"event": "push", "ref": "refs/**"}, True),
        ({"event": "push", "path": "src/*"}, True),
        ([{"event": "push", "branch": "main"}, {"event": "pull_request"}], False),
        ([{"event": "push", "branch": "main"}, {"branch": "stage/beta"}], True),
    ],
)
def test_which_when_lets_a_promotion_start_something(when: object, starts: bool) -> None:
    """What a push says of itself besides its branch may be anything."""
    assert may_start(when, "stage/beta") is starts


def test_each_item_of_when_must_name_its_events() -> None:
    """As the strict lint wants it."""
    assert names_events([{"event": "push"}, {"event": ["tag"]}])
    assert not names_events([{"event": "push"}, {"branch": "main"}])
    assert not names_events(None)
