"""Requests are sent again where that can do no harm, and never for longer than agreed."""

import email.utils
import functools
import ssl
import threading
import time
from http.client import RemoteDisconnected
from pathlib import Path

import pytest
import trustme

from plugin_kit.http import Http, TlsError, TransportError, pem_text, reason_of, retry_after, tls_context
from tests.support.scripted_server import Answer, Asked, ScriptedServer, scripted_server

OK = Answer(body=b"fine")
BUSY = Answer(status=503)
DROPPED = Answer(drop=True)


# Certificates are looked at in three tests only, and loading the system's takes longer than any test here.
client = functools.partial(Http, verify=False)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("5", 5.0),
        (" 7 ", 7.0),
        ("86400", 60.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 60.0),
        ("-3", None),
        ("1.5", None),
        ("soon", None),
    ],
)
def test_retry_after_is_read_as_seconds_to_wait(header: str | None, seconds: float | None) -> None:
    """Seconds and dates are understood, nonsense is as good as nothing, and nobody makes us wait for more than a minute."""
    assert retry_after(header) == seconds


def test_retry_after_counts_a_date_from_now() -> None:
    """A date half a minute away means half a minute."""
    header = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert retry_after(header) == pytest.approx(30, abs=2)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: ScriptedServer, status: int) -> None:
    """The answers that mean "later" are followed by another try, and the caller sees the good answer only."""
    server.on("GET", "/", Answer(status=status, headers={"Retry-After": "0"}), OK)
    with client(retry_for=3) as http:
        assert http.request("GET", server.url).content == b"fine"
    assert len(server.asked()) == 2


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 500, 501, 507])
def test_other_answers_are_final(server: ScriptedServer, status: int) -> None:
    """An answer that another try won't change is given back at once."""
    server.on("GET", "/", Answer(status=status))
    with client(retry_for=3) as http:
        assert http.request("GET", server.url).status_code == status
    assert len(server.asked()) == 1


def test_the_server_says_how_long_to_wait(server: ScriptedServer) -> None:
    """A 429 with Retry-After is followed by just that pause, and who made the client is told."""
    told: list[str] = []
    server.on("GET", "/", Answer(status=429, headers={"Retry-After": "1"}), OK)
    with client(retry_for=5, on_retry=told.append) as http:
        http.request("GET", server.url)
    first, second = server.asked()
    assert 1.0 <= second.at - first.at < 1.9
    assert told == ["127.0.0.1 answered 429, trying again in 1s as it asked"]


def test_the_server_says_by_a_date_when_to_come_back(server: ScriptedServer) -> None:
    """Retry-After as an HTTP date is obeyed, too: the next request comes when that second has begun."""
    begins: list[int] = []

    def later(_: Asked) -> Answer:
        begins.append(int(time.time()) + 1)
        return Answer(status=503, headers={"Retry-After": email.utils.formatdate(begins[0], usegmt=True)})

    came: list[float] = []

    def now(_: Asked) -> Answer:
        came.append(time.time())
        return OK

    server.on("GET", "/", later, now)
    with client(retry_for=5) as http:
        assert http.request("GET", server.url).status_code == 200
    assert came[0] >= begins[0]


def test_a_wait_beyond_the_deadline_is_not_begun(server: ScriptedServer) -> None:
    """A server that wants more patience than there is gets no second request; its answer is given back."""
    server.on("GET", "/", Answer(status=429, headers={"Retry-After": "30"}))
    begin = time.monotonic()
    with client(retry_for=0.5) as http:
        assert http.request("GET", server.url).status_code == 429
    assert time.monotonic() - begin < 0.5
    assert len(server.asked()) == 1


def test_the_last_answer_is_given_back_at_the_deadline(server: ScriptedServer) -> None:
    """A server that stays busy is asked several times, and then its answer is the result."""
    server.on("GET", "/", BUSY)
    begin = time.monotonic()
    with client(retry_for=0.5) as http:
        assert http.request("GET", server.url).status_code == 503
    assert time.monotonic() - begin < 2
    assert len(server.asked()) > 1


def test_a_dropped_connection_is_tried_again(server: ScriptedServer) -> None:
    """A reset is followed by another try, with words about it."""
    told: list[str] = []
    server.on("GET", "/", DROPPED, OK)
    with client(retry_for=3, on_retry=told.append) as http:
        assert http.request("GET", server.url).content == b"fine"
    assert len(told) == 1
    assert told[0].split(", ")[0] in {"127.0.0.1: the connection was reset", "127.0.0.1: the connection was dropped"}


def test_connections_that_all_drop_raise_in_the_end(server: ScriptedServer) -> None:
    """When the deadline has passed, the caller gets the error of the last try."""
    server.on("GET", "/", DROPPED)
    begin = time.monotonic()
    with client(retry_for=0.5) as http, pytest.raises(TransportError):
        http.request("GET", server.url)
    assert time.monotonic() - begin < 2


def test_a_slow_answer_is_given_up_and_asked_for_again(server: ScriptedServer) -> None:
    """A read takes no longer than the timeout; the next try may be luckier."""
    told: list[str] = []
    server.on("GET", "/", Answer(delay=0.6), OK)
    with client(timeout=0.2, retry_for=3, on_retry=told.append) as http:
        assert http.request("GET", server.url).content == b"fine"
    assert [line.partition(" for up to ")[0] for line in told] == ["127.0.0.1: no answer in time, trying again"]


def test_a_refused_connection_raises_at_the_deadline() -> None:
    """Nobody listens: it is tried until the deadline and not for much longer."""
    with scripted_server() as gone:
        url = gone.url
    begin = time.monotonic()
    with client(retry_for=0.5) as http, pytest.raises(TransportError) as caught:
        http.request("GET", url)
    assert reason_of(caught.value) == "connection refused"
    assert time.monotonic() - begin < 1.8


@pytest.mark.parametrize("trouble", [BUSY, Answer(status=429, headers={"Retry-After": "0"})])
def test_a_post_is_never_repeated_blindly(server: ScriptedServer, trouble: Answer) -> None:
    """A POST may have done its work before the answer was lost, so even "later" is final."""
    server.on("POST", "/", trouble, OK)
    with client(retry_for=3) as http:
        assert http.request("POST", server.url, content=b"x").status_code == trouble.status
    assert len(server.asked()) == 1


def test_a_dropped_post_is_an_error(server: ScriptedServer) -> None:
    """A POST whose connection was reset raises after the one try."""
    server.on("POST", "/", DROPPED, OK)
    with client(retry_for=3) as http, pytest.raises(TransportError):
        http.request("POST", server.url)
    assert len(server.asked()) == 1


def test_a_post_that_is_harmless_is_repeated_on_request(server: ScriptedServer) -> None:
    """The caller who knows that a POST does no harm twice can say so."""
    server.on("POST", "/", DROPPED, OK)
    with client(retry_for=3) as http:
        assert http.request("POST", server.url, content=b"body", retry=True).content == b"fine"
    assert [asked.body for asked in server.asked()] == [b"body", b"body"]


def test_a_put_is_sent_again_with_its_content(server: ScriptedServer) -> None:
    """An idempotent request is repeated as a whole."""
    server.on("PUT", "/", Answer(status=503, headers={"Retry-After": "0"}), Answer(status=201))
    with client(retry_for=3) as http:
        assert http.request("PUT", server.url, content=b"manifest").status_code == 201
    assert [asked.body for asked in server.asked()] == [b"manifest", b"manifest"]


def test_an_unknown_certificate_is_final(secure: ScriptedServer) -> None:
    """A CA that nobody trusts stays so: the error comes at once, without another try."""
    told: list[str] = []
    with Http(retry_for=3, on_retry=told.append) as http, pytest.raises(TlsError, match="certificate refused"):
        http.request("GET", secure.url)
    assert told == []


def test_a_private_ca_is_trusted_where_it_is_given(secure: ScriptedServer, authority: trustme.CA) -> None:
    """A CA in the settings makes its certificates good."""
    secure.on("GET", "/", OK)
    context = tls_context(authority.cert_pem.bytes().decode())
    with Http(verify=context) as http:
        assert http.request("GET", secure.url).status_code == 200


def test_a_certificate_of_another_name_is_refused(authority: trustme.CA) -> None:
    """A trusted CA does not help a server that shows somebody else's certificate."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("registry.example.lan").configure_cert(server_context)
    context = tls_context(authority.cert_pem.bytes().decode())
    with scripted_server(server_context) as server, Http(verify=context) as http, pytest.raises(TlsError, match="not valid for"):
        http.request("GET", server.url)


def test_a_server_without_tls_is_told_apart(server: ScriptedServer) -> None:
    """Plain http where https is expected has its own words, so that `insecure` can be named as the way out."""
    with client(retry_for=3) as http, pytest.raises(TlsError, match="does not speak TLS"):
        http.request("GET", server.url.replace("http://", "https://"))


def test_redirects_are_followed_on_request_only(server: ScriptedServer) -> None:
    """A redirect is an answer like any other unless the caller expects one."""
    server.on("GET", "/from", Answer(status=307, headers={"Location": "/to"}))
    server.on("GET", "/to", OK)
    with client() as http:
        assert http.request("GET", f"{server.url}/from").status_code == 307
        assert http.request("GET", f"{server.url}/from", follow_redirects=True).content == b"fine"


def test_many_requests_share_few_connections(server: ScriptedServer) -> None:
    """Threads use the same client, and no more connections than agreed are opened."""
    server.on("GET", "/", Answer(delay=0.01))
    with client(connections=4) as http:
        threads = [threading.Thread(target=http.request, args=("GET", server.url)) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.asked()) == 32
    assert server.connections <= 4


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("[Errno 111] Connection refused"), "connection refused"),
        (OSError("[Errno -2] Name or service not known"), "the name does not resolve"),
        (OSError("[Errno -3] Temporary failure in name resolution"), "the name does not resolve"),
        (OSError("[Errno 113] No route to host"), "no route to the host"),
        (RemoteDisconnected("Remote end closed connection without response"), "the connection was dropped"),
        (OSError("[Errno 104] Connection reset by peer"), "the connection was reset"),
        (TimeoutError("timed out"), "no answer in time"),
        (TimeoutError(), "TimeoutError"),
        (OSError("something else"), "something else"),
    ],
)
def test_connection_errors_are_told_in_few_words(error: Exception, words: str) -> None:
    """What sockets say becomes what a person understands; the unknown is passed on."""
    assert reason_of(error) == words


PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("given", [PEM, PEM.strip(), PEM.replace("\n", "\r\n"), PEM.strip().replace("\n", "\\n"), f"\n\n{PEM}\n"])
def test_pem_is_taken_as_settings_carry_it(given: str) -> None:
    r"""PEM survives Windows line ends, literal \n and lost or added blank lines."""
    assert pem_text(given) == PEM


def test_pem_may_be_a_path(tmp_path: Path) -> None:
    """A setting that holds no PEM names a file."""
    (tmp_path / "ca.pem").write_text(PEM)
    assert pem_text(f" {tmp_path}/ca.pem ") == PEM


@pytest.mark.parametrize("given", [PEM, "no-such-file.pem"])
def test_a_ca_that_cannot_be_read_is_a_value_error(given: str) -> None:
    """Broken PEM and a missing file are told apart from a certificate, in words for the setting's user."""
    with pytest.raises(ValueError, match="no certificate in PEM form"):
        tls_context(given)
