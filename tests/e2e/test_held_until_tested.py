"""A whole pipeline by the step runner: build and hold, test the candidate, release; and what a failing test leaves behind."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

from devtools import runner
from devtools.metadata import Repository
from devtools.runner import StepResult
from plugin_kit.console import Console
from tests.support.monorepo import Monorepo
from tests.support.project import Project

PLUGINS = ("registry-push", "kargo-notify")
TESTED = "market-feed"
WATCHED = "candle-store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """How a pipeline went."""

    results: Sequence[StepResult]
    log: str

    @property
    def states(self) -> dict[str, str]:
        """How each step ended."""
        return {result.name: result.state for result in self.results}


def run(project: Project, repo: Monorepo, test: str) -> Pipeline:
    """Run a pipeline whose integration test is a shell command in a candidate."""
    services = project.services
    registry = {"registry": services.registry.inside, "insecure": True, "project": project.name}
    steps = [
        {"name": "images", "image": "registry-push", "settings": {**project.settings(repo), "hold": True}},
        {
            "name": "integration-test",
            "image": f"{services.registry.inside}/{project.name}/{TESTED}:candidate-${{CI_COMMIT_SHA}}",
            "commands": [test],
        },
        {"name": "release", "image": "kargo-notify", "settings": {**registry, "watch": WATCHED}},
    ]
    file = repo.path.parent / ".woodpecker.yml"
    file.write_text(json.dumps({"when": {"event": "push"}, "steps": steps}))
    out = io.StringIO()
    image_map = {**{name: project.plugin_images[name] for name in PLUGINS}, f"{services.registry.inside}/": f"{services.registry.host}/"}
    try:
        results = runner.run(
            file,
            repo.path,
            network=services.network,
            image_map=image_map,
            images_present=PLUGINS,
            repository=Repository(full_name="acme/shop"),
            console=Console(out),
        )
    finally:
        runner.remove_pulled(image_map)
    return Pipeline(results=results, log=out.getvalue())


def test_a_commit_that_passes_its_test_is_released(project: Project, repo: Monorepo) -> None:
    """The very digests that were tested; the record comes from the workspace that the steps share."""
    done = run(project, repo, "test -s /app.txt")
    assert done.states == {"images": "success", "integration-test": "success", "release": "success"}, done.log
    sha = repo.git("rev-parse", "HEAD")
    assert project.digests(repo, sha) == project.digests(repo, "latest") == project.digests(repo, f"candidate-{sha}")
    assert project.tags("releases") == {f"candidate-{sha}", sha, "latest"}


def test_a_commit_that_fails_its_test_releases_nothing(project: Project, repo: Monorepo) -> None:
    """All images are candidates for ever; the commit before stays what it was, `latest` included."""
    assert run(project, repo, "test -s /app.txt").states["release"] == "success"
    released = repo.git("rev-parse", "HEAD")
    before = project.all_tags()
    latest = project.digests(repo, "latest")
    failing = repo.commit({f"services/{TESTED}/app.txt": "worse\n"})
    done = run(project, repo, "grep -q better /app.txt")
    assert done.states == {"images": "success", "integration-test": "failure", "release": "skipped"}, done.log
    assert project.all_tags() == {name: tags | {f"candidate-{failing}"} for name, tags in before.items()}
    assert project.digests(repo, "latest") == latest == project.digests(repo, released)
