"""An answer that has no end: it is read line by line while it comes."""

import contextlib
import socket
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPResponse

from plugin_kit.connections import TransportError, told
from plugin_kit.response import Response


class Stream:
    """An open answer. `end` may be called from any thread: whoever reads the lines sees their end."""

    def __init__(self, answer: HTTPResponse, line: socket.socket) -> None:
        """Take the answer with the connection that it comes on."""
        self._answer = answer
        self._line = line
        self.ended = False

    @property
    def status_code(self) -> int:
        """The answer's status."""
        return self._answer.status

    @property
    def headers(self) -> Message:
        """The answer's headers."""
        return self._answer.headers

    def read(self) -> Response:
        """Read all of an answer that turned out to be an ordinary one."""
        with told():
            content = self._answer.read()
        return Response(status_code=self._answer.status, reason_phrase=self._answer.reason, headers=self._answer.headers, content=content)

    def lines(self) -> Iterator[str]:
        """Give the lines as they come, without their ends; raises TransportError when the connection breaks or is silent for too long."""
        rest = b""
        try:
            while not self.ended and (part := self._part()):
                *whole, rest = (rest + part).split(b"\n")
                yield from (_text(line) for line in whole if not self.ended)
        except TransportError:
            if not self.ended:
                raise
        if rest and not self.ended:
            yield _text(rest)

    def end(self) -> None:
        """Let the reader go."""
        self.ended = True
        # Closing would leave a reader in another thread waiting for ever.
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def _part(self) -> bytes:
        with told():
            # Not readline(): to that, an answer which breaks off between two chunks has ended.
            return self._answer.read1() if self._answer.length is None else self._answer.read()


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", errors="replace")
