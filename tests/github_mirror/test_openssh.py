"""The mirror's ssh against a real OpenSSH server, with hooks that answer as GitHub's do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.containers import network
from devtools.sshd import Sshd, sshd
from github_mirror import host_keys, keys, refusals
from github_mirror.errors import GitFailed
from github_mirror.git import Deadline, Git, make_bare, minimal_environment
from github_mirror.remote import Remote
from github_mirror.ssh import Ssh
from tests.github_mirror.conftest import KeyPair, make_key
from tests.github_mirror.test_refusals import GH001, GH006, GH008, GH013_RULES, GH013_SECRET
from tests.support.histories import repository

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def server(deploy_key: KeyPair) -> Iterator[Sshd]:
    """Run one server for all tests here; each has a repository of its own."""
    with network("sshd") as net, sshd(net, authorized=[deploy_key.public]) as running:
        yield running


@pytest.fixture
def mirror(server: Sshd, request: pytest.FixtureRequest) -> str:
    """Make an empty repository on the server and give its path there."""
    name = f"{abs(hash(request.node.name))}.git"
    server.create(name)
    return name


@pytest.fixture
def far(server: Sshd, deploy_key: KeyPair, tmp_path: Path, mirror: str) -> Iterator[Git]:
    """Give a git with three commits that reaches the server."""
    repository(tmp_path / "work")
    source = make_bare(tmp_path / "source.git", Deadline(60), minimal_environment(tmp_path))
    source.run("fetch", "--quiet", str(tmp_path / "work"), "+refs/heads/*:refs/heads/*")
    known = host_keys.known_hosts(server.known_hosts, [Remote.parse(server.url(mirror))], tmp_path)
    with Ssh(key=keys.repair(deploy_key.private), known_hosts=known) as ssh:
        yield source.using(ssh.environment())


def pushed(far: Git, url: str) -> str:
    """Push main, and give what was said where it was refused."""
    try:
        far.run("push", url, "refs/heads/main:refs/heads/main")
    except GitFailed as error:
        return error.text
    return ""


def test_a_push_arrives(far: Git, server: Sshd, mirror: str) -> None:
    """By a key that was written anew."""
    assert pushed(far, server.url(mirror)) == ""
    assert server.git(mirror, "rev-list", "--count", "main") == "3"


def test_a_path_in_the_home_works_as_with_scp(far: Git, server: Sshd, mirror: str) -> None:
    """`git@host:owner/repo` starts in the home of git, `ssh://host/owner/repo` at the root."""
    assert Remote.parse(f"git@127.0.0.1:{mirror}").url == f"git@127.0.0.1:{mirror}"
    # scp's form has no port, so the same is asked for by git's form of a home.
    assert far.lines("ls-remote", f"ssh://git@127.0.0.1:{server.port}/~git/{mirror}") == []


@pytest.mark.parametrize(
    "kind", [("-t", "rsa", "-b", "2048", "-m", "PEM"), ("-t", "ecdsa"), ("-t", "ed25519")], ids=["rsa", "ecdsa", "ed25519"]
)
def test_every_kind_of_key_logs_in(tmp_path: Path, kind: tuple[str, ...]) -> None:
    """Mangled on the way, and accepted by a real server all the same."""
    key = make_key(tmp_path, *kind)
    with network("sshd") as net, sshd(net, authorized=[key.public]) as server:
        server.create("shop.git")
        source = make_bare(tmp_path / "source.git", Deadline(60), minimal_environment(tmp_path))
        with Ssh(key=keys.repair(key.private.replace("\n", "\\n").strip()), known_hosts=f"{server.known_hosts}\n") as ssh:
            assert source.using(ssh.environment()).lines("ls-remote", server.url("shop.git")) == []


@pytest.mark.parametrize(
    ("hook", "text", "sentence"),
    [
        ("pre-receive", GH001, "GitHub takes no file of more than 100 MiB, and the history has assets/film.mov"),
        ("update", GH006, "refs/heads/main is protected at GitHub: Required status check"),
        ("pre-receive", GH008, "GitHub lacks 3 Git LFS objects"),
        ("pre-receive", GH013_RULES, "a rule set at GitHub refuses refs/heads/main: Changes must be made through a pull request"),
        ("pre-receive", GH013_SECRET, "a secret in the commits: GitHub Personal Access Token in src/api/github.ts:34"),
    ],
    ids=["GH001", "GH006", "GH008", "GH013 rules", "GH013 secret"],
)
def test_what_hooks_say_comes_through(far: Git, server: Sshd, mirror: str, hook: str, text: str, sentence: str) -> None:
    """Over the wire each line gets `remote:` in front and blanks at its end."""
    lines = [line.removeprefix("remote:").removeprefix(" ").rstrip() for line in text.splitlines() if line.startswith("remote:")]
    server.hook(mirror, hook, *lines)
    found = refusals.explain(pushed(far, server.url(mirror)), "github.com:acme/shop")
    assert found
    assert sentence in found[0]


def test_a_hidden_ref_is_refused_by_git_itself(far: Git, server: Sshd, mirror: str) -> None:
    """In the same words as GitHub's."""
    with pytest.raises(GitFailed) as caught:
        far.run("push", server.url(mirror), "refs/heads/main:refs/pull/1/head")
    found = refusals.explain(caught.value.text, "github.com:acme/shop")
    assert found
    assert "GitHub keeps for itself" in found[0]


def test_a_push_that_is_too_big_is_explained(far: Git, server: Sshd, mirror: str) -> None:
    """By the limit that git has for it, as GitHub uses it."""
    server.git(mirror, "config", "receive.maxInputSize", "100")
    found = refusals.explain(pushed(far, server.url(mirror)), "github.com:acme/shop")
    assert found
    assert "was bigger than github.com takes at once" in found[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ERROR: The key you are authenticating with has been marked as read only.", "the deploy key may only read"),
        ("ERROR: This repository was archived so it is read-only.", "is archived at GitHub"),
        ("ERROR: Repository not found.", "does not exist, or this key has no part in it"),
    ],
)
def test_what_the_service_says_before_git_begins_comes_through(far: Git, server: Sshd, mirror: str, text: str, sentence: str) -> None:
    """Reading still works with a key that may only read."""
    server.refuse(mirror, text)
    assert far.lines("ls-remote", server.url(mirror)) == []
    found = refusals.explain(pushed(far, server.url(mirror)), "github.com:acme/shop")
    assert found
    assert sentence in found[0]


def test_a_repository_that_is_not_there_is_explained(far: Git, server: Sshd) -> None:
    """As a plain server says it."""
    found = refusals.explain(pushed(far, server.url("missing.git")), "git.lan:missing")
    assert found
    assert "there is no repository at git.lan:missing" in found[0]


def test_a_key_that_the_server_does_not_know_is_explained(server: Sshd, mirror: str, tmp_path: Path) -> None:
    """With where to put it."""
    stranger = make_key(tmp_path)
    source = make_bare(tmp_path / "source.git", Deadline(60), minimal_environment(tmp_path))
    with Ssh(key=keys.repair(stranger.private), known_hosts=f"{server.known_hosts}\n") as ssh, pytest.raises(GitFailed) as caught:
        source.using(ssh.environment()).run("ls-remote", server.url(mirror))
    found = refusals.explain(caught.value.text, "git.lan:shop")
    assert found
    assert "does not know the key in `ssh_key`" in found[0]


def test_a_real_server_shows_the_key_that_a_refusal_names(server: Sshd, mirror: str) -> None:
    """Asked without logging in."""
    found = host_keys.fetch(Remote.parse(server.url(mirror)))
    assert found is not None
    assert f"{found.kind} {found.line.split()[-1]}" == server.host_key


def test_the_server_speaks_the_protocol_that_github_speaks(far: Git, server: Sshd, mirror: str, tmp_path: Path) -> None:
    """Version 2, which a server only knows of if sshd takes the variable."""
    trace = tmp_path / "trace"
    far.using({"GIT_TRACE_PACKET": str(trace)}).run("ls-remote", server.url(mirror))
    assert "< version 2" in trace.read_text()


def test_many_commands_share_one_connection(far: Git, server: Sshd, mirror: str) -> None:
    """The control connection of a real server."""
    commands, logins = len(server.commands), server.logins
    for _ in range(3):
        far.run("ls-remote", server.url(mirror))
    assert (len(server.commands) - commands, server.logins - logins) == (3, 1)
