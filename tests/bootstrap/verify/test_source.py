"""The commit that `verify` pushes: what a push that fails may have left, and that nothing of the person's own git takes part."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.gitea import clone
from bootstrap.gitea.client import Token
from bootstrap.gitea.clone import Place
from bootstrap.gitea.errors import GiteaError
from bootstrap.gitea.pod import Pod
from bootstrap.verify.commit import Source, source
from devtools.gitea.server import ADMIN, StandIn, stand_in
from devtools.gitea.world import Repository

POD = Pod(namespace="gitea", workload="deployment/gitea")
BRANCH = "verify/0a1b2c3d"


@pytest.fixture(autouse=True)
def own_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the person who runs it settings of their own for git, and leave the machine's out."""
    settings = tmp_path / "gitconfig"
    settings.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    return settings


@pytest.fixture
def forge() -> Iterator[StandIn]:
    """Run a Gitea."""
    with stand_in() as running:
        yield running


@pytest.fixture
def shop(forge: StandIn) -> Repository:
    """Make a repository in it, with a commit."""
    found = forge.world.add_repository(ADMIN, "shop")
    found.bare.add_commit("main", "first")
    return found


@pytest.fixture
def place(forge: StandIn, shop: Repository) -> Place:
    """Reach it."""
    token = forge.world.add_token(ADMIN, "local-cicd", ("write:repository",))
    url = "https://gitea.example.lan/platform/shop.git"
    return Place(url=f"{forge.url}/{shop.full_name}.git", public_url=url, token=Token(user=ADMIN, value=token.value))


@pytest.fixture
def found(place: Place) -> Iterator[Source]:
    """Fetch what is to be pushed on."""
    with source(place, "main", POD) as fetched:
        yield fetched


def hook(folder: Path, name: str, text: str) -> None:
    """Write a hook."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_the_commit_is_empty_and_on_top(shop: Repository, found: Source) -> None:
    """On a branch that was not there."""
    made = found.push(BRANCH)
    assert not found.in_doubt
    assert shop.bare.head(BRANCH) == made
    assert shop.bare.resolve(f"{made}^") == shop.bare.head("main")


def test_who_was_faster_stays_below(shop: Repository, found: Source) -> None:
    """It is made anew on top of theirs."""
    theirs = shop.bare.add_commit("main", "theirs")
    made = found.push("main")
    assert shop.bare.head("main") == made
    assert shop.bare.resolve(f"{made}^") == theirs


FAILURES: dict[str, tuple[Callable[[StandIn, Repository], object], bool]] = {
    # Nothing is sent to who does not answer the first question.
    "login": (lambda forge, _: forge.world.faults.answer("GET .*git-receive-pack", 401, times=-1), False),
    "rights": (lambda forge, _: forge.world.faults.answer("GET .*git-receive-pack", 403, times=-1), False),
    "repository": (lambda forge, _: forge.world.faults.answer("GET .*git-receive-pack", 404, times=-1), False),
    "proxy": (lambda forge, _: forge.world.faults.answer("GET .*git-receive-pack", 502, times=-1), False),
    "page": (lambda forge, _: forge.world.faults.page("git-receive-pack"), False),
    "down": (lambda forge, _: forge.stop(), False),
    # What stands there is not below the new commit: git sees that before it sends anything.
    "other": (lambda _, shop: shop.bare.add_commit(BRANCH, "theirs"), False),
    # A branch protection.
    "protected": (lambda _, shop: hook(shop.bare.folder / "hooks", "pre-receive", "exit 1"), False),
    # An answer of a proxy tells nothing of the service behind it.
    "proxy later": (lambda forge, _: forge.world.faults.answer("POST .*git-receive-pack", 502, times=-1), True),
    "page later": (lambda forge, _: forge.world.faults.page("POST .*git-receive-pack"), True),
    "lost": (lambda forge, _: forge.world.faults.lose("POST .*git-receive-pack", times=-1), True),
    # git asks again by itself, and is refused, since the branch is there.
    "lost once": (lambda forge, _: forge.world.faults.lose("POST .*git-receive-pack"), True),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_push_that_fails_says_whether_something_may_be_there(forge: StandIn, shop: Repository, found: Source, failure: str) -> None:
    """In doubt it may be; without a doubt it is not."""
    breaks, in_doubt = FAILURES[failure]
    breaks(forge, shop)
    before = shop.bare.refs()
    with pytest.raises(GiteaError, match=r"the push to .* failed"):
        found.push(BRANCH)
    assert found.in_doubt is in_doubt
    assert (shop.bare.refs() != before) is failure.startswith("lost")


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Make a pipe that is open for both for as long as the test lasts, so that nobody waits for the other to open it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    with path.open("r+b", buffering=0):
        yield path


def test_a_push_that_takes_too_long_may_be_there(gate: Path, shop: Repository, found: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gitea may have the commit, and be busy with what follows from it."""
    hook(shop.bare.folder / "hooks", "post-receive", f"read -r _ < {gate}")
    monkeypatch.setattr(clone, "PUSH_SECONDS", 1.0)
    with pytest.raises(GiteaError, match="took longer than 1s"):
        found.push(BRANCH)
    gate.write_bytes(b"\n")
    assert found.in_doubt


@pytest.mark.parametrize("setting", ["core.hooksPath", "init.templateDir"])
def test_hooks_of_the_person_do_not_run(shop: Repository, place: Place, tmp_path: Path, own_git: Path, setting: str) -> None:
    """They are about that person's work: one could refuse the push, or keep what is in it."""
    folder, ran = tmp_path / "own", tmp_path / "ran"
    folder.mkdir()
    hooks = folder if setting == "core.hooksPath" else folder / "hooks"
    for name in ("pre-push", "reference-transaction", "post-index-change", "pre-auto-gc"):
        hook(hooks, name, f"echo {name} >> {ran}; exit 1")
    subprocess.run(["git", "config", "--file", str(own_git), setting, str(folder)], check=True)
    with source(place, "main", POD) as found:
        made = found.push(BRANCH)
    assert shop.bare.head(BRANCH) == made
    assert not ran.exists()
