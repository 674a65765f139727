"""Starting a Docker engine where none answers, and stopping it when the last `./dev` that uses it ends."""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from devtools import engine, programs, progress
from devtools.errors import DevError
from devtools.paths import cache_dir, log_dir

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
# They may outlive the function that starts them, and are waited for when they have ended.
_CHILDREN: list["subprocess.Popen[bytes]"] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A dockerd that is started by hand; the defaults are those of the docker command."""

    socket: Path = Path("/var/run/docker.sock")
    options: tuple[str, ...] = ()
    folder: Path = field(default_factory=lambda: cache_dir("engine"))
    """Holds the pid file and the lock of those who use it."""

    @property
    def pid_file(self) -> Path:
        """The file with the process id; removed by dockerd when it stops."""
        return self.folder / "dockerd.pid"

    @property
    def kept(self) -> Path:
        """The mark that it is to run on (`./dev demo --keep`), until `./dev clean`."""
        return self.folder / "kept"

    @property
    def log(self) -> Path:
        """The log of dockerd."""
        return log_dir() / "dockerd.log"

    @property
    def host(self) -> str:
        """The address of the engine."""
        return f"unix://{self.socket}"

    def pid(self) -> int | None:
        """Return the id of the dockerd that was started here and still runs; a pid file of one that died says nothing."""
        try:
            pid = int(self.pid_file.read_text(encoding="utf-8"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        # A process id is used again: the process must be a dockerd with this very pid file.
        return pid if str(self.pid_file).encode() in command else None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with progress.step(f"starting dockerd (log in {self.log})"):
            if self.pid() is None:
                subprocess.run(programs.as_root(["rm", "-f", str(self.pid_file)]), check=True)
            self.kept.unlink(missing_ok=True)
            # The group may use the socket, so that only dockerd itself runs as root.
            daemon = [_dockerd(), "--host", self.host, "--pidfile", str(self.pid_file), "--group", str(os.getgid()), *self.options]
            # A session of its own: Ctrl-C is for ./dev, which stops dockerd after the containers are gone. By the program setsid,
            # because sudo must see the terminal to ask for a password.
            command = programs.as_root(["setsid", *daemon])
            with self.log.open("ab") as log:
                child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            _CHILDREN.append(child)
            deadline = time.monotonic() + READY_SECONDS
            while not engine.answers(self.host, timeout=5):
                if child.poll() is not None or time.monotonic() > deadline:
                    last = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
                    self.stop()
                    _send(child.pid, "TERM")
                    _forget_ended()
                    hint = "start a Docker engine yourself, or run ./dev on a machine that allows one (iptables, cgroups, overlayfs)"
                    raise DevError(f"dockerd did not start; the end of {self.log}:\n{last}", hint=hint)
                time.sleep(0.1)

    def stop(self) -> None:
        """Stop it if it was started here, and wait until it has gone."""
        pid = self.pid()
        if pid is None:
            return
        with progress.step("stopping dockerd"):
            _send(pid, "TERM")
            deadline = time.monotonic() + STOP_SECONDS
            while self.pid() is not None:
                if time.monotonic() > deadline:
                    _send(pid, "KILL")
                    break
                time.sleep(0.1)
        _forget_ended()


@contextmanager
def running(daemon: Daemon | None = None, *, keep: bool = False) -> Iterator[None]:
    """See to it that an engine answers: one that is there is used as it is, else dockerd is started and stopped at the end.

    It is stopped by the last process that uses it, also one that found it running after another `./dev` was killed; never with `keep`.
    """
    wanted = daemon or Daemon()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with (wanted.folder / "users.lock").open("w") as users:
        with (wanted.folder / "start.lock").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
            if not engine.answers(daemon.host if daemon else engine.address()):
                _provide(wanted, own=daemon is not None)
        try:
            yield
        finally:
            _leave(wanted, users.fileno(), keep=keep)


def installed() -> bool:
    """Tell whether there is a dockerd that could be started."""
    return shutil.which("dockerd", path=_path()) is not None


def _provide(daemon: Daemon, *, own: bool) -> None:
    """Install what is missing, and start the daemon if that alone did not."""
    if not own and (host := os.environ.get("DOCKER_HOST")):
        raise DevError(f"no Docker engine answers at DOCKER_HOST={host}", hint="start it, or unset DOCKER_HOST")
    if daemon.socket.exists() and not os.access(daemon.socket, os.W_OK):
        raise DevError(
            f"you may not use the Docker engine at {daemon.socket}", hint="become a member of the group docker, or run ./dev as root"
        )
    if not installed():
        if not programs.apt_machine():
            raise DevError("no Docker engine answers, and dockerd is missing", hint="install and start Docker, then try again")
        # Debian 13 has the docker command in a package of its own.
        command = ["docker-cli"] if programs.available("docker-cli") else []
        programs.install("docker.io", *command, "iptables", why="no Docker engine answers")
        if engine.answers(daemon.host):
            return  # systemd has started it
    daemon.start()


def _leave(daemon: Daemon, users: int, *, keep: bool) -> None:
    if daemon.pid() is None:
        return
    if keep:
        daemon.kept.touch()
    if daemon.kept.exists():
        progress.say(f"dockerd keeps running (process {daemon.pid()}) until ./dev clean")
        return
    with (daemon.folder / "start.lock").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("dockerd keeps running for another ./dev, which stops it")
            return
        daemon.stop()


def _dockerd() -> str:
    return shutil.which("dockerd", path=_path()) or "dockerd"


def _path() -> str:
    # Debian keeps dockerd out of a user's PATH.
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/local/sbin"])


def _forget_ended() -> None:
    for child in list(_CHILDREN):
        with suppress(subprocess.TimeoutExpired):
            child.wait(1)
            _CHILDREN.remove(child)


def _send(pid: int, name: str) -> None:
    number = signal.Signals[f"SIG{name}"]
    try:
        os.kill(pid, number)
    except PermissionError:
        subprocess.run(programs.as_root(["kill", f"-{name}", str(pid)]), check=False)
    except ProcessLookupError:
        return
