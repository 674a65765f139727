"""Programs that run beside this one and end with it."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devtools.background import Background
from tests.support.processes import STUBBORN, is_gone, wait_for


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Background]]:
    """Start a shell script; it ends with the test."""
    started: list[Background] = []

    def begin(script: str, **env: str) -> Background:
        environment = {"PATH": os.environ["PATH"], **env}
        program = Background("script", ["sh", "-c", script], log=tmp_path / "script.log", env=environment, cwd=tmp_path)
        started.append(program)
        return program

    yield begin
    for program in started:
        program.stop(0)


def test_what_it_prints_is_in_its_log(start: Callable[..., Background]) -> None:
    """Both streams, and the end of it for an error message."""
    program = start("seq 1 40; echo failed >&2; exit 3")
    assert wait_for(lambda: program.ended() == 3)
    assert program.tail(3) == "39\n40\nfailed"


def test_a_long_line_is_cut(start: Callable[..., Background]) -> None:
    """Kubernetes logs whole objects in one line."""
    program = start("printf %01000d 7")
    assert wait_for(lambda: program.ended() == 0)
    assert program.tail() == "0" * 300


def test_it_sees_only_the_environment_that_it_is_given(start: Callable[..., Background], monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting for the person's own etcd is not one for ours."""
    monkeypatch.setenv("ETCD_NAME", "theirs")
    program = start("echo $ETCD_NAME,$HOME", HOME="/nowhere")
    assert wait_for(lambda: program.ended() == 0)
    assert program.tail() == ",/nowhere"


def test_stop_asks_first(start: Callable[..., Background]) -> None:
    """It may close its files."""
    program = start("trap 'echo closed; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    assert wait_for(lambda: program.tail() == "ready")
    program.stop(10)
    assert program.ended() == 0
    assert program.tail() == "ready\nclosed"


def test_stop_then_uses_force(start: Callable[..., Background]) -> None:
    """What does not listen is killed."""
    program = start(STUBBORN)
    assert wait_for(lambda: program.tail() == "ready")
    program.stop(0.1)
    assert program.ended() == -signal.SIGKILL
    assert is_gone(program.pid)


def test_only_the_main_thread_may_start_one(start: Callable[..., Background]) -> None:
    """The kernel would end it with the thread, and nobody would find out why."""
    errors: list[RuntimeError] = []

    def elsewhere() -> None:
        try:
            start("sleep 60")
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert [str(error) for error in errors] == ["script must be started in the main thread"]
