"""Cut off after any single change, of `up` and of `down`, and started again, the platform comes to the state of an undisturbed run.

Small charts stand for the real ones. A component is run alone, after those that it needs: what a run knows of the others it sees anyway.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bootstrap.components import COMPONENTS
from bootstrap.core.component import Component
from devtools.platform.description import Document
from devtools.platform.world import PlatformWorld
from tests.support import smallest_charts
from tests.support.faulty_platform import Command, FaultyPlatform, goes_down, goes_up
from tests.support.platform_state import PlatformState, secrets

# Two worlds, and some three hundred runs, are made before the first test.
pytestmark = pytest.mark.timeout(1200)
# Bootstrap's own changes and those of Helm, counted by hand in the example: less would mean that something is not seen.
FEWEST = {"up": 110, "down": 60}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What has come of `up` or `down`."""

    state: PlatformState
    changes: Mapping[str, int]
    """How often each change was tried."""
    runs: int = 1
    left: int = 0
    """Exit code of a plan afterwards."""
    changed_secrets: tuple[str, ...] = ()
    """Secrets that were there once and another one, or gone, after a later run."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks after each run whether a secret that was there still is the same."""

    world: PlatformWorld
    known: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Compare with what was seen before."""
        now = secrets(self.world)
        self.changed += [name for name, value in self.known.items() if now.get(name) != value]
        self.known = now


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Leg]]:
    """Bring the platform up and down without any fault."""
    with platform(tmp_path_factory.mktemp("undisturbed")) as found:
        yield {name: leg for name, leg in (("up", calm(found, goes_up)), ("down", calm(found, goes_down)))}
