"""The DevTools protocol over two pipes: JSON that ends in a NUL, as Chromium speaks it with --remote-debugging-pipe."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

ANSWER_SECONDS = 60.0


class BrowserError(Exception):
    """The browser refused a command, said nothing in time, or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a tab."""

    session: str
    method: str
    params: Mapping[str, Any]


@dataclass(slots=True)
class Connection:
    """One browser; a thread reads what it says."""

    reads: int
    writes: int
    events: list[Event] = field(default_factory=list)
    _answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _number: int = 0
    _ended: bool = False
    _reader: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read."""
        self._reader = threading.Thread(target=self._read, name="devtools", daemon=True)
        self._reader.start()

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:  # noqa: ANN401  whatever the protocol has
        """Give a command and return its result."""
        with self._changed:
            self._number += 1
            number = self._number
            command = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
            data = json.dumps(command).encode() + b"\0"
            while data:
                data = data[os.write(self.writes, data) :]
            self._wait(lambda: number in self._answers, ANSWER_SECONDS, method)
            answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    def wait(self, condition: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Wait until the events make a condition true."""
        with self._changed:
            self._wait(condition, seconds, what)

    def close(self) -> None:
        """Hang up, after the browser has."""
        os.close(self.writes)
        if self._reader is not None:
            self._reader.join(10)
        os.close(self.reads)

    def _wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = monotonic() + seconds
        while not condition():
            if self._ended:
                raise BrowserError(f"{what}: the browser has ended")
            if monotonic() > deadline:
                raise BrowserError(f"{what}: not within {seconds:.0f} s")
            self._changed.wait(0.2)

    def _read(self) -> None:
        rest = b""
        while data := self._some():
            *messages, rest = (rest + data).split(b"\0")
            with self._changed:
                for message in messages:
                    self._take(json.loads(message))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _some(self) -> bytes:
        try:
            return os.read(self.reads, 1 << 16)
        except OSError:
            return b""

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
        else:
            self.events.append(Event(session=message.get("sessionId", ""), method=message["method"], params=message.get("params", {})))
