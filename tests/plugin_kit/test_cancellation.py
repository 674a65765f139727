"""SIGTERM and Ctrl-C, sent to real plugins with real children."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugin_kit.errors import Cancelled
from plugin_kit.process import run, terminated
from tests.support.processes import STUBBORN, is_gone


def start_plugin(tmp_path: Path, body: str) -> "subprocess.Popen[str]":
    """Start a Python program that begins and ends like a plugin."""
    script = f"""
import os, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from plugin_kit.errors import Cancelled, PluginError
from plugin_kit.process import run, start, terminated
def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")  # in one piece, unlike print
    sys.stdout.flush()
def show(_, line): say(line)
def plugin():
{textwrap.indent(textwrap.dedent(body), "    ")}
try:
    with terminated():
        plugin()
except PluginError as error:
    say(f"error: {{error}}")
    sys.exit(error.exit_code)
"""
    path = tmp_path / "plugin.py"
    path.write_text(script)
    return subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


@contextmanager
def running_plugin(tmp_path: Path, body: str) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """Give the plugin and what it printed before "ready"."""
    plugin = start_plugin(tmp_path, body)
    assert plugin.stdout
    lines: list[str] = []
    for line in plugin.stdout:
        if line.strip() == "ready":
            break
        lines.append(line.strip())
    try:
        yield plugin, lines
    finally:
        plugin.kill()
        plugin.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_reaches_grandchildren_and_cleanup_is_done(tmp_path: Path, number: signal.Signals) -> None:
    """What Woodpecker does when a pipeline is cancelled: the exit code by which a shell tells of the signal, nothing left."""
    body = f"""
        try:
            run(["sh", "-c", "sleep 100 & echo $!; echo $$; echo ready; wait"], on_line=show)
        finally:
            time.sleep(0.2)
            Path({str(tmp_path / "cleaned")!r}).touch()
    """
    with running_plugin(tmp_path, body) as (plugin, pids):
        plugin.send_signal(number)
        out, err = plugin.communicate(timeout=10)
    assert (plugin.returncode, out, err) == (128 + number, f"error: cancelled by {number.name}\n", "")
    assert all(is_gone(int(pid)) for pid in pids)
    assert (tmp_path / "cleaned").exists()


def test_second_signal_does_not_break_the_cleanup(tmp_path: Path) -> None:
    """People press Ctrl-C twice."""
    body = f"""
        try:
            run(["sh", "-c", "echo ready; exec sleep 100"], on_line=show)
        finally:
            say("cleaning")
            time.sleep(0.5)
            Path({str(tmp_path / "cleaned")!r}).touch()
    """
    with running_plugin(tmp_path, body) as (plugin, _):
        plugin.terminate()
        assert plugin.stdout
        assert plugin.stdout.readline() == "cleaning\n"
        plugin.terminate()
        plugin.send_signal(signal.SIGINT)
        assert plugin.communicate(timeout=10) == ("error: cancelled by SIGTERM\n", "")
    assert plugin.returncode == 143
    assert (tmp_path / "cleaned").exists()


def test_child_gets_one_sigterm(tmp_path: Path) -> None:
    """BuildKit drops everything at the third one, so it must not be sent again by each part that ends a child."""
    script = "trap 'echo asked' TERM; echo ready; n=0; while [ $n -lt 20 ]; do sleep 0.1; n=$((n+1)); done"
    with running_plugin(tmp_path, f"run(['sh', '-c', {script!r}], on_line=show)") as (plugin, _):
        plugin.terminate()
        out, _ = plugin.communicate(timeout=10)
    assert out.splitlines().count("asked") == 1
    assert plugin.returncode == 143


def test_child_that_ignores_the_signal_does_not_outlive_the_grace(tmp_path: Path) -> None:
    """Two of them at once take no longer than one: Woodpecker waits for 20 s only."""
    body = f"""
        import plugin_kit.cancellation
        plugin_kit.cancellation.GRACE_SECONDS = 2
        with start(["sh", "-c", {STUBBORN.replace("ready", "$$")!r}], on_line=show) as first:
            while not first.tail(): time.sleep(0.01)
            with start(["sh", "-c", {STUBBORN!r}], on_line=show):
                time.sleep(100)
    """
    with running_plugin(tmp_path, body) as (plugin, pids):
        begin = time.monotonic()
        plugin.terminate()
        plugin.communicate(timeout=20)
    assert 1.9 < time.monotonic() - begin < 3.9
    assert plugin.returncode == 143
    assert is_gone(int(pids[0]))


def test_children_of_other_threads_are_ended(tmp_path: Path) -> None:
    """Each thread ends by itself and starts nothing more; swallowing the error does not help it."""
    body = """
        def work(number):
            try:
                run(["sh", "-c", f"echo $$; [ {number} = 1 ] && echo ready; exec sleep 100"], on_line=show)
            except PluginError as error:
                say(number, type(error).__name__)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, range(6)))
    """
    with running_plugin(tmp_path, body) as (plugin, pids):
        plugin.terminate()
        out, err = plugin.communicate(timeout=10)
    assert plugin.returncode == 143, err
    assert out.splitlines()[-1] == "error: cancelled by SIGTERM"
    assert {line for line in out.splitlines()[:-1] if not line.isdigit()} <= {f"{number} Cancelled" for number in range(6)}
    assert all(is_gone(int(pid)) for pid in pids)


def test_swallowed_cancellation_comes_back(tmp_path: Path) -> None:
    """Code that goes on after each failed image must not build the next one, nor end with 0."""
    body = """
        for number in range(3):
            try:
                run(["sh", "-c", "echo ready; exec sleep 100"], on_line=show)
            except PluginError as error:
                say(number, type(error).__name__)
    """
    with running_plugin(tmp_path, body) as (plugin, _):
        plugin.terminate()
        out, _ = plugin.communicate(timeout=10)
    assert out.splitlines() == ["0 Cancelled", "1 Cancelled", "2 Cancelled", "error: cancelled by SIGTERM"]
    assert plugin.returncode == 143


def test_error_that_follows_from_the_signal_is_a_cancellation(tmp_path: Path) -> None:
    """What fails because its children are gone did not fail by itself."""
    body = """
        try:
            run(["sh", "-c", "echo ready; exec sleep 100"], on_line=show)
        finally:
            raise PluginError("the builder is gone")
    """
    with running_plugin(tmp_path, body) as (plugin, _):
        plugin.terminate()
        assert plugin.communicate(timeout=10)[0] == "error: cancelled by SIGTERM\n"


def test_cleanup_may_run_children(tmp_path: Path) -> None:
    """After the signal as before it, and other children not."""
    body = """
        try:
            run(["sh", "-c", "echo ready; exec sleep 100"], on_line=show)
        finally:
            run(["sh", "-c", "sleep 0.2; echo removed"], on_line=show, cleanup=True)
            run(["echo", "more"], on_line=show)
    """
    with running_plugin(tmp_path, body) as (plugin, _):
        plugin.terminate()
        assert plugin.communicate(timeout=10)[0] == "removed\nerror: cancelled by SIGTERM\n"


def test_signal_waits_for_a_running_cleanup(tmp_path: Path) -> None:
    """A clean-up that has begun before the signal is not cut off by it."""
    body = """
        run(["sh", "-c", "echo ready; sleep 0.5; echo removed"], on_line=show, cleanup=True)
        say("went on")
    """
    with running_plugin(tmp_path, body) as (plugin, _):
        plugin.terminate()
        assert plugin.communicate(timeout=10)[0] == "removed\nerror: cancelled by SIGTERM\n"


def test_hanging_cleanup_is_given_up(tmp_path: Path) -> None:
    """Before Woodpecker kills the container; the children are gone then, too."""
    body = """
        import plugin_kit.cancellation
        plugin_kit.cancellation.CLEANUP_SECONDS = 1
        child = start(["sh", "-c", "trap '' TERM; echo $$; echo ready; while :; do sleep 0.1; done"], on_line=show)
        try:
            time.sleep(100)
        finally:
            time.sleep(100)
    """
    with running_plugin(tmp_path, body) as (plugin, pids):
        plugin.terminate()
        _, err = plugin.communicate(timeout=10)
    assert plugin.returncode == 143
    assert err == "error: cancelled by SIGTERM; the clean-up was given up after 1s\n"
    assert is_gone(int(pids[0]))


def test_children_of_a_failed_plugin_are_ended(tmp_path: Path) -> None:
    """Nothing outlives `terminated`, signal or not."""
    body = """
        child = start(["sleep", "100"])
        say(child.pid)
        raise PluginError("no")
    """
    plugin = start_plugin(tmp_path, body)
    out, _ = plugin.communicate(timeout=10)
    assert plugin.returncode == 1
    assert is_gone(int(out.split()[0]))


def test_handlers_are_restored() -> None:
    """Also after a signal, which here comes from the test itself."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGCHLD)]
    with pytest.raises(Cancelled, match="cancelled by SIGTERM"), terminated():
        os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGCHLD)] == before
    assert run(["true"]).returncode == 0


def test_return_codes_are_right_where_sigchld_is_ignored(tmp_path: Path) -> None:
    """The kernel collects the children of such a process by itself, and a failure would look like a success."""
    script = "from plugin_kit.process import *\nwith terminated(): print(run(['sh', '-c', 'exit 3'], check=False).returncode)"
    path = tmp_path / "plugin.py"
    path.write_text(script)
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.executable, [sys.executable, sys.argv[1]])"
    )
    assert subprocess.run([sys.executable, "-c", ignoring, path], capture_output=True, text=True, check=True).stdout == "3\n"


def test_orphans_are_collected_as_pid_1(tmp_path: Path) -> None:
    """In a container the plugin is init, and a build can leave many dead descendants."""
    space = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*space, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine has no PID namespaces for users")
    script = """
        import os, time
        from pathlib import Path
        from plugin_kit.process import run
        assert os.getpid() == 1
        daemon = "(setsid sh -c 'echo $$; exec sleep 2 >&- 2>&-' &)"
        orphans = list(map(int, run(["sh", "-c", f"{daemon}; {daemon}"]).stdout.split()))
        def is_dead(pid):
            try:
                return ") Z " in Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                return False
        def wait_for_dead(count):
            deadline = time.monotonic() + 10
            while sum(map(is_dead, orphans)) != count:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        wait_for_dead(2)
        assert run(["sh", "-c", "exit 3"], check=False).returncode == 3
        wait_for_dead(0)
        print("collected")
    """
    path = tmp_path / "init.py"
    path.write_text(textwrap.dedent(script))
    ended = subprocess.run([*space, sys.executable, path], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("collected\n", "")
