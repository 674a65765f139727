"""Scenes for the checks, without Helm and with a real one."""

from pathlib import Path

import pytest

from devtools.controlplane import programs
from tests.bootstrap.check.trees import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Return a folder to check in, on a machine without Helm."""
    return Scene(folder=tmp_path)


@pytest.fixture(scope="session", params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest) -> str:
    """Return a Helm program, built if need be."""
    return programs.command(request.param)[0]


@pytest.fixture
def helm_scene(tmp_path: Path, helm: str) -> Scene:
    """Return a folder to check in, on a machine with Helm."""
    return Scene(folder=tmp_path, helm=helm)
