"""A child process, its group and its output."""

import contextlib
import os
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from plugin_kit.cancellation import DRAIN_SECONDS, GRACE_SECONDS, KILL_SECONDS, cancellation

if TYPE_CHECKING:
    import subprocess

Stream = Literal["stdout", "stderr"]
OnLine = Callable[[Stream, str], None]

KEPT_BYTES = 1024 * 1024
TAIL_LINES = 20

_CHUNK = 64 * 1024
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a child ended: a negative return code is a signal; of each stream there is the last MiB."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


class Child:
    """A running child and its process group, made by `start`; leaving its context ends it."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", argv: Sequence[str], *, data: bytes, on_line: OnLine | None, cleanup: bool
    ) -> None:
        self.name = Path(argv[0]).name
        self.pid = process.pid
        self.cleanup = cleanup
        self._process = process
        self._data = memoryview(data)
        self._on_line = on_line
        self._failure: BaseException | None = None
        self._begin = time.monotonic()
        self._seconds = 0.0
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._outputs: dict[Stream, _Output] = {
            "stdout": _Output(lambda line: self._take("stdout", line)),
            "stderr": _Output(lambda line: self._take("stderr", line)),
        }
        self._asked = False
        self._gone = False
        # Reentrant, because the signal handler may run in a thread that holds it.
        self._lock = threading.RLock()
        self._done = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.terminate()

    def poll(self) -> int | None:
        """Give the return code, or None while the child runs."""
        return self._process.returncode if self._done.is_set() else None

    def wait(self, timeout: float | None = None) -> Result | None:
        """Wait for the end, or give None when the child still runs after that many seconds.

        Raises what `on_line` raised, and `Cancelled` in every thread once the signal has come.
        """
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        while not self._failure and (self.cleanup or not cancellation.name):
            if self._done.wait(max(0.0, min(_LOOK_SECONDS, deadline - time.monotonic()))):
                break
            if time.monotonic() >= deadline:
                return None
        if self._failure:
            raise self._failure
        if not self.cleanup:
            cancellation.check()
        return Result(
            returncode=self._process.returncode,
            stdout=self._outputs["stdout"].text(),
            stderr=self._outputs["stderr"].text(),
            seconds=self._seconds,
        )

    def terminate(self, grace: float = GRACE_SECONDS) -> int:
        """Ask the group to end, kill it after the grace (in seconds), and give the return code."""
        self.ask()
        if not self._done.wait(cancellation.shortened(grace)):
            self.kill()
            self._done.wait(DRAIN_SECONDS + KILL_SECONDS)
        code = self.poll()
        return -signal.SIGKILL if code is None else code

    def tail(self, lines: int = TAIL_LINES) -> list[str]:
        """Give the last lines of both streams, 20 at most."""
        return list(self._tail)[-lines:]

    def ask(self) -> None:
        """Send SIGTERM, but once: BuildKit and Docker take the third one as an order to drop everything."""
        with self._lock:
            if not self._asked:
                self._asked = True
                self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the group."""
        with self._lock:
            self._signal(signal.SIGKILL)

    def serve(self) -> None:
        """Move input and output until the child has ended, then collect it; runs in a thread of its own."""
        try:
            self._move_all()
        finally:
            with self._lock:
                # An ended child keeps its number until it is waited for, so this can't hit somebody else's group.
                self._signal(signal.SIGKILL)
                self._process.wait()
                self._gone = True
            for output in self._outputs.values():
                output.end()
            self._seconds = time.monotonic() - self._begin
            cancellation.children.discard(self)
            self._done.set()

    def _signal(self, number: signal.Signals) -> None:
        if not self._gone:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _take(self, stream: Stream, line: str) -> None:
        self._tail.append(line)
        if self._on_line and not self._failure:
            try:
                self._on_line(stream, line)
            except BaseException as error:  # noqa: BLE001  raised again in the thread that waits
                self._failure = error

    def _move_all(self) -> None:
        pipes = {"stdin": self._process.stdin, "stdout": self._process.stdout, "stderr": self._process.stderr}
        with contextlib.ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            for name, pipe in pipes.items():
                if pipe:
                    stack.callback(pipe.close)
                    os.set_blocking(pipe.fileno(), False)
                    selector.register(pipe, selectors.EVENT_WRITE if name == "stdin" else selectors.EVENT_READ, (name, pipe))
            ended = float("inf")
            while selector.get_map() and time.monotonic() < ended + DRAIN_SECONDS:
                for key, _ in selector.select(_LOOK_SECONDS):
                    name, pipe = key.data
                    if not (self._write(key.fd) if name == "stdin" else self._read(key.fd, name)):
                        selector.unregister(pipe)
                        pipe.close()
                if self._has_ended(os.WNOHANG):
                    ended = min(ended, time.monotonic())
        self._has_ended(0)

    def _write(self, pipe: int) -> bool:
        with contextlib.suppress(BrokenPipeError):
            self._data = self._data[os.write(pipe, self._data[:_CHUNK]) :]
            return bool(self._data)
        return False

    def _read(self, pipe: int, stream: Stream) -> bool:
        data = os.read(pipe, _CHUNK)
        self._outputs[stream].feed(data)
        return bool(data)

    def _has_ended(self, flags: int) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | flags) is not None


class _Output:
    """One output stream of a child: its lines as they come, and its end."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._open_line = bytearray()
        self._kept = bytearray()
        self._cut = False

    def feed(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > 2 * KEPT_BYTES:
            del self._kept[:-KEPT_BYTES]
            self._cut = True
        self._open_line += data
        if b"\n" in data:
            *lines, self._open_line = self._open_line.split(b"\n")
            for line in lines:
                self._pass_on(line)
        elif len(self._open_line) > KEPT_BYTES:
            self.end()

    def end(self) -> None:
        """Pass on what has no newline at its end."""
        if self._open_line:
            line, self._open_line = self._open_line, bytearray()
            self._pass_on(line)

    def text(self) -> str:
        """Give the last MiB, from the beginning of a line."""
        kept = bytes(self._kept[-KEPT_BYTES:])
        if self._cut or len(self._kept) > KEPT_BYTES:
            kept = kept[kept.find(b"\n") + 1 :]
        return kept.decode(errors="replace")

    def _pass_on(self, line: bytearray) -> None:
        self._on_line(line.decode(errors="replace").removesuffix("\r"))
