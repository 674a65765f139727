"""Whether a commit may be pushed, and for which project: asked before anything begins, so that nobody has to stay."""

import sys
from collections.abc import Sequence

import typer
from pydantic import TypeAdapter, ValidationError

from bootstrap.platform.duration import Duration
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project
from bootstrap.verify.finding import Row
from bootstrap.verify.rows.promotion import ROW as PROMOTION
from bootstrap.verify.running import running
from bootstrap.verify.scene import Scene
from plugin_kit.errors import PluginError
from plugin_kit.scalars import did_you_mean


def seconds(text: str) -> float:
    """Read a length of time."""
    try:
        return float(TypeAdapter(Duration).validate_python(text).total_seconds())
    except (ValidationError, OverflowError):
        raise PluginError(f'--timeout "{text}" is no length of time', hint="write it as 30m, 1h or 90s") from None


def settle(scene: Scene, rows: Sequence[Row], *, name: str | None, yes: bool) -> None:
    """Find the project, and ask where somebody can be asked; the scene says why nothing is pushed."""
    scene.promotes = PROMOTION in rows
    found = _project(scene.platform, name)
    if isinstance(found, str):
        scene.refusal = found
        return
    scene.project = found
    if yes:
        scene.agreed = True
    elif sys.stdin.isatty():
        for line in question(scene, found):
            scene.context.console.info(line)
        scene.agreed = typer.confirm("Push it?", err=True)
        scene.refusal = "no commit was to be pushed"


def question(scene: Scene, project: Project) -> list[str]:
    """Say what a push brings with it."""
    wanted = project.repository
    lines = [
        f"An empty commit is pushed to {wanted.branch} of {wanted.full_name}, and followed. It changes no file, and stays in the history."
    ]
    stages = project.stages if scene.to_the_end else [stage for stage in project.stages if stage.after is None]
    if scene.promotes:
        there = running(scene, project)
        known = [f"{stage.name}{f' (runs {there[stage.name][:12]})' if there.get(stage.name) else ''}" for stage in stages]
        lines.append(f"It is promoted to {', '.join(known)}, with all that is on {wanted.branch} and does not run there yet.")
    return lines


def _project(platform: Platform, name: str | None) -> Project | str:
    projects = {each.name: each for each in platform.projects}
    if name is not None:
        if name not in projects:
            raise PluginError(f'there is no project "{name}"{did_you_mean(name, projects)}', hint=f"projects are {', '.join(projects)}")
        return projects[name]
    if len(projects) == 1:
        return next(iter(projects.values()))
    return f"which project? Name one with --project: {', '.join(projects)}" if projects else "platform.yaml has no `projects`"
