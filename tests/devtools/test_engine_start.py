"""Starting a dockerd where none answers: a second one, beside the engine of the tests."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import dockerd, engine
from devtools.dockerd import Daemon
from devtools.errors import DevError
from devtools.paths import ROOT

SBIN = "/usr/sbin:/sbin"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="starting a dockerd needs root"),
    pytest.mark.skipif(shutil.which("dockerd", path=os.environ["PATH"] + ":" + SBIN) is None, reason="dockerd is not installed here"),
]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder for a daemon, and let `dockerd` be one with a network of its own: it must not touch the bridges of the real one."""
    # Not tmp_path: the path of a socket has at most 108 characters.
    with tempfile.TemporaryDirectory(prefix="lcicd-") as name:
        made = Path(name)
        real = shutil.which("dockerd", path=os.environ["PATH"] + ":" + SBIN)
        wrapper = made / "bin/dockerd"
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\nexec unshare --net {real} "$@"\n')
        wrapper.chmod(0o755)
        monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("LOCAL_CICD_CACHE", str(made))
        yield made
        a_daemon(made).stop()


def a_daemon(folder: Path) -> Daemon:
    """Describe a daemon that shares nothing with the engine of the tests."""
    options = (f"--data-root={folder}/data", f"--exec-root={folder}/exec", "--bridge=none", "--iptables=false")
    return Daemon(socket=folder / "d.sock", folder=folder, options=options)


def answers(daemon: Daemon) -> bool:
    """Tell whether it answers."""
    return engine.answers(daemon.host, timeout=5)


def test_it_is_started_and_stopped_again(folder: Path) -> None:
    """Where no engine answers one is started; at the end it is gone, and its pid file too."""
    daemon = a_daemon(folder)
    with dockerd.running(daemon):
        assert answers(daemon)
        assert daemon.pid() is not None
    assert not answers(daemon)
    assert not daemon.pid_file.exists()


def test_it_is_stopped_when_the_work_fails(folder: Path) -> None:
    """An exception ends it like success does."""
    daemon = a_daemon(folder)
    with pytest.raises(ValueError, match="the work"), dockerd.running(daemon):
        raise ValueError("the work")
    assert daemon.pid() is None


def test_the_last_user_stops_it(folder: Path) -> None:
    """A second ./dev uses the engine that runs, and the first leaves it to the second."""
    daemon = a_daemon(folder)
    second = dockerd.running(daemon)
    with dockerd.running(daemon):
        first_pid = daemon.pid()
        second.__enter__()
        assert daemon.pid() == first_pid
    assert answers(daemon)
    second.__exit__(None, None, None)
    assert daemon.pid() is None


@pytest.mark.parametrize("content", ["1", "999999999", "not a number", ""])
def test_a_stale_pid_file_is_no_obstacle(folder: Path, content: str) -> None:
    """A pid file that a crash left may name no process, or another one."""
    daemon = a_daemon(folder)
    daemon.pid_file.write_text(content)
    assert daemon.pid() is None
    with dockerd.running(daemon):
        assert answers(daemon)


def test_one_that_a_killed_process_left_is_stopped_by_the_next(folder: Path) -> None:
    """After SIGKILL the engine runs on; whoever uses it next cleans up."""
    daemon = a_daemon(folder)
    with run_in_process(folder, "os.kill(os.getpid(), signal.SIGKILL)") as killed:
        killed.wait(60)
    assert answers(daemon)
    with dockerd.running(daemon):
        pass
    assert daemon.pid() is None


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_it(folder: Path, sent: signal.Signals, code: int) -> None:
    """Ctrl-C and SIGTERM end the work, not the clean-up."""
    with run_in_process(folder, "print('up', flush=True); time.sleep(60)") as child:
        assert child.stdout is not None
        while child.stdout.readline().strip() != "up":
            assert child.poll() is None
        child.send_signal(sent)
        child.communicate(timeout=30)
    assert child.returncode == code
    assert a_daemon(folder).pid() is None


def test_with_keep_it_runs_on_until_it_is_stopped(folder: Path) -> None:
    """`./dev demo --keep` leaves the engine up, and a later ./dev does not stop it."""
    daemon = a_daemon(folder)
    with dockerd.running(daemon, keep=True):
        pass
    with dockerd.running(daemon):
        pass
    assert answers(daemon)
    daemon.stop()
    assert not answers(daemon)


def test_one_that_can_not_start_says_why(folder: Path) -> None:
    """The end of dockerd's log stands in the error."""
    daemon = Daemon(socket=folder / "d.sock", folder=folder, options=("--no-such-option",))
    with (
        pytest.raises(DevError, match=r"(?s)dockerd did not start.*no-such-option.*hint: start a Docker engine yourself"),
        dockerd.running(daemon),
    ):
        pass


def test_a_wrong_docker_host_is_not_replaced_in_silence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names an engine wants that one."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/none.sock")
    with pytest.raises(DevError, match=r"no Docker engine answers at DOCKER_HOST=.*none\.sock"), dockerd.running():
        pass


def run_in_process(folder: Path, work: str) -> "subprocess.Popen[str]":
    """Run `work` with the daemon up in a process of its own, whose exit code is that of ./dev."""
    program = textwrap.dedent(f"""\
        import os, signal, sys, time
        from pathlib import Path
        from devtools import dockerd, engine
        from devtools.dockerd import Daemon
        # Who runs in the background of a shell without job control has it ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        folder = Path({str(folder)!r})
        options = {a_daemon(folder).options!r}
        daemon = Daemon(socket=folder / "d.sock", folder=folder, options=options)
        try:
            with engine.ended_by_sigterm(), dockerd.running(daemon):
                {work}
        except KeyboardInterrupt:
            sys.exit(130)
        """)
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
