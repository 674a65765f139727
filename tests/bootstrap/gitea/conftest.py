"""A Gitea that runs, and the ways to it."""

from collections.abc import Callable, Iterator

import pytest

from bootstrap.gitea.client import Basic, Gitea
from bootstrap.gitea.pod import Pod
from bootstrap.gitea.web import Web
from devtools.gitea.server import ADMIN, PASSWORD, StandIn, stand_in

POD = Pod(namespace="forge", workload="statefulset/gitea")


class Hurry:
    """A clock that passes only where somebody sleeps; `slept` are the pauses."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        """Give the time."""
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Let time pass, at once."""
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Hurry:
    """Make a clock for tests in which something is tried again."""
    return Hurry()


@pytest.fixture
def forge() -> Iterator[StandIn]:
    """Run a Gitea that is installed, with its administrator."""
    with stand_in() as running:
        yield running


@pytest.fixture
def web(forge: StandIn, clock: Hurry) -> Iterator[Web]:
    """Reach it."""
    with Web(forge.url, clock=clock) as client:
        yield client


@pytest.fixture
def gitea(web: Web) -> Gitea:
    """Be its administrator, with the password."""
    return Gitea(web, Basic(user=ADMIN, password=PASSWORD), pod=POD)


@pytest.fixture
def login(web: Web) -> Callable[[str, str], Gitea]:
    """Be somebody else."""
    return lambda user, password: Gitea(web, Basic(user=user, password=password), pod=POD)
