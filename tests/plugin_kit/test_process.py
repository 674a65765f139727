"""Real child processes: what they print, how they end, and that nothing of them is left."""

import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plugin_kit.errors import ProcessError
from plugin_kit.process import KEPT_BYTES, Stream, run, start
from tests.support.processes import STUBBORN, children, is_gone, wait_for


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """See to it that each test has its children collected, as shown by the kernel."""
    before = children()
    yield
    assert children() <= before


class TestOutput:
    """What a child prints."""

    def test_streams_are_kept_apart(self) -> None:
        """And whole."""
        result = run(["sh", "-c", "echo out; echo err >&2; printf rest"])
        assert (result.returncode, result.stdout, result.stderr) == (0, "out\nrest", "err\n")

    def test_lines_come_while_the_child_runs(self) -> None:
        """The child waits for the file that its first line brings about."""
        seen: list[tuple[Stream, str]] = []

        def answer(stream: Stream, line: str) -> None:
            seen.append((stream, line))
            if stream == "stdout" and line.endswith(".go"):
                Path(line).touch()

        script = 'f=$(mktemp -u).go; echo "$f"; while [ ! -e "$f" ]; do sleep 0.01; done; rm "$f"; echo went on >&2'
        run(["sh", "-c", script], on_line=answer, timeout=10)
        assert seen[1:] == [("stderr", "went on")]

    def test_line_ends_are_taken_off(self) -> None:
        """Those of Windows, too; the last line needs none, and bytes that are no UTF-8 are shown as such."""
        lines: list[str] = []
        run(["printf", r"a\r\nb\n\nc\377"], on_line=lambda _, line: lines.append(line))
        assert lines == ["a", "b", "", "c\ufffd"]

    def test_character_in_two_pieces_is_whole(self) -> None:
        """A pipe may be read in the middle of a character."""
        lines: list[str] = []
        run(["sh", "-c", r"printf 'gr\303'; sleep 0.1; printf '\274n\n'"], on_line=lambda _, line: lines.append(line))
        assert lines == ["grün"]

    def test_much_output_takes_little_memory(self) -> None:
        """Of 50 MB the last MiB is kept, from the beginning of a line; measured in a process of its own."""
        script = """
            import resource
            from plugin_kit.process import run
            script = "yes 0123456789abcdef0123456789abcdef | head -c 49999983; echo; echo end"
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            text = run(["sh", "-c", script]).stdout
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, len(text), text[:17], text[-5:].strip())
        """
        grown, kept, first, last = run([sys.executable, "-c", textwrap.dedent(script)]).stdout.split()
        assert int(grown) < 20_000
        assert KEPT_BYTES - 34 < int(kept) <= KEPT_BYTES
        assert (first, last) == ("0123456789abcdef0", "end")

    def test_endless_line_comes_in_pieces(self) -> None:
        """A line of more than a MiB is not waited for."""
        lines: list[str] = []
        run(["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"], on_line=lambda _, line: lines.append(line))
        assert len(lines) == 3
        assert sum(map(len, lines)) == 3_000_000

    def test_failing_on_line_ends_the_child(self) -> None:
        """What the caller's code raises comes out of `run`, and the child does not go on."""
        pids: list[int] = []

        def fail(_: Stream, line: str) -> None:
            pids.append(int(line))
            raise LookupError(line)

        with pytest.raises(LookupError):
            run(["sh", "-c", "echo $$; exec sleep 100"], on_line=fail)
        assert is_gone(pids[0])


class TestInput:
    """What a child is given."""

    def test_input_is_empty_by_default(self) -> None:
        """A child that asks for a password finds the end of input instead of waiting for ever."""
        assert run(["cat"], timeout=10).stdout == ""

    def test_much_input_and_output_at_once(self) -> None:
        """More than both pipes hold."""
        text = "0123456789abcde\n" * 50_000
        assert run(["cat"], input=text, timeout=30).stdout == text

    def test_input_that_nobody_reads(self) -> None:
        """A child may end before it has read all."""
        assert run(["true"], input="x" * 1_000_000, timeout=10).returncode == 0

    def test_environment_and_folder(self, tmp_path: Path) -> None:
        """The environment is the given one and no more."""
        result = run(["/bin/sh", "-c", 'echo "$TOKEN $HOME-"; pwd'], env={"TOKEN": "hunter22"}, cwd=tmp_path)
        assert result.stdout == f"hunter22 -\n{tmp_path}\n"

    def test_secret_on_the_command_line_is_refused(self) -> None:
        """Everybody on the machine can read it there; the message must not print it once more."""
        with pytest.raises(ProcessError, match="could read a secret") as caught:
            run(["echo", "--password=hunter22"], secrets=["hunter22"])
        assert "hunter22" not in f"{caught.value.message}{caught.value.hint}{caught.value.details}"


class TestFailure:
    """What is said about a child that failed."""

    def test_failure_has_the_last_lines(self) -> None:
        """Of standard error, without secrets."""
        script = 'echo out; seq 1 30 >&2; echo "bad $TOKEN" >&2; exit 3'
        with pytest.raises(ProcessError) as caught:
            run(["sh", "-c", script], env={**os.environ, "TOKEN": "hunter22"}, secrets=["hunter22"])
        assert caught.value.message == "sh failed with exit code 3"
        assert caught.value.details == (*map(str, range(12, 31)), "bad ********")

    def test_failure_without_errors_has_the_output(self) -> None:
        """Some programs complain on standard output."""
        with pytest.raises(ProcessError) as caught:
            run(["sh", "-c", "echo no such thing; exit 1"])
        assert caught.value.details == ("no such thing",)

    def test_return_code_without_check(self) -> None:
        """Where a failure is an answer."""
        assert run(["sh", "-c", "exit 3"], check=False).returncode == 3

    def test_killed_child(self) -> None:
        """The usual reason is worth a hint."""
        with pytest.raises(ProcessError, match="sh was ended by SIGKILL") as caught:
            run(["sh", "-c", "kill -9 $$"])
        assert "memory" in str(caught.value.hint)

    def test_missing_program(self) -> None:
        """The hint says what to do."""
        with pytest.raises(ProcessError, match="no-such-program is not installed") as caught:
            run(["no-such-program"])
        assert "install no-such-program" in str(caught.value.hint)

    def test_missing_folder_is_not_a_missing_program(self, tmp_path: Path) -> None:
        """Python reports both as the same error."""
        with pytest.raises(ProcessError, match="there is no such folder"):
            run(["true"], cwd=tmp_path / "gone")

    def test_file_that_is_no_program(self, tmp_path: Path) -> None:
        """The reason is the one of the system."""
        (tmp_path / "data").write_text("data")
        with pytest.raises(ProcessError, match="data can't be started: Permission denied"):
            run([str(tmp_path / "data")])


class TestEnd:
    """How children are ended."""

    def test_timeout_ends_grandchildren(self) -> None:
        """The whole group goes, and the last lines are in the error."""
        pids: list[str] = []
        with pytest.raises(ProcessError, match=r"sh was stopped because it took longer than 0\.5s") as caught:
            run(["sh", "-c", "sleep 100 & echo $!; sleep 100"], timeout=0.5, on_line=lambda _, line: pids.append(line))
        assert is_gone(int(pids[0]))
        assert caught.value.details == (pids[0],)

    def test_child_that_ignores_the_signal_is_killed(self) -> None:
        """After the grace, not before."""
        begin = time.monotonic()
        with pytest.raises(ProcessError, match="took longer"):
            run(["sh", "-c", STUBBORN], timeout=0.3, grace=0.5)
        assert 0.8 <= time.monotonic() - begin < 3

    def test_what_a_child_leaves_behind_is_killed(self) -> None:
        """A descendant that holds the output does not hold the caller."""
        begin = time.monotonic()
        result = run(["sh", "-c", "sleep 100 & echo $!"])
        assert time.monotonic() - begin < 5
        assert is_gone(int(result.stdout))

    def test_descendant_outside_the_group_does_not_hold_the_caller(self) -> None:
        """It left the group by itself, as daemons do; its output is not listened to for ever."""
        begin = time.monotonic()
        result = run(["sh", "-c", "setsid sh -c 'echo $$; exec sleep 100' & sleep 0.2"])
        pid = int(result.stdout)
        assert time.monotonic() - begin < 5
        os.kill(pid, signal.SIGKILL)
        assert is_gone(pid)


class TestStart:
    """Children that go on running."""

    def test_child_runs_until_its_context_is_left(self) -> None:
        """As buildkitd does."""
        with start(["sh", "-c", "echo up; exec sleep 100"]) as child:
            assert wait_for(lambda: child.tail() == ["up"])
            assert child.poll() is None
            assert child.wait(0.1) is None
        assert child.poll() == -signal.SIGTERM
        assert is_gone(child.pid)

    def test_child_that_dies_shows_its_last_lines(self) -> None:
        """What the caller needs for its own error."""
        with start(["sh", "-c", "seq 1 30; echo no space >&2; exit 1"]) as child:
            result = child.wait(10)
            assert result is not None
            assert (result.returncode, child.poll()) == (1, 1)
            assert len(child.tail()) == 20
            assert "no space" in child.tail()

    def test_terminate_kills_after_the_grace(self) -> None:
        """And may be called again."""
        child = start(["sh", "-c", STUBBORN])
        assert wait_for(lambda: child.tail() == ["ready"])
        assert child.terminate(grace=0.2) == -signal.SIGKILL
        assert child.terminate() == -signal.SIGKILL


def test_many_children_at_once() -> None:
    """Each gets its own output and return code."""
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: run(["sh", "-c", f"echo {number}; exit {number}"], check=False), range(60)))
    assert [(result.stdout, result.returncode) for result in results] == [(f"{number}\n", number) for number in range(60)]


def test_threads_and_pipes_are_closed() -> None:
    """A plugin that starts hundreds of children runs out of nothing."""
    run(["true"])
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        run(["true"], input="x", check=False)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("output of")])
