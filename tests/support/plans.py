"""What plans are made of: a pipeline run, settings, a workspace with Dockerfiles."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plugin_kit.ci import CI, Event
from registry_push import plan as planning
from registry_push.plan import Plan
from registry_push.settings import Settings
from registry_push.sources import Found, Source, find

SHA = "4c1f0d0a7e5b9d1c2f3a4b5c6d7e8f9012345678"
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PUSH = CI(
    event=Event.PUSH,
    workspace=Path("/workspace"),
    in_woodpecker=True,
    default_branch="main",
    branch="main",
    sha=SHA,
    commit_time=NOON,
    repo="acme/Shop",
    repo_url="https://git.example.lan/acme/shop",
    pipeline_number=7,
    pipeline_url="https://ci.example.lan/7",
)


def ci(**changes: Any) -> CI:  # noqa: ANN401  the fields of CI
    """Return a push to the default branch, changed."""
    return replace(PUSH, **changes)


def settings(**given: Any) -> Settings:  # noqa: ANN401  the fields of Settings
    """Return settings for registry.lan:5000 and a BuildKit that stays."""
    return Settings(**{"registry": "registry.lan:5000", **given})


def source(name: str, **fields: Any) -> Source:  # noqa: ANN401  the fields of Source
    """Return a source as found in /workspace/services."""
    place = f"/workspace/services/{name}"
    return Source(**{"name": name, "context": place, "dockerfile": f"{place}/Dockerfile", **fields})


def make(
    *sources: Source,
    given: Mapping[str, Any] | None = None,
    run: CI = PUSH,
    tags: tuple[str, ...] = (),
    builders: tuple[str, ...] = ("tcp://buildkit:1234",),
) -> Plan:
    """Make the plan of these sources; `given` are settings."""
    found = Found(sources=sources or (source("api"),), problems=())
    return planning.make(settings(**(given or {})), run, found, explicit_tags=tags, builders=builders)


def plan_of(workspace: Path, *, run: CI = PUSH, builders: tuple[str, ...] = ("tcp://buildkit:1234",), **given: Any) -> Plan:  # noqa: ANN401
    """Make the plan of settings for a real workspace, as a run does."""
    wanted = settings(**given)
    return planning.make(wanted, run, find(wanted, workspace), explicit_tags=wanted.tags, builders=builders)


def write(workspace: Path, *names: str) -> Path:
    """Write Dockerfiles, and other files, into a workspace and return it."""
    for name in names:
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text("FROM scratch\n")
    return workspace
