"""The connection to a host: a private folder for the key, strict options, and one connection for all that git does there."""

import contextlib
import os
import shlex
import shutil
import stat
import tempfile
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from github_mirror.git import minimal_environment
from github_mirror.keys import PrivateKey
from plugin_kit import process
from plugin_kit.cancellation import cancellation
from plugin_kit.errors import PluginError

# A unix socket's path has room for 107 bytes; ssh appends 40 for %C and 17 of its own while it makes the socket.
_LONGEST_FOLDER = 107 - 40 - 17 - len("/")
# An idle connection that outlives a plugin which was killed without warning ends by itself.
_PERSIST_SECONDS = 60
_CONNECT_SECONDS = 20


class Ssh:
    """A key, the hosts it may be shown to, and the connections; all of it is gone when the context ends."""

    def __init__(self, *, key: PrivateKey, known_hosts: str, connect_timeout: float = _CONNECT_SECONDS) -> None:
        """Take a key and the text of a known_hosts file."""
        self._key = key
        self._known_hosts = known_hosts
        self._connect_timeout = max(1, round(connect_timeout))
        self._folder = Path()
        self._forget: weakref.finalize[[Path], Self] | None = None

    def __enter__(self) -> Self:
        with cancellation.held():
            self._folder = _private_folder()
            # Also at exit, should an exception strike between here and the `with` block.
            self._forget = weakref.finalize(self, _remove, self._folder)
            _write(self._folder / "key", self._key.openssh)
            _write(self._folder / "known_hosts", self._known_hosts)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with cancellation.held():
            try:
                self.close()
            finally:
                if self._forget:
                    self._forget()

    @property
    def command(self) -> str:
        """The ssh command as git wants it: one line for a shell."""
        options = {
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "BatchMode": "yes",
            "PreferredAuthentications": "publickey",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": self._folder / "known_hosts",
            "GlobalKnownHostsFile": os.devnull,
            "UpdateHostKeys": "no",
            "ConnectTimeout": self._connect_timeout,
            "ServerAliveInterval": 15,
            "ServerAliveCountMax": 4,
            "LogLevel": "ERROR",
            "ControlMaster": "auto",
            "ControlPath": self._folder / "%C",
            "ControlPersist": _PERSIST_SECONDS,
        }
        argv = ["ssh", "-F", os.devnull, "-i", str(self._folder / "key")]
        argv += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return shlex.join(argv)

    def environment(self) -> dict[str, str]:
        """Give the environment for `Git.using`: with it git reaches hosts by this key, and nothing else of the machine's."""
        return {**minimal_environment(self._folder), "GIT_SSH_COMMAND": self.command, "GIT_SSH_VARIANT": "ssh"}

    def close(self) -> None:
        """End the connections that are kept open; also done after SIGTERM."""
        for path in list(self._folder.iterdir()) if self._folder.is_dir() else []:
            if stat.S_ISSOCK(path.lstat().st_mode):
                argv = ["ssh", "-F", os.devnull, "-o", f"ControlPath={path}", "-O", "exit", "mirror"]
                # A connection that has broken down can't be ended any more; what is left of it goes with `_PERSIST_SECONDS`.
                with contextlib.suppress(PluginError):
                    process.run(argv, env=minimal_environment(self._folder), timeout=3, check=False, cleanup=True)


def _private_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mirror-"))
    if len(os.fsencode(folder)) > _LONGEST_FOLDER:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="mirror-", dir="/tmp"))
    return folder


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
