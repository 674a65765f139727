"""What the tests of the registry's part share: a registry in memory, and a commit that is held in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.held_commit import HeldCommit
from tests.support.image_store import ImageStore
from tests.support.scripted_server import scripted_server


@pytest.fixture
def store() -> Iterator[ImageStore]:
    """Serve an empty registry."""
    with scripted_server() as server:
        yield ImageStore(server)


@pytest.fixture
def held(store: ImageStore, tmp_path: Path) -> Iterator[HeldCommit]:
    """Hold a commit of three images, of which Kargo watches the last one."""
    commit = HeldCommit(store, tmp_path)
    with commit.opened:
        yield commit


@pytest.fixture
def fourteen(store: ImageStore, tmp_path: Path) -> Iterator[HeldCommit]:
    """Hold a commit of fourteen images, of which Kargo watches the last one."""
    commit = HeldCommit(store, tmp_path, names=[*(f"image-{number:02}" for number in range(1, 14)), "query-api"])
    with commit.opened:
        yield commit
