"""An answer without an end is read while it comes, and can be left at any time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from plugin_kit.http import Http, TransportError


@contextmanager
def watch(serve: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Serve a GET by a function that writes the answer, and give its address."""

    class Watch(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            serve(self)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own signature
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Watch) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def begin(handler: BaseHTTPRequestHandler, *, chunked: bool = True) -> None:
    """Write the head of an answer that goes on."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    if chunked:
        handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()


def chunk(handler: BaseHTTPRequestHandler, data: bytes) -> None:
    """Write a chunk; an empty one is the end."""
    handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


@pytest.mark.parametrize("chunked", [True, False])
def test_lines_come_as_they_are_sent(*, chunked: bool) -> None:
    """Each line is there before the next one is sent; empty ones count, and a chunk may end within a line."""
    seen = threading.Semaphore(0)

    def serve(handler: BaseHTTPRequestHandler) -> None:
        write = (lambda data: chunk(handler, data)) if chunked else handler.wfile.write
        begin(handler, chunked=chunked)
        write(b"data: on")
        write("e caf\N{LATIN SMALL LETTER E WITH ACUTE}\n\n".encode())
        for _ in range(2):
            assert seen.acquire(timeout=5)
        write(b"data: two\r\n")
        if chunked:
            chunk(handler, b"")

    found = []
    with watch(serve) as url, Http() as http, http.stream(url, silence=5) as stream:
        assert stream.status_code == 200
        assert stream.headers.get("content-type") == "text/event-stream"
        for line in stream.lines():
            found.append(line)
            seen.release()
    assert found == ["data: one caf\N{LATIN SMALL LETTER E WITH ACUTE}", "", "data: two"]


def test_a_server_that_says_nothing_is_left() -> None:
    """A watch that hangs must not hang the step."""
    done = threading.Event()

    def serve(handler: BaseHTTPRequestHandler) -> None:
        begin(handler)
        chunk(handler, b"one\n")
        done.wait(10)

    found: list[str] = []
    with watch(serve) as url, Http() as http, http.stream(url, silence=0.2) as stream:
        with pytest.raises(TransportError, match="no answer in time"):
            found.extend(stream.lines())
        done.set()
    assert found == ["one"]


def test_a_server_that_does_not_answer_is_left() -> None:
    """Silence counts before the first byte, too."""
    done = threading.Event()

    def serve(_: BaseHTTPRequestHandler) -> None:
        done.wait(10)

    with watch(serve) as url, Http() as http:
        with pytest.raises(TransportError, match="no answer in time"), http.stream(url, silence=0.2):
            pytest.fail("there is no answer")
        done.set()


def test_a_stream_that_breaks_off_is_an_error() -> None:
    """A server that restarts in the middle of a watch does not look like its end."""

    def serve(handler: BaseHTTPRequestHandler) -> None:
        begin(handler)
        chunk(handler, b"one\n")

    with watch(serve) as url, Http() as http, http.stream(url, silence=5) as stream:
        lines = stream.lines()
        assert next(lines) == "one"
        with pytest.raises(TransportError, match="the answer broke off"):
            next(lines)


def test_a_reader_can_be_let_go_from_another_thread() -> None:
    """Whoever waits for a line sees the end of them at once, and no error."""
    done = threading.Event()

    def serve(handler: BaseHTTPRequestHandler) -> None:
        begin(handler)
        chunk(handler, b"one\n")
        done.wait(10)

    with watch(serve) as url, Http() as http, http.stream(url, silence=10) as stream:
        lines = stream.lines()
        assert next(lines) == "one"
        begun = time.monotonic()
        timer = threading.Timer(0.1, stream.end)
        timer.start()
        assert list(lines) == []
        assert time.monotonic() - begun < 5
        timer.join()
        done.set()
    assert stream.ended


def test_an_ordinary_answer_can_be_read_as_a_whole() -> None:
    """A refusal comes with a document that says why."""

    def serve(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(403)
        handler.send_header("Content-Length", "15")
        handler.end_headers()
        handler.wfile.write(b'{"error": "no"}')

    with watch(serve) as url, Http() as http, http.stream(url, silence=5) as stream:
        answer = stream.read()
    assert (answer.status_code, answer.json()) == (403, {"error": "no"})


def test_a_stream_gives_its_place_back() -> None:
    """With one connection allowed there is one again when the stream has been left in the middle, by an error, too."""

    def serve(handler: BaseHTTPRequestHandler) -> None:
        begin(handler)
        chunk(handler, b"one\n")
        chunk(handler, b"")

    with watch(serve) as url, Http(connections=1) as http:
        for _ in range(2):
            with pytest.raises(StopIteration), http.stream(url, silence=5) as stream:
                next(line for line in stream.lines() if line == "two")
