"""A real OpenSSH server in a container, with git repositories that this machine sees, too."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker.models.containers import Container

from devtools import tools_image
from devtools.containers import container_on, network, until

HOME = Path("/srv/git")
_PORT = 2222
_CONFIG = f"""
Port {_PORT}
HostKey /etc/ssh/test_host_key
AuthorizedKeysFile /etc/ssh/test_authorized_keys
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
LogLevel VERBOSE
ForceCommand /etc/ssh/test_gate
"""
# GitHub's ssh service says no before git begins: here a file in the repository has its words.
_GATE = f"""#!/bin/sh
printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >> {HOME}/commands
path=$(printf '%s' "$SSH_ORIGINAL_COMMAND" | sed "s/^[^']*'//; s/'.*$//")
case "$SSH_ORIGINAL_COMMAND" in
git-receive-pack*) [ -f "$path/refusal" ] && {{ cat "$path/refusal" >&2; exit 1; }} ;;
esac
cd {HOME} && exec git-shell -c "$SSH_ORIGINAL_COMMAND"
"""


@dataclass(frozen=True, kw_only=True)
class Sshd:
    """A server on 127.0.0.1; `folder` is its `/srv/git`, the home of the user git."""

    folder: Path
    port: int
    host_key: str
    container: Container

    @property
    def known_hosts(self) -> str:
        """The line for this server."""
        return f"[127.0.0.1]:{self.port} {self.host_key}"

    @property
    def commands(self) -> list[str]:
        """What clients have asked for, oldest first."""
        log = self.folder / "commands"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def logins(self) -> int:
        """How often somebody has logged in."""
        return self.container.logs().count(b"Accepted publickey")

    def url(self, path: str) -> str:
        """Give the address of a repository below the folder."""
        return f"ssh://git@127.0.0.1:{self.port}{HOME / path}"

    def hook(self, repository: str, name: str, *lines: str, code: int = 1) -> None:
        """Let a hook of a repository print lines, as GitHub's do, and end with a code."""
        path = self.folder / repository / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        text = "\n".join(lines)
        path.write_text(f"#!/bin/sh\ncat >&2 <<'SAID'\n{text}\nSAID\nexit {code}\n")
        path.chmod(0o755)


@contextmanager
def sshd(folder: Path, *authorized: str) -> Iterator[Sshd]:
    """Run a server whose user git is this one, so that each may change what the other has made."""
    key = folder.parent / f"{folder.name}-host-key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", str(key)], check=True)
    files = {
        "/etc/ssh/test_host_key": key.read_bytes(),
        "/etc/ssh/test_config": _CONFIG.encode(),
        "/etc/ssh/test_authorized_keys": "".join(f"{line}\n" for line in authorized).encode(),
        "/etc/ssh/test_gate": _GATE.encode(),
        "/etc/gitconfig": b"[safe]\n\tdirectory = *\n",
    }
    start = (
        f"chmod 600 /etc/ssh/test_host_key && chmod 755 /etc/ssh/test_gate && "
        f"useradd --non-unique --uid {os.getuid()} --home-dir {HOME} --shell /bin/sh git && usermod -p '*' git && "
        "exec /usr/sbin/sshd -D -e -f /etc/ssh/test_config"
    )
    with (
        network("sshd") as net,
        container_on(
            net, tools_image.ensure(), ["sh", "-c", start], alias="sshd", port=_PORT, files=files, volumes=[f"{folder}:{HOME}"]
        ) as (container, port),
    ):
        until(lambda: _answers(port), container, "sshd")
        yield Sshd(folder=folder, port=port, host_key=" ".join(key.with_suffix(".pub").read_text().split()[:2]), container=container)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(1)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
