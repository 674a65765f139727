"""One platform for all tests here."""

from collections.abc import Iterator

import pytest

from tests.support.live_platform import LivePlatform


@pytest.fixture(scope="session")
def standing_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePlatform]:
    """Bring the platform of the example up, with small charts."""
    with LivePlatform.start(tmp_path_factory.mktemp("verify")) as running:
        yield running


@pytest.fixture
def live(standing_platform: LivePlatform) -> Iterator[LivePlatform]:
    """Go on with it; between its tests nobody plays there, so that others have the machine for themselves."""
    standing_platform.world.rest.end()
    yield standing_platform
    standing_platform.world.rest.begin()
