"""An existing clone is pushed into Gitea, and nothing there is lost by it."""

import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from bootstrap.gitea import clone
from bootstrap.gitea.client import Token
from bootstrap.gitea.clone import Clone, Place, Push, Relation
from bootstrap.gitea.errors import GiteaError
from bootstrap.gitea.pod import Pod
from devtools.gitea.server import ADMIN, StandIn, stand_in
from devtools.gitea.world import Repository

POD = Pod(namespace="gitea", workload="deployment/gitea")
PUBLIC = "https://gitea.example.lan/platform/shop.git"


@pytest.fixture(autouse=True)
def own_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave the machine's own settings for git out."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.lan")


@pytest.fixture
def shop(forge: StandIn) -> Repository:
    """Make an empty repository in Gitea."""
    return forge.world.add_repository(ADMIN, "shop")


@pytest.fixture
def place(forge: StandIn, shop: Repository) -> Place:
    """Reach it with a token."""
    token = forge.world.add_token(ADMIN, "local-cicd", ("write:repository",))
    return Place(url=f"{forge.url}/{shop.full_name}.git", public_url=PUBLIC, token=Token(user=ADMIN, value=token.value))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a clone with two commits, and a tag on the first."""
    path = tmp_path / "shop"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    commit(path, "first")
    git(path, "tag", "v1")
    commit(path, "second")
    return path


def git(path: Path, *arguments: str) -> str:
    """Run git."""
    return subprocess.run(["git", *arguments], cwd=path, check=True, capture_output=True, text=True).stdout.strip()


def commit(path: Path, message: str) -> str:
    """Commit a change."""
    (path / "file").write_text(message)
    git(path, "add", "file")
    git(path, "commit", "--quiet", "-m", message)
    return git(path, "rev-parse", "HEAD")


def planned(folder: Path, place: Place) -> tuple[Clone, Push]:
    """Look and decide, as `plan` does."""
    found = clone.look(folder, "main")
    refs = clone.there(found, place, POD)
    return found, clone.decide(found, refs, clone.relate(found, refs.get("refs/heads/main")))


def imported(folder: Path, place: Place) -> Push:
    """Look, decide and push, as `up` does."""
    found, plan = planned(folder, place)
    clone.push(found, plan, place, POD)
    return plan


def test_a_clone_is_pushed_with_its_tags(shop: Repository, place: Place, folder: Path) -> None:
    """The branch that is built, and what is tagged in its history; branches that nobody asked for stay at home."""
    git(folder, "branch", "experiment")
    plan = imported(folder, place)
    assert plan == Push(relation=Relation.NEW, refspecs=("refs/heads/main:refs/heads/main", "refs/tags/v1:refs/tags/v1"))
    assert shop.bare.refs() == {"refs/heads/main": git(folder, "rev-parse", "main"), "refs/tags/v1": git(folder, "rev-parse", "v1")}


def test_a_second_time_there_is_nothing_to_do(place: Place, folder: Path) -> None:
    """And nothing is pushed."""
    imported(folder, place)
    assert imported(folder, place) == Push(relation=Relation.SAME)


def test_new_commits_are_pushed(shop: Repository, place: Place, folder: Path) -> None:
    """A fast-forward."""
    imported(folder, place)
    third = commit(folder, "third")
    assert imported(folder, place).relation is Relation.AHEAD
    assert shop.bare.head("main") == third


def test_a_clone_that_is_behind_pushes_nothing(shop: Repository, place: Place, folder: Path) -> None:
    """Gitea has it all already."""
    head = commit(folder, "third")
    imported(folder, place)
    git(folder, "reset", "--quiet", "--hard", "HEAD~1")
    assert imported(folder, place) == Push(relation=Relation.BEHIND)
    assert shop.bare.head("main") == head


@pytest.mark.parametrize("known", [True, False])
def test_commits_that_the_clone_lacks_are_never_overwritten(shop: Repository, place: Place, folder: Path, known: bool) -> None:
    """Whether it has seen them or not; what to do is said."""
    imported(folder, place)
    theirs = shop.bare.add_commit("main", "theirs")
    if known:
        git(folder, "fetch", "--quiet", str(shop.bare.folder), "main")
    commit(folder, "ours")
    with pytest.raises(GiteaError, match=r"main in Gitea has commits that .* lacks") as caught:
        planned(folder, place)
    assert "pull --rebase" in str(caught.value.hint)
    assert shop.bare.head("main") == theirs


def test_who_was_faster_is_not_overwritten(shop: Repository, place: Place, folder: Path) -> None:
    """Between looking and pushing: git itself refuses, for nothing is forced."""
    imported(folder, place)
    commit(folder, "ours")
    found, plan = planned(folder, place)
    theirs = shop.bare.add_commit("main", "theirs")
    with pytest.raises(GiteaError, match="somebody has pushed to it in the meantime"):
        clone.push(found, plan, place, POD)
    assert shop.bare.head("main") == theirs


def test_a_tag_that_says_something_else_there_stays(shop: Repository, place: Place, folder: Path) -> None:
    """It is named, and the rest is pushed."""
    imported(folder, place)
    git(folder, "tag", "--force", "v1", "main")
    git(folder, "tag", "v2")
    plan = imported(folder, place)
    assert (plan.kept, plan.refspecs) == (("v1",), ("refs/tags/v2:refs/tags/v2",))
    assert shop.bare.refs()["refs/tags/v1"] != git(folder, "rev-parse", "v1")


def test_the_clone_gets_its_remote_once(place: Place, folder: Path) -> None:
    """The address for people, without a login in it."""
    for _ in range(2):
        clone.add_remote(clone.look(folder, "main"), "gitea", place)
    assert git(folder, "remote", "get-url", "gitea") == PUBLIC


def test_a_remote_that_leads_elsewhere_is_not_changed(place: Place, folder: Path) -> None:
    """It is somebody's; its login is not shown."""
    git(folder, "remote", "add", "gitea", "https://me:secret@old.example.lan/shop.git")
    with pytest.raises(GiteaError, match=r"the remote gitea of .* leads to https://old\.example\.lan/shop\.git") as caught:
        clone.add_remote(clone.look(folder, "main"), "gitea", place)
    assert "`repository.remote`" in str(caught.value.hint)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("what", ["no folder", "no repository", "no commit", "another branch", "shallow"])
def test_what_can_not_be_pushed(folder: Path, tmp_path: Path, what: str) -> None:
    """Each with the command or the setting that helps."""
    empty = tmp_path / "empty"
    shallow = tmp_path / "shallow"
    if what != "no folder":
        empty.mkdir()
    if what == "no commit":
        git(empty, "init", "--quiet")
    if what == "another branch":
        git(folder, "branch", "--move", "main", "master")
    if what == "shallow":
        git(tmp_path, "clone", "--quiet", "--depth=1", folder.as_uri(), "shallow")
    expected = {
        "no folder": (empty, "is not a folder", "name a git clone"),
        "no repository": (empty, "is no git repository", "git init"),
        "no commit": (empty, "has no branch main: it has no commit", "branch main"),
        "another branch": (folder, "has no branch main, but master", "`repository.branch`"),
        "shallow": (shallow, "is a shallow clone", "fetch --unshallow"),
    }
    path, message, hint = expected[what]
    with pytest.raises(GiteaError, match=message) as caught:
        clone.look(path, "main")
    assert hint in str(caught.value.hint)


def test_the_token_is_in_no_argv_and_not_in_the_clone(
    shop: Repository, place: Place, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git gets it through its environment, for this one address."""
    seen = tmp_path / "argv"
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    real = subprocess.run(["sh", "-c", "command -v git"], check=True, capture_output=True, text=True).stdout.strip()
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{seen}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    imported(folder, place)
    clone.add_remote(clone.look(folder, "main"), "gitea", place)
    assert "push" in seen.read_text()
    assert secret_of(place) not in seen.read_text()
    assert secret_of(place) not in (folder / ".git" / "config").read_text()
    assert shop.bare.head("main")


def secret_of(place: Place) -> str:
    """Return what may stand nowhere."""
    assert isinstance(place.token, Token)
    return place.token.value


def test_settings_of_git_in_the_environment_stay(place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else may have passed some in the same way."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "remote.pushDefault")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "origin")
    with clone.logged_in(place) as env:
        kept = subprocess.run(
            ["git", "config", "--get", "remote.pushDefault"], env=env, cwd=folder, capture_output=True, text=True, check=True
        )
        header = subprocess.run(
            ["git", "config", "--get-urlmatch", "http.extraHeader", f"{place.url}/info/refs"],
            env=env,
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    assert (kept.stdout.strip(), header.stdout.strip()) == ("origin", f"Authorization: token {secret_of(place)}")


def test_hooks_of_the_person_run_for_their_own_clone_and_nowhere_else(
    shop: Repository, place: Place, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import is a push of theirs; a folder that is thrown away is not their work."""
    imported(folder, place)
    hooks, ran, settings = tmp_path / "hooks", tmp_path / "ran", tmp_path / "gitconfig"
    hooks.mkdir()
    for name in ("pre-push", "reference-transaction"):
        (hooks / name).write_text(f'#!/bin/sh\necho "{name} $PWD" >> {ran}\n')
        (hooks / name).chmod(0o755)
    git(folder, "config", "--file", str(settings), "core.hooksPath", str(hooks))
    commit(folder, "third")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    imported(folder, place)
    assert f"pre-push {folder}" in ran.read_text()
    ran.unlink()
    shop.bare.add_commit("main", "theirs")
    assert clone.is_behind(clone.look(folder, "main"), place, POD)
    assert not ran.exists()


def test_a_token_that_gitea_does_not_take(forge: StandIn, place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked for a password: it would hang. What git traces shows no token either."""
    forge.world.tokens.clear()
    monkeypatch.setenv("GIT_TRACE_CURL", "1")
    monkeypatch.setenv("GIT_TRACE_REDACT", "0")
    with pytest.raises(GiteaError, match="Gitea does not take the login of platform") as caught:
        planned(folder, place)
    assert secret_of(place) not in "".join(caught.value.details)


@pytest.mark.parametrize(
    ("status", "message"), [(403, "does not take the login"), (413, "takes no uploads of this size"), (404, "there is no such repo")]
)
def test_a_push_that_is_refused(forge: StandIn, place: Place, folder: Path, status: int, message: str) -> None:
    """By Gitea or by a proxy in front of it."""
    found, plan = planned(folder, place)
    forge.world.faults.answer("POST .*git-receive-pack", status, times=-1)
    with pytest.raises(GiteaError, match=message):
        clone.push(found, plan, place, POD)


def test_a_proxys_page_is_no_repository(forge: StandIn, place: Place, folder: Path) -> None:
    """It answers 200 to everything."""
    forge.world.faults.page()
    with pytest.raises(GiteaError, match="something else than Gitea answers there"):
        planned(folder, place)


def test_gitea_is_not_there(forge: StandIn, place: Place, folder: Path) -> None:
    """With the setting for another way to it."""
    forge.stop()
    with pytest.raises(GiteaError, match="Gitea can't be reached") as caught:
        planned(folder, place)
    assert "`gitea.endpoint.bootstrap_url`" in str(caught.value.hint)


def test_git_is_not_installed(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only an import needs it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GiteaError, match="git is not installed") as caught:
        clone.look(folder, "main")
    assert "install git on this machine" in str(caught.value.hint)


@pytest.fixture
def secure() -> Iterator[tuple[StandIn, str]]:
    """Run a Gitea whose certificate a CA has signed that no machine knows; give the CA's, too."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with stand_in(tls=context) as running:
        yield running, authority.cert_pem.bytes().decode()


def test_the_configured_ca_is_git_s_as_well(secure: tuple[StandIn, str], folder: Path) -> None:
    """And without it the remedy is that setting."""
    forge, pem = secure
    shop = forge.world.add_repository(ADMIN, "shop")
    token = Token(user=ADMIN, value=forge.world.add_token(ADMIN, "x", ("all",)).value)
    url = f"{forge.url}/{shop.full_name}.git"
    with pytest.raises(GiteaError, match="a CA that this machine does not know") as caught:
        imported(folder, Place(url=url, public_url=PUBLIC, token=token))
    assert "`ca` of platform.yaml" in str(caught.value.hint)
    imported(folder, Place(url=url, public_url=PUBLIC, token=token, ca=pem))
    assert shop.bare.head("main")


def test_a_large_push(shop: Repository, place: Place, folder: Path) -> None:
    """More than git sends in one piece."""
    (folder / "large").write_bytes(os.urandom(3 << 20))
    git(folder, "add", "large")
    git(folder, "commit", "--quiet", "-m", "large")
    imported(folder, place)
    assert shop.bare.head("main") == git(folder, "rev-parse", "HEAD")
