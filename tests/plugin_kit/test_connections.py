"""Connections are kept while they are good, go through the proxies that the environment names, and break in words that help."""

import functools
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from plugin_kit.http import Http, TlsError, TransportError
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server
from tests.support.tunnel import tunnel_to

OK = Answer(body=b"fine")
NAME = "registry.example.lan"

client = functools.partial(Http, verify=False, retry_for=0.5)


class Peer:
    """A server on bare sockets, for what no HTTP server does: each connection gets the next of some answers, and is closed."""

    def __init__(self, *answers: bytes, reads: bool = True) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.closed = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._serve, args=(answers, reads))
        self._thread.start()

    def _serve(self, answers: tuple[bytes, ...], reads: bool) -> None:
        for answer in answers:
            connection = self._listener.accept()[0]
            with connection:
                connection.recv(65536 if reads else 1)
                connection.sendall(answer)
            self.closed.release()

    def end(self) -> None:
        """Take no more connections."""
        self._thread.join()
        self._listener.close()


@contextmanager
def peer(*answers: bytes, reads: bool = True) -> Iterator[Peer]:
    """Serve each of the answers once."""
    made = Peer(*answers, reads=reads)
    try:
        yield made
    finally:
        made.end()


def test_requests_share_a_connection(server: ScriptedServer) -> None:
    """One after another they need one, whatever the method and whether there is a body."""
    server.on("*", "/", OK)
    with client() as http:
        for method, content in (("GET", None), ("HEAD", None), ("PUT", b"x"), ("POST", b""), ("DELETE", None), ("GET", None)):
            http.request(method, f"{server.url}/a?b=c", content=content)
    assert server.connections == 1
    assert [(asked.method, asked.path, asked.body) for asked in server.asked()][2] == ("PUT", "/a?b=c", b"x")


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    """Not even a POST, which is never sent twice, is lost to a server that hung up while nothing was asked."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
    with peer(answer, answer) as server, client() as http:
        assert http.request("GET", server.url).content == b"fine"
        assert server.closed.acquire(timeout=5)
        assert http.request("POST", server.url, content=b"x").content == b"fine"


def test_an_answer_that_breaks_off_is_an_error() -> None:
    """Half a manifest is no manifest."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    with peer(answer) as server, client() as http, pytest.raises(TransportError, match="the answer broke off"):
        http.request("POST", server.url)


def test_what_is_no_http_is_an_error() -> None:
    """Some other server listens on that port."""
    with peer(b"SSH-2.0-OpenSSH_9.2\r\n") as server, client() as http, pytest.raises(TransportError, match="SSH-2"):
        http.request("POST", server.url)


def test_a_refusal_comes_through_before_everything_is_sent() -> None:
    """A server need not read a push that it does not want."""
    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with peer(answer, reads=False) as server, client() as http:
        assert http.request("PUT", server.url, content=b"x" * 2**24, retry=False).status_code == 401


@pytest.mark.parametrize(
    "url",
    [
        "ftp://{host}/x",
        "{host}/x",
        "http://",
        "http://127.0.0.1:port/",
        "http://{host}/a b",
        "http://{host}/caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        f"http://{'a' * 64}.example.lan/",
    ],
)
def test_an_address_that_is_none_is_an_error_at_once(server: ScriptedServer, url: str) -> None:
    """Nothing is tried again that can't succeed."""
    told: list[str] = []
    with client(on_retry=told.append) as http, pytest.raises(TransportError):
        http.request("GET", url.format(host=server.host))
    assert told == []
    assert server.asked() == []


class TestRedirects:
    """Registries send to object stores, and some in circles."""

    def test_a_login_stays_with_its_server(self, server: ScriptedServer) -> None:
        """Another host, port or scheme does not get the Authorization header; another path does."""
        with scripted_server() as store:
            server.on("GET", "^/blob", Answer(status=307, headers={"Location": f"{store.url}/signed?a=b%2Fc"}))
            server.on("GET", "^/near", Answer(status=302, headers={"Location": "/here"}))
            server.on("GET", "^/here", OK)
            store.on("GET", "/", OK)
            with client() as http:
                for path in ("blob", "near"):
                    http.request("GET", f"{server.url}/{path}", headers={"Authorization": "Basic x"}, follow_redirects=True)
            (stored,) = store.asked()
        assert stored.path == "/signed?a=b%2Fc"
        assert "Authorization" not in stored.headers
        assert server.asked("^/here")[0].headers["Authorization"] == "Basic x"

    def test_a_circle_ends(self, server: ScriptedServer) -> None:
        """It is followed for a while and then an error, which is not tried again."""
        server.on("HEAD", "/", Answer(status=301, headers={"Location": "/"}))
        with client() as http, pytest.raises(TransportError, match="redirects more than 10 times"):
            http.request("HEAD", server.url, follow_redirects=True)
        assert len(server.asked()) == 10


class TestProxy:
    """Steps in networks without a way out get proxies in their environment."""

    def test_http_is_asked_for_by_its_whole_address(self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """The proxy gets address and login; the name need not resolve here."""
        monkeypatch.setenv("http_proxy", server.url.replace("//", "//ada:lovelace@"))
        server.on("GET", "/", OK)
        with client() as http:
            assert http.request("GET", f"http://{NAME}:5000/v2/?n=1").content == b"fine"
        (asked,) = server.asked()
        assert asked.path == f"http://{NAME}:5000/v2/?n=1"
        assert asked.headers["Host"] == f"{NAME}:5000"
        assert asked.headers["Proxy-Authorization"] == "Basic YWRhOmxvdmVsYWNl"

    def test_https_goes_through_a_tunnel(self, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
        """TLS is with the server itself: its certificate is checked, and the proxy's login stays with the proxy."""
        served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        authority.issue_cert(NAME).configure_cert(served)
        authority.configure_trust(trusted)
        with scripted_server(served) as server, tunnel_to(int(server.host.split(":")[1])) as proxy:
            server.on("GET", "/", OK)
            monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//ada:lovelace@"))
            with Http(verify=trusted, retry_for=0.5) as http:
                for _ in range(2):
                    assert http.request("GET", f"https://{NAME}/v2/").content == b"fine"
            assert [asked.path for asked in server.asked()] == ["/v2/", "/v2/"]
            assert "Proxy-Authorization" not in server.asked()[0].headers
            with Http(retry_for=0.5) as http, pytest.raises(TlsError, match=r"^certificate refused"):
                http.request("GET", f"https://{NAME}/v2/")
        assert proxy.asked == [(f"{NAME}:443", "Basic YWRhOmxvdmVsYWNl")] * 2

    def test_a_tunnel_that_is_refused_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is the proxy that wants a login, not the registry; and it will want it again."""
        with tunnel_to(1) as proxy, client() as http:
            proxy.refusal = 407
            monkeypatch.setenv("https_proxy", proxy.url)
            with pytest.raises(TransportError, match=r"^the proxy 127\.0\.0\.1:\d+: Tunnel connection failed: 407"):
                http.request("GET", f"https://{NAME}/v2/")
        assert len(proxy.asked) == 1

    def test_a_proxy_that_is_down_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever reads it must not look at the registry."""
        with scripted_server() as gone:
            monkeypatch.setenv("http_proxy", gone.url)
        with client() as http, pytest.raises(TransportError, match=r"^the proxy 127\.0\.0\.1:\d+: connection refused$"):
            http.request("GET", f"http://{NAME}/v2/")

    def test_a_proxy_of_another_kind_is_an_error_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """SOCKS is not spoken here; going past the proxy in silence would be worse."""
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
        with client(retry_for=5) as http, pytest.raises(TransportError, match="the proxy for http is neither"):
            http.request("GET", f"http://{NAME}/v2/")
