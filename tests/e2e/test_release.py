"""Commits of a monorepo, pushed with a BuildKit that stays: what is built, tagged and recorded."""

import json
from pathlib import Path

from tests.support.monorepo import Monorepo, monorepo
from tests.support.project import Project


def test_fourteen_images_are_built_pushed_and_tagged(project: Project, tmp_path: Path) -> None:
    """A cold run gives each image the commit's tag and latest, of one digest."""
    repo = monorepo(tmp_path / "shop")
    sha = repo.git("rev-parse", "HEAD")
    run = project.push(repo)
    print(run.log)
    assert run.exit_code == 0, run.log
    assert project.all_tags() == {name: {sha, "latest"} for name in repo.names} | {"releases": {sha, "latest", f"candidate-{sha}"}}
    assert project.digests(repo, sha) == project.digests(repo, "latest")
