"""The pipeline files of this repository: valid under Woodpecker's schema, clean under its strict lint, and complete."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devtools import pipeline
from devtools.goyaml import Value
from devtools.images import IMAGES
from devtools.pipeline import Step
from devtools.settings import encode
from tests.pipelines import strict_lint

if TYPE_CHECKING:
    from plugin_kit.cli import Plugin

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples/demo"
FILES = {"local-cicd": ROOT / ".woodpecker.yml", "demo": DEMO / ".woodpecker.yml"}
SCHEMA_OF_3_17 = ROOT.parent / "shared/specs/woodpecker/pipeline-schema-v3.17.0.json"
SHA = "0123456701234567012345670123456701234567"
PUSH = {"CI_PIPELINE_EVENT": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": SHA}
PULL_REQUEST = {**PUSH, "CI_PIPELINE_EVENT": "pull_request"}
KARGO = {"KARGO_URL": "https://kargo.lan"}
EVERYTHING = {"NOTIFY_URL": "x", "GITHUB_REMOTE": "git@github.com:acme/shop.git"}
SECRETS = {"kargo_token": "t", "github_deploy_key": "k"}

every_file = pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())


def steps(file: Path, variables: dict[str, str]) -> dict[str, Step]:
    """Return the steps that run for an event, by name."""
    levels = pipeline.parse(file.read_text(encoding="utf-8"), variables).levels(variables)
    return {step.name: step for level in levels for step in level}


def images(step: Step) -> list[dict[str, Value]]:
    """Return the images that a step builds."""
    listed = step.settings["images"]
    assert isinstance(listed, list)
    return [image for image in listed if isinstance(image, dict)]


def check(*arguments: str) -> None:
    """Run check-jsonschema; its findings are the failure message."""
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@every_file
def test_a_file_is_valid_under_the_vendored_schema(file: Path) -> None:
    """The one that check-jsonschema ships."""
    check("--builtin-schema", "vendor.woodpecker-ci", str(file))


@every_file
@pytest.mark.skipif(not SCHEMA_OF_3_17.exists(), reason="the schema of Woodpecker 3.17 does not lie beside the repository")
def test_a_file_is_valid_under_the_schema_of_3_17(file: Path) -> None:
    """The version that the platform installs."""
    check("--schemafile", str(SCHEMA_OF_3_17), str(file))


@every_file
def test_a_file_has_no_warning_under_strict_lint(file: Path) -> None:
    """What --strict would turn into an error."""
    assert strict_lint.problems(file.read_text(encoding="utf-8")) == []


@every_file
def test_the_image_step_holds_its_tags(file: Path) -> None:
    """No tag that a deployment follows is set before the tests have passed."""
    assert steps(file, PUSH)["images"].settings["hold"] is True


@every_file
@pytest.mark.parametrize("variables", [PUSH, PULL_REQUEST], ids=["push", "pull request"])
def test_no_secret_is_needed(file: Path, variables: dict[str, str]) -> None:
    """A missing one would stop the whole pipeline before it begins."""
    assert "from_secret" not in repr(steps(file, variables))


@every_file
def test_a_failure_is_told_where_a_url_is_known(file: Path) -> None:
    """By the last step, after a failure only."""
    told = {**PUSH, "NOTIFY_URL": "https://chat.example.lan"}
    assert "notify" not in steps(file, PUSH)
    name, step = list(steps(file, told).items())[-1]
    assert (name, step.when.after_success(told), step.when.after_failure(told)) == ("notify", False, True)


@every_file
def test_a_pull_request_is_tried_but_neither_released_nor_told(file: Path) -> None:
    """It has no candidate in the registry that a test could run."""
    assert list(steps(file, {**PULL_REQUEST, "NOTIFY_URL": "x", "GITHUB_REMOTE": "x"})) == ["lint", "test", "images"]


@every_file
def test_the_mirror_is_the_last_step_and_blocks_nothing(file: Path) -> None:
    """Red when it fails, in a green pipeline; it gets what has passed, has a limit of its own, and nothing waits for it."""
    told = {**PUSH, "NOTIFY_URL": "x", "GITHUB_REMOTE": "git@github.com:acme/shop.git"}
    levels = pipeline.parse(file.read_text(encoding="utf-8"), told).levels(told)
    (step,) = levels[-1]
    assert (step.name, step.failure, step.settings["strict"], step.settings["timeout"]) == ("mirror", "ignore", True, "5m")
    assert (step.when.after_success(told), step.when.after_failure(told)) == (True, False)
    assert step.settings["remote"] == "git@github.com:acme/shop.git"


@every_file
def test_only_a_mirror_that_is_wanted_asks_for_its_secret(file: Path) -> None:
    """A step that `when` leaves out needs none; nor is anything mirrored from a pull request."""
    wanted = {"GITHUB_REMOTE": "x"}
    assert "mirror" not in steps(file, PUSH)
    assert "mirror" not in steps(file, {**PULL_REQUEST, **wanted})
    asking = {name for name, step in steps(file, {**PUSH, **wanted}).items() if "from_secret" in repr(step)}
    assert asking == {"mirror"}


@every_file
def test_only_a_kargo_that_is_told_asks_for_its_secret(file: Path) -> None:
    """Its token; nor is anything told of a pull request."""
    asking = {name for name, step in steps(file, {**PUSH, **KARGO}).items() if "from_secret" in repr(step)}
    assert asking == {"release"}
    assert "from_secret" not in repr(steps(file, {**PULL_REQUEST, **KARGO}))


@every_file
@pytest.mark.parametrize(("told", "release"), [(KARGO, "release"), ({}, "release-without-kargo")], ids=["with Kargo", "without Kargo"])
def test_a_commit_is_released_once_when_everything_else_has_passed(file: Path, told: dict[str, str], release: str) -> None:
    """Only the news of a failure and the mirror come later, and nothing is released after a failure."""
    variables = {**PUSH, **EVERYTHING, **told}
    run = steps(file, variables)
    names = list(run)
    assert names[names.index(release) + 1 :] == ["notify", "mirror"]
    assert [name for name in names if name.startswith("release")] == [release]
    assert (run[release].when.after_failure(variables), run[release].failure) == (False, "fail")


@every_file
def test_the_same_is_released_with_kargo_and_without(file: Path) -> None:
    """The same images of the same registry, in the same order."""
    told = steps(file, {**PUSH, **KARGO})["release"]
    untold = steps(file, PUSH)["release-without-kargo"]
    assert told.image == untold.image
    assert {**told.settings, **untold.settings, "via": "api"} == told.settings
    assert untold.settings["via"] == "none"


@every_file
def test_the_servers_environment_names_kargo(file: Path) -> None:
    """Project, Warehouse, the watched image and how long a Freight is waited for."""
    chosen = {"kargo_project": "p", "warehouse": "w", "watch": "i", "wait": "5m"}
    names = {"KARGO_PROJECT": "p", "KARGO_WAREHOUSE": "w", "KARGO_WATCH": "i", "KARGO_WAIT": "5m"}
    settings = steps(file, {**PUSH, **KARGO, **names})["release"].settings
    assert {**settings, **chosen, "kargo_url": "https://kargo.lan"} == settings


@every_file
@pytest.mark.parametrize("variables", [{**PUSH, **KARGO}, PUSH, PULL_REQUEST], ids=["with Kargo", "without Kargo", "pull request"])
def test_every_plugin_takes_its_settings_without_a_word(file: Path, variables: dict[str, str]) -> None:
    """As Woodpecker encodes them: no mistake, no warning."""
    for step in steps(file, {**variables, **EVERYTHING}).values():
        if step.is_plugin:
            name = step.image.rpartition("/")[2].partition(":")[0]
            plugin: Plugin = import_module(f"{name.replace('-', '_')}.__main__").PLUGIN
            assert plugin.settings_model().load(encode(step.settings, SECRETS).values).warnings == [], step.name


@every_file
def test_other_branches_run_nothing(file: Path) -> None:
    """Kargo's own branches must not start pipelines."""
    assert steps(file, {**PUSH, "CI_COMMIT_BRANCH": "stage/beta"}) == {}


@every_file
def test_the_clone_has_the_history(file: Path) -> None:
    """registry-push asks it which commit is the newer one."""
    clone = pipeline.parse(file.read_text(encoding="utf-8"), PUSH).clone
    assert clone is not None
    assert clone.depth == 0


@every_file
def test_every_step_image_is_debian_or_built_here(file: Path) -> None:
    """A pipeline must not depend on images of others."""
    for step in [*steps(file, {**PUSH, **EVERYTHING, **KARGO}).values(), *steps(file, PUSH).values()]:
        assert re.fullmatch(r"debian:trixie-slim|registry:5000/(local-cicd|demo)/[a-z-]+:(latest|candidate-[0-9a-f]{40})", step.image), (
            step.image
        )


@every_file
def test_every_image_has_its_dockerfile(file: Path) -> None:
    """Context and Dockerfile exist; without `dockerfile` it lies in the context."""
    for name in ("test", "images"):
        step = steps(file, PUSH)[name]
        for image in images(step) if step.is_plugin else []:
            context = str(image.get("context", "."))
            assert (file.parent / context).is_dir(), image
            assert (file.parent / str(image.get("dockerfile", f"{context}/Dockerfile"))).is_file(), image


def test_the_demo_builds_fourteen_images_on_a_base_that_is_not_pushed() -> None:
    """12 services, half of them with the whole repository as context, a front end, and one whose Dockerfile lies elsewhere."""
    built = images(steps(FILES["demo"], PUSH)["images"])
    assert [image["name"] for image in built if image.get("push") is False] == ["python-base"]
    pushed = [image for image in built if image.get("push") is not False]
    assert len(pushed) == 14
    services = {folder.name for folder in (DEMO / "services").iterdir()}
    assert len(services) == 12
    assert {str(image["name"]) for image in pushed} == services | {"dashboard", "analytics"}
    assert len([image for image in pushed if image["name"] in services and "context" not in image]) == 6
    assert all(image["build_contexts"] == {"python-base": "target:python-base"} for image in pushed)


def test_the_demo_is_built_from_debian_alone() -> None:
    """Every FROM is debian:trixie-slim or the base that is made of it."""
    bases = {line.split()[1] for file in DEMO.rglob("Dockerfile") for line in file.read_text().splitlines() if line.startswith("FROM ")}
    assert bases == {"debian:trixie-slim", "python-base"}


def test_the_integration_test_runs_the_candidate_of_this_commit() -> None:
    """Also for a commit whose SHA YAML would take for a number."""
    assert steps(FILES["demo"], PUSH)["integration-test"].image == f"registry:5000/demo/query-api:candidate-{SHA}"


def test_each_of_our_own_images_is_tried_as_candidate() -> None:
    """What does not even start is not released."""
    run = steps(FILES["local-cicd"], PUSH)
    tried = {step.image for name, step in run.items() if name.startswith("try-")}
    assert tried == {f"registry:5000/local-cicd/{image['name']}:candidate-{SHA}" for image in images(run["images"])}


def test_our_own_candidates_are_tried_on_what_will_be_released() -> None:
    """The new registry-push builds all images, the new kargo-notify verifies them; neither changes anything."""
    run = steps(FILES["local-cicd"], PUSH)
    assert images(run["try-registry-push"]) == images(run["images"])
    assert [run[name].settings["dry_run"] for name in ("try-registry-push", "try-kargo-notify")] == [True, True]


def test_our_own_pipeline_builds_all_our_images() -> None:
    """The same that ./dev images builds, of the same files."""
    built = {(image["name"], image["dockerfile"], image["target"]) for image in images(steps(FILES["local-cicd"], PUSH)["images"])}
    assert built == {(image.name, image.dockerfile, image.target) for image in IMAGES}


def test_the_servers_environment_chooses_registry_and_builder() -> None:
    """For our own pipeline, which many servers run."""
    step = steps(FILES["local-cicd"], {**PUSH, "REGISTRY": "registry.lan", "REGISTRY_INSECURE": "false", "BUILDKIT": "tcp://b:1"})["images"]
    assert step.image == "registry.lan/local-cicd/registry-push:latest"
    assert (step.settings["registry"], step.settings["insecure"], step.settings["builder"]) == ("registry.lan", "false", "tcp://b:1")


def test_the_demo_lints_and_tests_itself() -> None:
    """Its own scripts find nothing wrong with it."""
    subprocess.run(["sh", "scripts/lint.sh"], cwd=DEMO, check=True, capture_output=True)
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    shown = subprocess.run(["sh", "scripts/test.sh"], cwd=DEMO, check=True, capture_output=True, text=True, env=env).stdout
    assert len(shown.splitlines()) == 14


@pytest.mark.parametrize("service", sorted(folder.name for folder in (DEMO / "services").iterdir()))
def test_a_service_of_the_demo_passes_its_self_test(service: str) -> None:
    """Over HTTP, as its container would."""
    env = {"PYTHONPATH": f"{DEMO / 'base/runtime'}:{DEMO / 'libs'}", "PYTHONDONTWRITEBYTECODE": "1"}
    program = DEMO / "services" / service / f"{service.replace('-', '_')}.py"
    subprocess.run([sys.executable, str(program), "--self-test"], check=True, capture_output=True, env=env)


def test_the_notification_says_which_pipeline_failed() -> None:
    """As JSON that chat programs take, to NOTIFY_URL."""
    posted: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the signature of http.server
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        env = {
            "NOTIFY_URL": f"http://127.0.0.1:{server.server_port}/",
            "CI_REPO": "acme/shop",
            "CI_PIPELINE_NUMBER": "7",
            "CI_COMMIT_BRANCH": "main",
        }
        subprocess.run([sys.executable, str(DEMO / "scripts/notify.py")], env=env, check=True, capture_output=True)
        thread.join()
    assert posted[0]["text"].startswith("acme/shop: pipeline 7 failed on main")
