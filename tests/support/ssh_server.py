"""An ssh server in a thread of the test, for git and for faults that no real server can be talked into."""

import contextlib
import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from tests.support.lfs_server import LfsServer


@dataclass(kw_only=True)
class SshServer:
    """A server on 127.0.0.1; commands are git's, run in `home`. The public attributes may be changed while it runs."""

    home: Path
    host_key: paramiko.PKey
    accepted: set[str] = field(default_factory=set)
    """Public keys that may log in, as `kind base64`."""

    drop_after: int | None = None
    """Break the connection off when a command has been sent this many bytes."""

    complaint: str = ""
    """What to say on stderr instead of running a command."""

    lfs: LfsServer | None = None
    """Where git-lfs-authenticate leads to."""

    port: int = 0
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)

    @property
    def known_hosts(self) -> str:
        """The line for this server."""
        return f"[127.0.0.1]:{self.port} {self.host_key.get_name()} {self.host_key.get_base64()}"

    def url(self, path: str) -> str:
        """Give the address of a repository below `home`."""
        return f"ssh://git@127.0.0.1:{self.port}{self.home / path}"

    def serve(self, connection: socket.socket) -> None:
        """Talk to one client until it goes."""
        self.connections += 1
        transport = paramiko.Transport(connection)
        transport.add_server_key(self.host_key)
        try:
            transport.start_server(server=_Session(self, transport))
            # A channel that nobody holds closes itself.
            channels = []
            while transport.is_active():
                channels.append(transport.accept(0.2))
        except (paramiko.SSHException, EOFError, OSError):
            pass
        finally:
            transport.close()

    def run(self, command: str, channel: paramiko.Channel, transport: paramiko.Transport, protocol: str) -> None:
        """Run a command with the channel as its input and output; `protocol` is the GIT_PROTOCOL that the client has sent."""
        self.commands.append(command)
        if self.complaint:
            channel.sendall_stderr(f"{self.complaint}\n".encode())
            _end(channel, 1)
            return
        if self.lfs and command.startswith("git-lfs-authenticate "):
            channel.sendall(self.lfs.authentication().encode())
            _end(channel, 0)
            return
        with subprocess.Popen(
            ["git", "-c", "safe.directory=*", *_git_words(command)],
            cwd=self.home,
            env={**os.environ, "GIT_PROTOCOL": protocol},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        ) as child:
            outputs = [threading.Thread(target=_pass_on, args=(child.stdout, channel.sendall))]
            outputs += [threading.Thread(target=_pass_on, args=(child.stderr, channel.sendall_stderr))]
            threading.Thread(target=self._feed, args=(child, channel, transport), daemon=True).start()
            for thread in outputs:
                thread.start()
            for thread in outputs:
                thread.join()
            code = child.wait()
        _end(channel, code)

    def _feed(self, child: "subprocess.Popen[bytes]", channel: paramiko.Channel, transport: paramiko.Transport) -> None:
        taken = 0
        with contextlib.suppress(OSError, ValueError):
            while data := channel.recv(32768):
                taken += len(data)
                if self.drop_after is not None and taken > self.drop_after:
                    transport.close()
                    break
                if child.stdin:
                    child.stdin.write(data)
        if child.stdin:
            with contextlib.suppress(OSError):
                child.stdin.close()


class _Session(paramiko.ServerInterface):
    def __init__(self, server: SshServer, transport: paramiko.Transport) -> None:
        self._server = server
        self._transport = transport
        self._protocols: dict[int, str] = {}

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002  paramiko's own signature
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002  paramiko's own signature
        offered = f"{key.get_name()} {key.get_base64()}"
        self._server.offered.append(offered)
        return AUTH_SUCCESSFUL if offered in self._server.accepted else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002  paramiko's own signature
        return OPEN_SUCCEEDED

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        if name != b"GIT_PROTOCOL":
            return False
        self._protocols[channel.get_id()] = value.decode()
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        argv = (command.decode(), channel, self._transport, self._protocols.get(channel.get_id(), ""))
        threading.Thread(target=self._server.run, args=argv, daemon=True).start()
        return True


@contextmanager
def ssh_server(home: Path, *accepted: str) -> Iterator[SshServer]:
    """Run a server with a host key of its own."""
    server = SshServer(home=home, host_key=paramiko.ECDSAKey.generate(), accepted=set(accepted))
    with listening() as listener:
        server.port = listener.getsockname()[1]
        threading.Thread(target=_accept, args=(listener, server), daemon=True).start()
        yield server


@contextmanager
def listening() -> Iterator[socket.socket]:
    """Take connections on a free port of 127.0.0.1; by itself this is a server whose banner never comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener
        # Wakes up a thread that waits for a connection.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, server: SshServer) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=server.serve, args=(connection,), daemon=True).start()


def _git_words(command: str) -> list[str]:
    name, *arguments = shlex.split(command)
    return [name.removeprefix("git-"), *arguments]


def _pass_on(stream: IO[bytes] | None, send: Callable[[bytes], object]) -> None:
    with contextlib.suppress(OSError):
        while stream and (data := stream.read(32768)):
            send(data)


def _end(channel: paramiko.Channel, code: int) -> None:
    with contextlib.suppress(OSError, EOFError):
        channel.send_exit_status(code)
        channel.close()
