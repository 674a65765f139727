"""An OpenSSH server in a container that stands for GitHub: git repositories, and hooks that refuse what GitHub refuses.

Used so:

    with network("x") as net, sshd(net, authorized=["ssh-ed25519 AAAA..."]) as github:
        github.create("acme/shop.git")
        github.inside("acme/shop.git")    "git@github:acme/shop.git"                              on that network
        github.url("acme/shop.git")       "ssh://git@127.0.0.1:32768/srv/git/acme/shop.git"       on this machine
        github.known_hosts                the line for either
"""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from docker.models.containers import Container

from devtools import tools_image
from devtools.containers import container_on, execute, put_file, until
from devtools.errors import DevError

HOME = Path("/srv/git")
ALIAS = "github"
_PORT = 22
_CONFIG = f"""
Port {_PORT}
HostKey /etc/ssh/mirror_host_key
AuthorizedKeysFile /etc/ssh/mirror_authorized_keys
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
LogLevel VERBOSE
AcceptEnv GIT_PROTOCOL
ForceCommand /etc/ssh/mirror_gate
"""
# GitHub's ssh service says no before git begins: here a file in the repository has its words.
_GATE = f"""#!/bin/sh
cd {HOME} || exit 1
printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >> commands
path=$(printf '%s' "$SSH_ORIGINAL_COMMAND" | sed "s/^[^']*'//; s/'.*$//")
case "$SSH_ORIGINAL_COMMAND" in
git-receive-pack*) [ -f "$path/refusal" ] && {{ cat "$path/refusal" >&2; exit 1; }} ;;
esac
exec git-shell -c "$SSH_ORIGINAL_COMMAND"
"""
# In GitHub's own words (docs.github.com: about large files, and what a push of them answers).
_PRE_RECEIVE = """#!/bin/sh
large=$(while read -r old new ref; do
    case "$new" in *[!0]*) git rev-list --objects "$new" --not --all ;; esac
done | git cat-file --batch-check='%(objecttype) %(objectsize) %(rest)' | awk '
    $1 == "blob" && $2 > 100 * 1048576 {
        size = $2 / 1048576
        sub(/^[a-z]+ [0-9]+ /, "")
        printf "error: File %s is %.2f MB; this exceeds GitHub\\047s file size limit of 100.00 MB\\n", $0, size
    }')
[ -z "$large" ] && exit 0
cat >&2 <<SAID
error: Trace: 5f2d1a8be2d5c1c1e2b4bd1d2a0c7f3e
error: See https://gh.io/lfs for more information.
$large
error: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com.
SAID
exit 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A key in OpenSSH's format, as `ssh-keygen -t ed25519` makes it, and its public one without comment."""

    private: str
    public: str

    @classmethod
    def make(cls) -> "KeyPair":
        """Make one."""
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        return cls(private=private.decode(), public=key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sshd:
    """A running server; `port` is where this machine reaches it."""

    container: Container
    alias: str
    port: int
    host_key: str

    @property
    def known_hosts(self) -> str:
        """The line of a known_hosts file, for both ways to it."""
        return f"{self.alias},[127.0.0.1]:{self.port} {self.host_key}"

    @property
    def commands(self) -> list[str]:
        """What clients have asked for, oldest first."""
        code, text = execute(self.container, ["cat", str(HOME / "commands")])
        return text.decode().splitlines() if code == 0 else []

    @property
    def logins(self) -> int:
        """How often somebody has logged in."""
        return self.container.logs().count(b"Accepted publickey")

    def url(self, path: str) -> str:
        """Give the address of a repository on this machine."""
        return f"ssh://git@127.0.0.1:{self.port}{HOME / path}"

    def inside(self, path: str) -> str:
        """Give the address of a repository on the network, written as GitHub's are."""
        return f"git@{self.alias}:{path}"

    def create(self, path: str) -> None:
        """Make an empty repository that answers as one at GitHub does."""
        self._as_git("git", "init", "--quiet", "--bare", "--initial-branch=main", str(HOME / path))
        self.git(path, "config", "receive.hideRefs", "refs/pull")
        self.install_hook(path, "pre-receive", _PRE_RECEIVE)

    def refuse(self, path: str, line: str) -> None:
        """Let the service say no to every push to a repository, before git begins."""
        put_file(self.container, str(HOME / path / "refusal"), f"{line}\n".encode())

    def hook(self, path: str, name: str, *lines: str, code: int = 1) -> None:
        """Let a hook of a repository print lines, as GitHub's do, and end with a code."""
        self.install_hook(path, name, "\n".join(["#!/bin/sh", "cat >&2 <<'SAID'", *lines, "SAID", f"exit {code}", ""]))

    def git(self, path: str, *arguments: str) -> str:
        """Run git in a repository, and give its output."""
        return self._as_git("git", "-C", str(HOME / path), *arguments).strip()

    def install_hook(self, path: str, name: str, script: str) -> None:
        """Make a shell script a hook of a repository."""
        place = HOME / path / "hooks" / name
        put_file(self.container, str(place), script.encode(), mode=0o755)
        execute(self.container, ["chown", "-R", "git", str(place.parent)])

    def _as_git(self, *argv: str) -> str:
        code, text = execute(self.container, ["runuser", "-u", "git", "--", *argv])
        if code:
            raise DevError(f"{' '.join(argv)} failed in {self.alias} (exit {code}):\n{text.decode(errors='replace')}")
        return text.decode()


@contextmanager
def sshd(net: str, *, authorized: Sequence[str], alias: str = ALIAS, folder: Path | None = None) -> Iterator[Sshd]:
    """Run a server that lets in the owners of these public keys.

    A `folder` of this machine becomes its `/srv/git`; its user git is then this one, so that each may change what the other made.
    """
    host_key = KeyPair.make()
    files = {
        "/etc/ssh/mirror_host_key": host_key.private.encode(),
        "/etc/ssh/mirror_config": _CONFIG.encode(),
        "/etc/ssh/mirror_authorized_keys": "".join(f"{line}\n" for line in authorized).encode(),
        "/etc/ssh/mirror_gate": _GATE.encode(),
        "/etc/gitconfig": b"[safe]\n\tdirectory = *\n",
    }
    who = f"--non-unique --uid {os.getuid()}" if folder else ""
    start = (
        f"chmod 600 /etc/ssh/mirror_host_key && chmod 755 /etc/ssh/mirror_gate && mkdir -p {HOME} && "
        f"useradd {who} --home-dir {HOME} --shell /bin/sh git && usermod -p '*' git && "
        f"chown git {HOME} && exec /usr/sbin/sshd -D -e -f /etc/ssh/mirror_config"
    )
    shell, volumes = ["sh", "-c", start], [f"{folder}:{HOME}"] if folder else []
    with container_on(net, tools_image.ensure(), shell, alias=alias, port=_PORT, files=files, volumes=volumes) as (made, port):
        until(lambda: _answers(port), made, alias)
        yield Sshd(container=made, alias=alias, port=port, host_key=host_key.public)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(1)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
