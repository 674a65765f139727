"""Keys and repositories that the tests of the mirror share."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.git_forge import Forge, git_forge
from tests.support.histories import git, repository
from tests.support.sources import LOGIN


@dataclass(frozen=True)
class KeyPair:
    """A private key in OpenSSH's format, and its public one without comment."""

    private: str
    public: str


@pytest.fixture(scope="session")
def deploy_key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    """Make a key as the documentation says."""
    return make_key(tmp_path_factory.mktemp("deploy-key"))


def make_key(folder: Path, *options: str, comment: str = "deploy@shop") -> KeyPair:
    """Make a key with ssh-keygen."""
    path = folder / "key"
    argv = ["ssh-keygen", "-q", "-N", "", "-C", comment, "-f", str(path), *(options or ("-t", "ed25519"))]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return KeyPair(private=path.read_text(), public=" ".join(path.with_suffix(".pub").read_text().split()[:2]))


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """Make the forge's repository: 60 commits on main, a branch, an annotated and a lightweight tag, the ref of a pull request."""
    folder = repository(tmp_path / "forge/shop.git", commits=60)
    git(folder, "branch", "feature", "HEAD~3")
    git(folder, "tag", "--annotate", "--message", "one", "v1", "HEAD~1")
    git(folder, "tag", "light", "HEAD~2")
    git(folder, "update-ref", "refs/pull/1/head", "HEAD~4")
    return folder


@pytest.fixture
def forge(upstream: Path) -> Iterator[Forge]:
    """Serve it by http to whoever has the token."""
    with git_forge(upstream.parent, LOGIN) as running:
        yield running
