"""The pipeline of stonks-oracle: valid, unprivileged, and in agreement with the platform that runs it."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bootstrap.platform.load import load
from bootstrap.platform.pipeline_secret import OWN_SECRETS
from bootstrap.platform.platform import Platform
from devtools import pipeline
from devtools.pipeline import Step
from devtools.settings import encode
from tests.pipelines import strict_lint

if TYPE_CHECKING:
    from plugin_kit.cli import Plugin

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/stonks-oracle"
FILE = FOLDER / ".woodpecker.yml"
SCHEMA_OF_3_17 = ROOT.parent / "shared/specs/woodpecker/pipeline-schema-v3.17.0.json"
SHA = "0123456701234567012345670123456701234567"
PUSH = {"CI_PIPELINE_EVENT": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": SHA}
MANUAL = {**PUSH, "CI_PIPELINE_EVENT": "manual"}
PULL_REQUEST = {**PUSH, "CI_PIPELINE_EVENT": "pull_request"}


@pytest.fixture(scope="module")
def platform() -> Platform:
    """Return the platform that the pipeline runs on."""
    return load(FOLDER / "platform.yaml").platform


def levels(variables: dict[str, str]) -> list[list[Step]]:
    """Return the steps that run for an event, level by level."""
    return [list(level) for level in pipeline.parse(FILE.read_text(encoding="utf-8"), variables).levels(variables)]


def steps(variables: dict[str, str]) -> dict[str, Step]:
    """Return the steps that run for an event, by name."""
    return {step.name: step for level in levels(variables) for step in level}


def secrets(value: object) -> set[str]:
    """Return the names of the secrets that are asked for."""
    if isinstance(value, dict):
        name = value.get("from_secret")
        return {str(name)} if name else {each for inner in value.values() for each in secrets(inner)}
    return {each for inner in value for each in secrets(inner)} if isinstance(value, list) else set()


def test_it_is_valid_and_has_no_warning() -> None:
    """Under the schema that is shipped, and the strict lint."""
    arguments = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.woodpecker-ci", str(FILE)]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert strict_lint.problems(FILE.read_text(encoding="utf-8")) == []


@pytest.mark.skipif(not SCHEMA_OF_3_17.exists(), reason="the schema of Woodpecker 3.17 does not lie beside the repository")
def test_it_is_valid_under_the_schema_of_3_17() -> None:
    """The version that the platform installs."""
    arguments = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA_OF_3_17), str(FILE)]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_steps_are_those_of_the_design_in_their_order() -> None:
    """Fourteen builds are one step; the release comes between the tests and the mirror."""
    expected = ["lint-python", "test-python", "test-frontend", "images", "integration-test", "release", "mirror-github"]
    assert list(steps(PUSH)) == list(steps(MANUAL)) == expected


def test_the_tests_are_those_of_the_design() -> None:
    """Command for command."""
    text = FILE.read_text(encoding="utf-8")
    for command in ("ruff check services/", "pytest tests/", "npm ci", "npx vitest --run", "./run_pipeline.sh --image-tag"):
        assert f"- {command}" in text


def test_all_fourteen_images_are_built_at_once_and_held() -> None:
    """Twelve services, the dashboard, and Superset with its own Dockerfile."""
    step = steps(PUSH)["images"]
    listed = step.settings["images"]
    assert isinstance(listed, list)
    images = {str(image["name"]): image for image in listed if isinstance(image, dict)}
    assert len(images) == len(listed) == 14
    services = {name for name, image in images.items() if image.get("context") == f"services/{name}"}
    assert images.keys() - services == {"dashboard", "superset"}
    assert (images["dashboard"]["context"], images["superset"]["dockerfile"]) == ("frontend", "docker/Dockerfile.superset")
    assert step.settings["hold"] is True


def test_the_integration_test_runs_the_candidates_as_its_own_service_account(platform: Platform) -> None:
    """The one that the platform makes for it, not the agents'."""
    tests = platform.projects[0].integration_tests
    assert tests is not None
    text = FILE.read_text(encoding="utf-8")
    assert f"serviceAccountName: {tests.service_account}" in text
    assert '- ./run_pipeline.sh --image-tag "candidate-${CI_COMMIT_SHA}"' in text


def test_it_names_what_the_platform_installs(platform: Platform) -> None:
    """Registry, builder, Kargo, and its own plugins in their version."""
    project = platform.projects[0]
    run = steps(PUSH)
    build, release, mirror = (run[name].settings for name in ("images", "release", "mirror-github"))
    for settings in (build, release):
        assert (settings["registry"], settings["project"]) == (platform.registry.host, project.registry_project)
    assert [build["builder"]] == list(platform.buildkit.cluster_urls)
    assert {key: release[key] for key in ("watch", "kargo_url", "kargo_project", "warehouse")} == {
        "watch": project.watched_image,
        "kargo_url": platform.kargo.public_url,
        "kargo_project": project.kargo.namespace,
        "warehouse": project.kargo.warehouse.name,
    }
    assert project.mirror is not None
    assert mirror["remote"] == project.mirror.remote
    used = {step.image for step in run.values() if step.is_plugin}
    assert used == {platform.image(name) for name in ("registry-push", "kargo-notify", "github-mirror")}


def test_every_secret_it_asks_for_is_made_by_the_platform(platform: Platform) -> None:
    """A missing one would stop the whole pipeline."""
    project = platform.projects[0]
    asked = {name for step in steps(PUSH).values() for name in secrets(step.settings)}
    assert asked == {"platform_ca", "builder_ca", "builder_cert", "builder_key", "kargo_token", "github_deploy_key"}
    assert asked <= OWN_SECRETS | project.secrets.keys()
    assert platform.ca is not None
    assert platform.buildkit.mtls


def test_a_pull_request_is_only_tested_and_sees_no_secret() -> None:
    """Anybody may send one."""
    run = steps(PULL_REQUEST)
    assert list(run) == ["lint-python", "test-python", "test-frontend"]
    assert [name for step in run.values() for name in secrets(step.settings)] == []


@pytest.mark.parametrize("stage", ["beta", "paper", "live"])
@pytest.mark.parametrize("event", ["push", "manual"])
def test_a_promotion_starts_no_pipeline(platform: Platform, stage: str, event: str) -> None:
    """Else it would make images, and these a promotion, for ever."""
    branch = next(each.branch for each in platform.projects[0].stages if each.name == stage)
    assert levels({**PUSH, "CI_PIPELINE_EVENT": event, "CI_COMMIT_BRANCH": branch}) == []


def test_no_step_is_privileged(platform: Platform) -> None:
    """Neither by itself nor by its image."""
    assert not re.search(r"^\s*privileged:", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert platform.woodpecker.privileged_plugins == ()


def test_the_mirror_is_the_last_step_and_blocks_nothing() -> None:
    """Red when it fails, in a green pipeline."""
    (step,) = levels(PUSH)[-1]
    assert (step.name, step.failure, step.settings["strict"]) == ("mirror-github", "ignore", True)


def test_nothing_is_released_after_a_failure() -> None:
    """The integration test stands before the release, which runs on success only."""
    run = steps(PUSH)
    assert list(run).index("integration-test") < list(run).index("release")
    assert all(not step.when.after_failure(PUSH) and (step.failure == "fail" or step.name == "mirror-github") for step in run.values())


@pytest.mark.parametrize("variables", [PUSH, MANUAL], ids=["push", "manual"])
def test_every_plugin_takes_its_settings_without_a_word(variables: dict[str, str]) -> None:
    """As Woodpecker encodes them: no mistake, no warning."""
    values = dict.fromkeys(OWN_SECRETS, "-")
    for step in steps(variables).values():
        if step.is_plugin:
            name = step.image.rpartition("/")[2].partition(":")[0]
            plugin: Plugin = import_module(f"{name.replace('-', '_')}.__main__").PLUGIN
            assert plugin.settings_model().load(encode(step.settings, values).values).warnings == [], step.name
