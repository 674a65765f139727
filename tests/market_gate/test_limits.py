"""Whatever is sent: an answer in JSON that allows nothing, or a closed door; and the next one is served."""

import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from market_gate import connection
from tests.market_gate.conftest import CLOSED, Running, Time
from tests.support.processes import wait_for

QUESTION = b"GET /v1/gate?project=shop-cd&stage=paper HTTP/1.1\r\nHost: gate\r\n\r\n"
ROUNDS = 1500


@contextmanager
def knock(gate: Running) -> Iterator[socket.socket]:
    """Open a bare connection."""
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as door:
        yield door


def everything(door: socket.socket) -> bytes:
    """Read until the other side hangs up."""
    parts = []
    try:
        while part := door.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def send(gate: Running, data: bytes) -> bytes:
    """Send bytes, say that this was all, and return what comes."""
    with knock(gate) as door:
        try:
            door.sendall(data)
            door.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass
        return everything(door)


def status_of(answer: bytes) -> int:
    """Check that the answer is JSON without an allow, and return its status."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower(), answer[:300]
    content = json.loads(body)
    assert content["allow"] is False
    assert content["error"]
    return int(head.split()[1])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60) + b"\r\n\r\n", 400),
        (b"GET /v1/gate HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/gate HTTP/9.9\r\nHost: a\r\n\r\n", 400),
        (b"GET /v1/gate HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET /v1/gate HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n", 400),
        (b"GET /v1/gate?" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /v1/gate?project=" + b"a" * 6_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 414),
        (b"GET /v1/gate HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\nConnection: close\r\n\r\n", 431),
        (b"GET /v1/gate HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"POST /v1/gate HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", 413),
        (b"GET /v1/gate HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET /v1/gate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
        (b"DELETE /v1/gate HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
        (b"GET /v1/gate/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
        (b"GET //v1/gate HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
        (b"GET /v1/%00%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
    ],
)
def test_what_is_no_question_gets_an_error_in_json(gate: Running, data: bytes, status: int) -> None:
    """A Kargo `http` step that reads anything else is Errored."""
    assert status_of(send(gate, data)) == status
    assert gate.ask()["allow"] is False


def test_the_answer_to_head_has_no_body(gate: Running) -> None:
    """Probes of load balancers ask so."""
    assert send(gate, b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").endswith(b"\r\n\r\n")


def test_a_request_to_become_a_websocket_is_answered_like_any_other(gate: Running) -> None:
    """There is none."""
    upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n\r\n"
    assert b" 404 " in send(gate, b"GET /ws HTTP/1.1\r\nHost: a\r\n" + upgrade).splitlines()[0]


def test_whoever_does_not_finish_a_request_is_sent_away(gate: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its first request, in the middle of a body, and after a request that was answered."""
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.2)
    for begun in (b"", b"GET /v1/ga", b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
        with knock(gate) as door:
            door.sendall(begun)
            assert status_of(everything(door)) == 408
    with knock(gate) as door:
        door.sendall(QUESTION)
        first = door.recv(65536)
        door.sendall(b"GET /v1/ga")
        assert statuses(first + everything(door)) == [200, 408]
    with knock(gate) as door:
        door.sendall(QUESTION + b"GET /v1/ga")
        assert statuses(everything(door)) == [200, 408]


def test_a_drop_at_a_time_does_not_lengthen_the_time(gate: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock runs from the first byte, not from the last."""
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.3)
    with knock(gate) as door:
        door.setblocking(False)
        begun = time.monotonic()
        while not hung_up(door):
            assert time.monotonic() - begun < 5
            time.sleep(0.01)
    assert gate.ask()["allow"] is False


def hung_up(door: socket.socket) -> bool:
    """Send one byte more; tell whether the other side has closed the door."""
    try:
        door.sendall(b"G")
        return door.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_slow_clients_keep_nobody_waiting(gate: Running) -> None:
    """Two hundred that have begun and say nothing more."""
    doors = [socket.create_connection(("127.0.0.1", gate.port), timeout=10) for _ in range(200)]
    try:
        for door in doors:
            door.sendall(b"GET /v1/gate?project=")
        assert gate.ask()["allow"] is False
    finally:
        for door in doors:
            door.close()
    assert wait_for(lambda: gate.ask()["allow"] is False)


def test_too_many_connections_are_refused_in_json(gate: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """And when some are gone, there is room again."""
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 3)
    doors = [socket.create_connection(("127.0.0.1", gate.port), timeout=10) for _ in range(3)]
    try:
        with knock(gate) as door:
            assert status_of(everything(door)) == 503
    finally:
        for door in doors:
            door.close()
    assert wait_for(lambda: gate.get("/healthz").status == 200)


def test_questions_that_come_all_at_once_are_answered_in_order(gate: Running) -> None:
    """Pipelining."""
    answer = send(gate, QUESTION * 5)
    assert answer.count(b"HTTP/1.1 200 OK") == 5


def test_no_noise_is_ever_an_allow(start: Callable[..., Running], clock: Time) -> None:
    """Questions with bytes changed, cut, doubled or added: at an hour at which everything is allowed, only a whole question gets a yes."""
    clock.day = CLOSED
    gate = start()
    dice = random.Random(20261118)
    whole = gate.get("/v1/gate?project=shop-cd&stage=paper").json["allow"]
    assert whole is True
    for _ in range(ROUNDS):
        data = noise(dice)
        for head, body in answers(send(gate, data)):
            if b'"allow":true' in body:
                assert b" 200 " in head
                assert b"project=shop-cd" in data
                assert b"stage=paper" in data
            elif body:
                assert b"HTTP/1.1 5" not in head, (data, head)
    assert gate.ask()["allow"] is True


def statuses(data: bytes) -> list[int]:
    """Return the status of each answer."""
    return [int(head.split()[1]) for head, _ in answers(data)]


def noise(dice: random.Random) -> bytes:
    """Spoil a question."""
    data = bytearray(QUESTION)
    for _ in range(dice.randint(1, 6)):
        place = dice.randrange(len(data)) if data else 0
        match dice.randrange(5):
            case 0:
                data[place : place + 1] = bytes([dice.randrange(256)])
            case 1:
                del data[place:]
            case 2:
                data[place:place] = data[: dice.randint(1, 60)]
            case 3:
                data[place:place] = dice.randbytes(dice.randint(1, 200))
            case _:
                data[place:place] = dice.choice(
                    [b"\r\n", b"\x00", b"%", b"&", b"%ff", b" ", b"\xe2\x82\xac", b"&at=", b"&rollback=true", b"?"]
                )
    return bytes(data)


def answers(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Split what came into heads and bodies."""
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length:")), 0)
        yield head, rest[:length]
        data = rest[length:]
