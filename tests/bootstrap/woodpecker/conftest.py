from collections.abc import Iterator

import pytest

from devtools.gitea.server import stand_in as gitea_stand_in
from devtools.woodpecker.server import stand_in
from tests.bootstrap.woodpecker.pair import Pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Run a Gitea with the repository platform/shop, and a Woodpecker that logs in there."""
    with gitea_stand_in() as gitea:
        yield from Pair.started(gitea, stand_in)
