"""Helm for the image bootstrap: its own image where a registry can be reached, else the program, built from its Go module."""

from pathlib import Path

from devtools import base_images, go_programs, recipe
from devtools.controlplane.programs import PROGRAMS

_PROGRAM = PROGRAMS["helm4"]
IMAGE = f"alpine/helm:{_PROGRAM.version.removeprefix('v')}"
PLACE = "usr/bin/helm"
"""Where the program is in that image."""


def program() -> Path | None:
    """Return the program, or None where the builder gets the image from the registry that its other base images came from."""
    if base_images.from_registry() and (recipe.exists(IMAGE) or base_images.pull(IMAGE)):
        return None
    return go_programs.build(_PROGRAM, hint="install Go 1.26 or newer, or give the engine a way to a container registry")
