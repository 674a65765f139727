"""One client's connection: what HTTP itself refuses is answered in JSON, and nobody keeps a connection by sending slowly."""

import asyncio
import sys
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from market_gate.answer import error_answer

# A question is one line and some headers.
LONGEST_HEAD = 16 << 10
REQUEST_SECONDS = 10.0
IDLE_SECONDS = 60
MOST_CONNECTIONS = 500

_MESSAGES = {
    400: "this is not HTTP as it is understood here",
    408: f"the request was not complete after {REQUEST_SECONDS:g} seconds",
    414: f"the request line is longer than {LONGEST_HEAD >> 10} KiB",
    431: f"the request's head is longer than {LONGEST_HEAD >> 10} KiB",
    503: f"{MOST_CONNECTIONS} connections are open already",
}


class Connection(H11Protocol):
    """A connection with limits."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or refuse where there are too many."""
        super().connection_made(cast("asyncio.Transport", transport))
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse(503)
            return
        self._limit()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._unlimit()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; a request that has begun has to be complete in time."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._limit_unfinished()

    def on_response_complete(self) -> None:
        """Go on with the next request, which may have begun already."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._limit_unfinished()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  the base class says "invalid" to everything
        """Answer to what is no HTTP."""
        error = sys.exc_info()[1]
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        if status == 431 and b"\n" not in self.conn.trailing_data[0][:LONGEST_HEAD]:  # noqa: PLR2004
            status = 414
        self._refuse(status if status in _MESSAGES else 400)

    def _limit_unfinished(self) -> None:
        begun = self.conn.their_state is h11.SEND_BODY or (self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0]))
        if begun:
            self._limit()
        else:
            self._unlimit()

    def _limit(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._refuse, 408)

    def _unlimit(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int) -> None:
        """Answer with an error and hang up; without a word where an answer has begun already."""
        self._unlimit()
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        body = error_answer(status, _MESSAGES[status]).model_dump_json().encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        try:
            if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                self.transport.write(
                    b"".join(
                        self.conn.send(event) or b""
                        for event in (
                            h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status]),
                            h11.Data(data=body),
                            h11.EndOfMessage(),
                        )
                    )
                )
        except h11.LocalProtocolError:
            pass
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
