"""The step runner on a real engine, with debian:trixie-slim."""

import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools import base_images, engine, runner
from devtools.errors import DevError
from devtools.runner import StepResult
from plugin_kit.console import Console
from tests.support.processes import wait_for

pytestmark = pytest.mark.engine

IMAGE = "debian:trixie-slim"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _image() -> None:
    base_images.ensure()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Make a repository with two commits and a file that only its owner may read."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "file.txt").write_text("content\n")
    (folder / "file.txt").chmod(0o600)
    script = "git init --quiet --initial-branch=main; git add .; git commit --quiet -m first; git commit --quiet --allow-empty -m second"
    identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.lan"]
    for command in script.split("; "):
        subprocess.run(["git", *identity, *command.split()[1:]], cwd=folder, check=True)
    return folder


class Run:
    """A run of a pipeline that a test has written down, and what it printed."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self.file = repo.parent / ".woodpecker.yml"
        self.out = io.StringIO()

    def __call__(self, text: str, **arguments: Any) -> list[StepResult]:  # noqa: ANN401  those of runner.run
        """Run the text as a pipeline."""
        self.file.write_text(text)
        return runner.run(self.file, self.repo, console=Console(self.out), **arguments)

    @property
    def printed(self) -> str:
        """What a person has read so far."""
        return self.out.getvalue()


@pytest.fixture
def run(repo: Path) -> Iterator[Run]:
    """Run pipelines, and see to it that nothing is left of them."""
    before = left_over()
    yield Run(repo)
    assert left_over() <= before


def left_over() -> set[str]:
    """Return the containers, volumes and networks of runs."""
    names: set[str] = set()
    for what in (["ps", "--all", "--format", "{{.Names}}"], *([kind, "ls", "--format", "{{.Name}}"] for kind in ("volume", "network"))):
        names |= set(subprocess.run(["docker", *what], check=True, capture_output=True, text=True).stdout.split())
    return {name for name in names if name.startswith("local-cicd-run-")}


def steps(**scripts: str) -> str:
    """Return a pipeline of steps with one command each."""
    return json.dumps({"steps": [{"name": name, "image": IMAGE, "commands": [script]} for name, script in scripts.items()]})


def states(results: list[StepResult]) -> dict[str, str]:
    """Return how each step ended."""
    return {result.name: result.state for result in results}


def test_steps_share_the_checkout_of_the_commit(run: Run) -> None:
    """What one step writes the next one reads; the output carries the name of the step."""
    results = run(steps(write="cat file.txt > copy.txt", read="cat copy.txt; pwd"))
    assert states(results) == {"write": "success", "read": "success"}
    assert "read | content\n" in run.printed
    assert "read | /woodpecker/src/git.localhost/local/shop\n" in run.printed
    assert "write | + cat file.txt > copy.txt\n" in run.printed


def test_every_user_may_write_in_the_workspace(run: Run) -> None:
    """As after Woodpecker's own clone step, whose umask is 0."""
    assert states(run(steps(write="setpriv --reuid=1000 --regid=1000 --clear-groups sh -c 'echo x > new; echo x >> file.txt'"))) == {
        "write": "success"
    }


@pytest.mark.parametrize(("clone", "expected"), [("", "1"), ("clone: {git: {image: g, settings: {partial: false, depth: 0}}}", "2")])
def test_the_clone_is_as_deep_as_its_settings_say(run: Run, repo: Path, clone: str, expected: str) -> None:
    """By default one commit; the image of a clone step is never run."""
    # The shallow file of git names the commits without parents, and the image has no git.
    count = "if [ -f .git/shallow ]; then echo depth 1; else echo depth 2; fi; cut -d' ' -f2 .git/HEAD; cat .git/refs/heads/main"
    run(f"{clone}\nsteps: [{{name: count, image: '{IMAGE}', commands: [{json.dumps(count)}]}}]")
    assert f"count | depth {expected}\n" in run.printed
    assert subprocess.run(["git", "rev-parse", "HEAD"], cwd=repo, check=True, capture_output=True, text=True).stdout in run.printed


def test_a_failing_step_skips_what_follows_but_not_what_waits_for_a_failure(run: Run) -> None:
    """And the status of the workflow is told to it."""
    text = f"""
        steps:
          - {{name: bad, image: '{IMAGE}', commands: [exit 3]}}
          - {{name: after, image: '{IMAGE}', commands: [echo no]}}
          - {{name: notify, image: '{IMAGE}', commands: ['echo it is $CI_PIPELINE_STATUS'], when: {{event: push, status: [failure]}}}}
        """
    results = run(text)
    assert states(results) == {"bad": "failure", "after": "skipped", "notify": "success"}
    assert results[0].exit_code == 3
    assert runner.failed(results)
    assert "bad: failed with exit code 3 after" in run.printed
    assert "notify | it is failure\n" in run.printed


def test_a_command_that_fails_ends_its_step(run: Run) -> None:
    """The next command does not run."""
    run(json.dumps({"steps": [{"name": "a", "image": IMAGE, "commands": ["false", "echo still here"]}]}))
    assert "a | still here" not in run.printed


def test_a_forgiven_failure_stops_nothing(run: Run) -> None:
    """`failure: ignore`: the step is red, the pipeline green."""
    text = f"""
        steps:
          - {{name: bad, image: '{IMAGE}', commands: [exit 3], failure: ignore}}
          - {{name: after, image: '{IMAGE}', commands: ['echo $CI_PIPELINE_STATUS']}}
        """
    results = run(text)
    assert states(results) == {"bad": "ignored", "after": "success"}
    assert not runner.failed(results)
    assert "after | success\n" in run.printed


def test_a_step_that_can_not_start_is_never_forgiven(run: Run) -> None:
    """As in Woodpecker, where an image that can't be pulled fails the workflow whatever `failure` says."""
    missing = "127.0.0.1:1/nothing:here"
    results = run(f"steps: [{{name: ok, image: '{IMAGE}', commands: ['true']}}, {{name: bad, image: '{missing}', failure: ignore}}]")
    assert states(results) == {"ok": "success", "bad": "failure"}
    assert re.search(r"bad \| .*127\.0\.0\.1:1", run.printed)


def test_an_image_that_must_be_there_is_not_pulled(run: Run) -> None:
    """The message names it."""
    results = run(
        f"steps: [{{name: ok, image: '{IMAGE}', commands: ['true']}}, {{name: bad, image: 'local-only'}}]", images_present=["local-only"]
    )
    assert states(results)["bad"] == "failure"
    assert "bad | the image local-only is not in the engine\n" in run.printed


def test_images_are_found_where_the_map_says(run: Run) -> None:
    """The engine can't resolve the name by which containers know the registry."""
    image_map = {"registry:5000/base": "debian"}
    results = run("steps: [{name: a, image: 'registry:5000/base:trixie-slim', commands: ['true']}]", image_map=image_map)
    assert states(results) == {"a": "success"}


def test_a_plugin_gets_settings_and_metadata(run: Run) -> None:
    """An image whose entrypoint prints its environment stands for the plugin."""
    image = "local-cicd-test/environment"
    subprocess.run(["docker", "build", "--quiet", "--tag", image, "-"], input=f'FROM {IMAGE}\nENTRYPOINT ["env"]\n', text=True, check=True)
    try:
        run(
            f"steps: [{{name: a, image: {image}, settings: {{build-args: [a, b], deep: {{x: 1}}, tag: '${{CI_COMMIT_SHA:0:8}}'}}}}]",
            env={"EXTRA": "more"},
        )
    finally:
        subprocess.run(["docker", "image", "rm", image], check=True, capture_output=True)
    seen = dict(line.removeprefix("a | ").split("=", 1) for line in run.printed.splitlines() if line.startswith("a | ") and "=" in line)
    assert (seen["PLUGIN_BUILD_ARGS"], seen["PLUGIN_DEEP"], seen["EXTRA"]) == ("a,b", '{"x":1}', "more")
    assert (seen["CI_STEP_TYPE"], seen["CI_WORKSPACE"]) == ("plugin", "/woodpecker/src/git.localhost/local/shop")
    assert seen["PLUGIN_TAG"] == seen["CI_COMMIT_SHA"][:8]


def test_levels_see_the_failures_of_earlier_levels_only(run: Run) -> None:
    """Steps of one level start together in Woodpecker."""
    text = f"""
        steps:
          bad: {{image: '{IMAGE}', commands: ['false']}}
          beside: {{image: '{IMAGE}', commands: ['true']}}
          after: {{image: '{IMAGE}', commands: ['true'], depends_on: [beside]}}
        """
    assert states(run(text)) == {"bad": "failure", "beside": "success", "after": "skipped"}


def test_steps_can_be_chosen(run: Run) -> None:
    """By name, either way; a name that is not in the file is an error."""
    text = steps(a="true", b="true", c="true")
    assert states(run(text, only=["b"])) == {"a": "skipped", "b": "success", "c": "skipped"}
    assert states(run(text, skip=["b"])) == {"a": "success", "b": "skipped", "c": "success"}
    with pytest.raises(DevError, match="no step 'd'"):
        run(text, only=["d"])


def test_a_missing_secret_stops_everything_before_the_first_step(run: Run) -> None:
    """A compile error in Woodpecker, even for a step that comes last."""
    with pytest.raises(DevError, match='secret "absent" not found'):
        run(f"steps: [{{name: a, image: '{IMAGE}', commands: ['true']}}, {{name: b, image: x, settings: {{p: {{from_secret: absent}}}}}}]")
    assert "==>" not in run.printed


def test_a_secret_reaches_the_step_and_nothing_else(run: Run) -> None:
    """Not argv of any process, not the printed command, not the log."""
    secret = "correct-horse battery\nstaple-line"
    text = f"""
        steps:
          - name: a
            image: '{IMAGE}'
            environment: {{TOKEN: {{from_secret: token}}}}
            commands: ['echo "$TOKEN" | wc -l', 'echo "got $TOKEN"', sleep 1.5]
        """
    seen: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.append(file.read_bytes().decode(errors="replace"))
                except OSError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        results = run(text, secrets={"Token": secret}, show_commands=True)
    finally:
        over.set()
        watcher.join()
    assert states(results) == {"a": "success"}
    assert "a | 2\n" in run.printed
    assert "a | got ********\n" in run.printed
    assert "# with TOKEN in the environment:\n" in run.printed
    assert any("docker\0run" in cmdline for cmdline in seen)
    for text in ("correct-horse", "staple-line"):
        assert text not in run.printed
        assert not [cmdline for cmdline in seen if text in cmdline]


def test_a_printed_command_can_be_run_again(run: Run) -> None:
    """With the workspace kept, the lines between title and output do what the step did."""
    try:
        run(steps(a="cat file.txt; echo $CI_COMMIT_BRANCH"), show_commands=True, keep_workspace=True)
        command = run.printed[run.printed.index("docker run") : run.printed.index("a | ")]
        again = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout
        assert again.splitlines()[1:] == ["content", "main"]
    finally:
        remedy = re.search(r"to be removed by: (docker .*)", run.printed)
        if remedy:
            subprocess.run(["sh", "-c", remedy[1]], check=True, capture_output=True)


@pytest.mark.parametrize("signal_name", ["INT", "TERM"])
def test_an_interrupted_run_leaves_nothing(repo: Path, signal_name: str) -> None:
    """Containers and volume are gone soon after Ctrl-C, also those whose process ignores signals."""
    before = left_over()
    file = repo.parent / ".woodpecker.yml"
    file.write_text(steps(long="trap '' INT TERM; echo begun; sleep 60 & wait; sleep 60"))
    code = (
        "import sys; from pathlib import Path; from devtools import runner; from plugin_kit.process import terminated\n"
        "with terminated(): runner.run(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file), str(repo)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert any("long | begun" in line for line in process.stdout)
        subprocess.run(["kill", f"-{signal_name}", str(process.pid)], check=True)
        assert process.wait(20) != 0
    assert wait_for(lambda: left_over() <= before)


def test_a_privileged_plugin_gets_what_buildkit_needs(run: Run) -> None:
    """The printed command shows the privileges of this engine, for that step alone."""
    image_map = {"registry:5000/": ""}
    text = f"steps: [{{name: a, image: 'registry:5000/{IMAGE}', settings: {{x: y}}}}, {{name: b, image: '{IMAGE}', commands: ['true']}}]"
    run(text, image_map=image_map, privileged_images=[f"registry:5000/{IMAGE}", IMAGE], show_commands=True)
    first, second = run.printed.split("==> b:")
    for flag in engine.privileges().cli_flags:
        assert flag in first
        assert flag not in second
