"""The connection, with the real ssh and git programs."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from github_mirror import keys, refusals
from github_mirror.errors import DeadlineOver, GitFailed
from github_mirror.git import Deadline, Git, make_bare, minimal_environment
from github_mirror.ssh import Ssh
from tests.github_mirror.conftest import KeyPair
from tests.support.histories import bare, repository
from tests.support.histories import git as plain_git
from tests.support.processes import is_gone, wait_for
from tests.support.ssh_server import SshServer, listening, ssh_server


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Give a bare repository with three commits."""
    repository(tmp_path / "work")
    made = make_bare(tmp_path / "source.git", Deadline(60), minimal_environment(tmp_path))
    made.run("fetch", "--quiet", str(tmp_path / "work"), "+refs/heads/*:refs/heads/*")
    return made


def opened(key: KeyPair, known_hosts: str, connect_timeout: float = 10) -> Ssh:
    """Give the connection of the plugin."""
    return Ssh(key=keys.repair(key.private), known_hosts=f"{known_hosts}\n", connect_timeout=connect_timeout)


@pytest.fixture(autouse=True)
def _own_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Other runs on this machine have private folders, too."""
    with tempfile.TemporaryDirectory(prefix="t") as name:
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield


def folders() -> set[Path]:
    """Give the private folders that exist."""
    return set(Path(tempfile.gettempdir()).glob("mirror-*"))


def test_listing_and_push_share_one_connection(tmp_path: Path, git: Git, deploy_key: KeyPair) -> None:
    """A handshake is what takes the time of a small push."""
    bare(tmp_path / "home/mirror.git")
    with ssh_server(tmp_path / "home", deploy_key.public) as server:
        with opened(deploy_key, server.known_hosts) as ssh:
            far = git.using(ssh.environment())
            assert far.lines("ls-remote", server.url("mirror.git")) == []
            far.run("push", "--quiet", server.url("mirror.git"), "refs/heads/main:refs/heads/main")
            assert len(far.lines("ls-remote", server.url("mirror.git"))) == 2
        assert server.connections == 1
        assert [command.partition(" ")[0] for command in server.commands] == ["git-upload-pack", "git-receive-pack", "git-upload-pack"]
    assert plain_git(tmp_path / "home/mirror.git", "rev-list", "--count", "main") == "3"


def test_only_the_given_key_is_offered(tmp_path: Path, git: Git, deploy_key: KeyPair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither keys of an agent nor of a home count towards the server's patience."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", tmp_path / ".ssh/id_ed25519"], check=True)
    with ssh_server(tmp_path) as server, opened(deploy_key, server.known_hosts) as ssh:
        with pytest.raises(GitFailed) as caught:
            git.using(ssh.environment()).run("ls-remote", server.url("mirror.git"))
        assert set(server.offered) == {deploy_key.public}
    found = refusals.explain(caught.value.text, "git.lan:shop")
    assert found
    assert "does not know the key in `ssh_key`" in found[0]


def test_the_key_is_for_nobody_else_to_read(deploy_key: KeyPair) -> None:
    """Folder and file are private from the first moment."""
    before = folders()
    with opened(deploy_key, ""):
        (folder,) = folders() - before
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
        assert (folder / "key").read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")


def test_nothing_of_the_key_is_in_environment_or_command(deploy_key: KeyPair) -> None:
    """Both are readable by others."""
    with opened(deploy_key, "") as ssh:
        said = "\n".join(ssh.environment().values())
    assert not any(line in said for line in deploy_key.private.splitlines()[1:-1])


def test_all_is_gone_at_the_end_and_after_an_error(tmp_path: Path, git: Git, deploy_key: KeyPair) -> None:
    """Key, connection, and the process that held it."""
    bare(tmp_path / "home/mirror.git")
    before = folders()
    with ssh_server(tmp_path / "home", deploy_key.public) as server:
        with pytest.raises(ValueError, match="on purpose"), opened(deploy_key, server.known_hosts) as ssh:  # noqa: PT012  what is open
            git.using(ssh.environment()).run("ls-remote", server.url("mirror.git"))
            (socket_path,) = [path for path in (folders() - before).pop().iterdir() if path.is_socket()]
            shown = subprocess.run(
                ["ssh", "-o", f"ControlPath={socket_path}", "-O", "check", "x"], capture_output=True, text=True, check=True
            )
            pid = int(shown.stderr.partition("pid=")[2].partition(")")[0])
            raise ValueError("on purpose")
        assert is_gone(pid)
    assert folders() == before


CHILD = """
import sys
from pathlib import Path
from github_mirror import keys
from github_mirror.git import Deadline, make_bare, minimal_environment
from github_mirror.ssh import Ssh
from plugin_kit.process import terminated
from plugin_kit.errors import Cancelled
folder, key, known_hosts, url = sys.argv[1:]
try:
    with terminated(), Ssh(key=keys.repair(Path(key).read_text()), known_hosts=known_hosts + "\\n") as ssh:
        git = make_bare(Path(folder), Deadline(60), minimal_environment(Path(folder)))
        far = git.using(ssh.environment(), {"alias.wait": "!sleep 60"})
        far.run("ls-remote", url)
        print(ssh.command, flush=True)
        far.run("wait")
except Cancelled as error:
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_key_is_gone_after_a_signal(tmp_path: Path, deploy_key: KeyPair, number: signal.Signals) -> None:
    """Woodpecker cancels pipelines with SIGTERM and kills 20 s later."""
    bare(tmp_path / "home/mirror.git")
    (tmp_path / "given").write_text(deploy_key.private)
    with ssh_server(tmp_path / "home", deploy_key.public) as server:
        given = (tmp_path / "s.git", tmp_path / "given", server.known_hosts, server.url("mirror.git"))
        argv = [sys.executable, "-c", CHILD, *map(str, given)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout
            command = child.stdout.readline().split()
            key = Path(command[command.index("-i") + 1])
            assert key.is_file()
            (control,) = [path for path in key.parent.iterdir() if path.is_socket()]
            child.send_signal(number)
            assert child.wait(timeout=15) == 128 + number
        assert not key.parent.exists()
        assert not control.exists()


def test_a_changed_host_key_is_refused_and_its_fingerprint_named(tmp_path: Path, git: Git, deploy_key: KeyPair) -> None:
    """The key is not offered to whoever answers."""
    with ssh_server(tmp_path, deploy_key.public) as server:
        known = server.known_hosts
        server.host_key = paramiko.ECDSAKey.generate()
        with opened(deploy_key, known) as ssh, pytest.raises(GitFailed) as caught:
            git.using(ssh.environment()).run("ls-remote", server.url("mirror.git"))
        assert server.offered == []
    found = refusals.explain(caught.value.text, f"[127.0.0.1]:{server.port}:mirror")
    assert found
    assert server.host_key.fingerprint in found[0]
    assert "`known_hosts`" in found[1]


def test_an_unknown_host_is_refused(tmp_path: Path, git: Git, deploy_key: KeyPair) -> None:
    """Nothing is learned on first use."""
    with ssh_server(tmp_path, deploy_key.public) as server, opened(deploy_key, "") as ssh:
        with pytest.raises(GitFailed) as caught:
            git.using(ssh.environment()).run("ls-remote", server.url("mirror.git"))
        assert server.offered == []
    found = refusals.explain(caught.value.text, "git.lan:shop")
    assert found
    assert "showed a host key of the kind ECDSA that is not known" in found[0]


def test_a_banner_that_never_comes_is_given_up(git: Git, deploy_key: KeyPair) -> None:
    """A host that takes the connection and says nothing must not eat the whole timeout."""
    with listening() as listener, opened(deploy_key, "", connect_timeout=1) as ssh:
        begin = time.monotonic()
        with pytest.raises(GitFailed) as caught:
            git.using(ssh.environment()).run("ls-remote", f"ssh://git@127.0.0.1:{listener.getsockname()[1]}/r")
        assert time.monotonic() - begin < 5
    found = refusals.explain(caught.value.text, "git.lan:shop")
    assert found
    assert "did not answer as an ssh server" in found[0]


def test_a_connection_that_drops_in_the_middle_is_explained(tmp_path: Path, git: Git, deploy_key: KeyPair) -> None:
    """Half a push leaves the mirror as it was."""
    blob = git.run("hash-object", "-w", "--stdin", input=os.urandom(2_000_000)).stdout.strip()
    git.run("update-ref", "refs/tags/big", blob)
    bare(tmp_path / "home/mirror.git")
    with ssh_server(tmp_path / "home", deploy_key.public) as server, opened(deploy_key, server.known_hosts) as ssh:
        server.drop_after = 500_000
        with pytest.raises(GitFailed) as caught:
            git.using(ssh.environment()).run("push", server.url("mirror.git"), "refs/tags/big:refs/tags/big")
        server.drop_after = None
        found = refusals.explain(caught.value.text, "git.lan:shop")
        assert found
        assert "broke off the connection" in found[0]
        # A broken connection is not used again.
        assert git.using(ssh.environment()).lines("ls-remote", server.url("mirror.git")) == []


@pytest.mark.parametrize(
    ("complaint", "sentence"),
    [
        ("ERROR: The key you are authenticating with has been marked as read only.", "the deploy key may only read"),
        ("ERROR: This repository was archived so it is read-only.", "is archived at GitHub"),
        ("ERROR: Repository not found.", "does not exist, or this key has no part in it"),
    ],
)
def test_what_github_says_before_git_begins_is_heard(tmp_path: Path, git: Git, deploy_key: KeyPair, complaint: str, sentence: str) -> None:
    """Also over a connection that is shared."""
    with ssh_server(tmp_path, deploy_key.public) as server, opened(deploy_key, server.known_hosts) as ssh:
        server.complaint = complaint
        with pytest.raises(GitFailed) as caught:
            git.using(ssh.environment()).run("push", server.url("mirror.git"), "refs/heads/main:refs/heads/main")
    found = refusals.explain(caught.value.text, "git.lan:shop")
    assert found
    assert sentence in found[0]


def test_the_deadline_ends_a_push_that_hangs(git: Git, deploy_key: KeyPair) -> None:
    """With the processes that it has started."""
    with listening() as listener, opened(deploy_key, "", connect_timeout=30) as ssh:
        short = Git(folder=git.folder, deadline=Deadline(0.5), environment=ssh.environment())
        with pytest.raises(DeadlineOver):
            short.run("ls-remote", f"ssh://git@127.0.0.1:{listener.getsockname()[1]}/r")


def test_a_long_folder_for_temporary_files_is_no_obstacle(
    tmp_path: Path, git: Git, deploy_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path of a socket has room for 107 bytes only."""
    bare(tmp_path / "home/mirror.git")
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with ssh_server(tmp_path / "home", deploy_key.public) as server, opened(deploy_key, server.known_hosts) as ssh:
        for _ in range(2):
            git.using(ssh.environment()).run("ls-remote", server.url("mirror.git"))
        assert server.connections == 1
    assert list(long.iterdir()) == []


def test_two_servers_have_a_connection_each(tmp_path: Path, git: Git, deploy_key: KeyPair) -> None:
    """Several mirrors share key and folder."""
    bare(tmp_path / "home/mirror.git")
    servers: list[SshServer] = []
    with ssh_server(tmp_path / "home", deploy_key.public) as one, ssh_server(tmp_path / "home", deploy_key.public) as two:
        servers = [one, two]
        with opened(deploy_key, "\n".join(server.known_hosts for server in servers)) as ssh:
            for server in servers * 2:
                git.using(ssh.environment()).run("ls-remote", server.url("mirror.git"))
        assert [server.connections for server in servers] == [1, 1]
        assert wait_for(lambda: all(server.commands for server in servers))
