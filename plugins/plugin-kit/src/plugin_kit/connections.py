"""Connections to servers: direct or through a proxy, kept while they are good, shared by threads.

They are those of the standard library: a registry is asked thousands of small questions, and of what is well kept and does TLS and proxies
this costs the least for each of them (benchmarks: docs/benchmarks.md).
"""

import contextlib
import os
import select
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, InvalidURL
from threading import BoundedSemaphore, Lock
from urllib.parse import SplitResult, urlsplit

from plugin_kit.proxies import proxy_for
from plugin_kit.response import Response

_PORTS = {"http": 80, "https": 443}
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})


class TransportError(Exception):
    """No answer, or not a whole one; `lasting` where another try would end the same way."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class TlsError(TransportError):
    """The server's certificate was refused, or it does not speak TLS at all."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, lasting=True)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port (RFC 6454): what a connection, and a login, is good for."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: SplitResult) -> "Origin":
        """Read it from an address; raises TransportError where that has no host or another scheme."""
        try:
            port = url.port
        except ValueError as error:
            raise TransportError(f"{url.netloc.rpartition('@')[2]} is not host:port", lasting=True) from error
        if url.scheme not in _PORTS or not url.hostname:
            raise TransportError("the address is neither http:// nor https://host", lasting=True)
        return cls(url.scheme, url.hostname, port or _PORTS[url.scheme])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connection:
    """An open connection, with what a proxy wants to see of each request."""

    origin: Origin
    http: HTTPConnection
    prefix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it can carry a request: a server that has something to say before it is asked has hung up."""
        look = select.poll()
        look.register(self.http.sock, select.POLLIN)
        return not look.poll(0)

    def ask(self, method: str, url: SplitResult, headers: Mapping[str, str], content: bytes | None) -> HTTPResponse:
        """Send a request and return the answer, of which nothing but the head has been read."""
        target = f"{self.prefix}{url.path or '/'}{f'?{url.query}' if url.query else ''}"
        # A server may refuse before it has read everything; its answer is there all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.http.request(method, target, body=content, headers={**headers, **self.headers})
        return self.http.getresponse()


class Connections:
    """At most `limit` requests at once, and so at most as many connections to one host; who wants one more waits."""

    def __init__(self, context: Callable[[], ssl.SSLContext], *, timeout: float, connect_timeout: float, limit: int) -> None:
        """Take seconds per read and per connect; `context` is asked for at the first https connection."""
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._room = BoundedSemaphore(limit)
        self._lock = Lock()
        self._idle: list[_Connection] = []

    def fetch(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        """Send a request and read the whole answer; raises TransportError."""
        where = urlsplit(url)
        with self._borrowed(where) as connection, told():
            answer = connection.ask(method, where, headers, content)
            return Response(status_code=answer.status, reason_phrase=answer.reason, headers=answer.headers, content=answer.read())

    @contextlib.contextmanager
    def open(self, url: str, headers: Mapping[str, str], *, silence: float) -> Iterator[tuple[HTTPResponse, socket.socket]]:
        """GET an answer that the caller reads, each time waiting for at most `silence` seconds; its connection is closed at the end."""
        where = urlsplit(url)
        with self._borrowed(where) as connection:
            try:
                line = connection.http.sock
                line.settimeout(silence)
                with told():
                    response = connection.ask("GET", where, headers, None)
                with response:
                    yield response, line
            finally:
                connection.http.close()

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            for connection in self._idle:
                connection.http.close()
            self._idle.clear()

    @contextlib.contextmanager
    def _borrowed(self, url: SplitResult) -> Iterator[_Connection]:
        origin = Origin.of(url)
        with self._room:
            connection = self._kept(origin) or self._connect(origin)
            try:
                yield connection
            except BaseException:
                # Wherever it was interrupted: the next answer on it would be the rest of this one.
                connection.http.close()
                raise
            # Closed where the server wants no further request on it.
            if connection.http.sock is not None:
                with self._lock:
                    self._idle.append(connection)

    def _kept(self, origin: Origin) -> _Connection | None:
        while True:
            with self._lock:
                found = next((each for each in reversed(self._idle) if each.origin == origin), None)
                if found is not None:
                    self._idle.remove(found)
            if found is None or found.good:
                return found
            found.http.close()

    def _connect(self, origin: Origin) -> _Connection:
        try:
            proxy = proxy_for(origin.scheme, origin.host, origin.port, os.environ)
        except ValueError as error:
            raise TransportError(str(error), lasting=True) from error
        if proxy is None:
            return _Connection(origin=origin, http=self._opened(self._client(origin.scheme, origin.host, origin.port)))
        where = f"the proxy {proxy.host}:{proxy.port}"
        client = self._client(proxy.scheme, proxy.host, proxy.port)
        if origin.scheme == "http":
            place = f"[{origin.host}]" if ":" in origin.host else origin.host
            return _Connection(
                origin=origin, http=self._opened(client, f"{where}: "), prefix=f"http://{place}:{origin.port}", headers=proxy.headers
            )
        if proxy.scheme == "https":
            raise TransportError(f"{where} is reached by https, which works for http:// addresses only", lasting=True)
        client = self._client("https", proxy.host, proxy.port)
        client.set_tunnel(origin.host, origin.port, dict(proxy.headers))
        return _Connection(origin=origin, http=self._opened(client, f"{where}: "))

    def _client(self, scheme: str, host: str, port: int) -> HTTPConnection:
        if scheme == "https":
            return HTTPSConnection(host, port, timeout=self._connect_timeout, context=self._tls())
        return HTTPConnection(host, port, timeout=self._connect_timeout)

    def _opened(self, client: HTTPConnection, where: str = "") -> HTTPConnection:
        try:
            with told(where):
                client.connect()
        except BaseException:
            client.close()
            raise
        client.sock.settimeout(self._timeout)
        return client

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = self._make_context()
            return self._context


@contextlib.contextmanager
def told(where: str = "") -> Iterator[None]:
    """Turn what sockets, TLS and http.client raise into a TransportError; `where` is put before its reason."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise TlsError(f"certificate refused: {error.verify_message}") from error
    except ssl.SSLEOFError as error:
        raise TransportError(f"{where}{reason_of(error)}") from error
    except ssl.SSLError as error:
        raise TlsError("it does not speak TLS" if error.reason in _NO_TLS else f"TLS failed: {error.reason or error}") from error
    except (OSError, HTTPException) as error:
        # A proxy that refuses the tunnel with 4xx will do so again.
        lasting = isinstance(error, InvalidURL) or "Tunnel connection failed: 4" in str(error)
        raise TransportError(f"{where}{reason_of(error)}", lasting=lasting) from error
    except UnicodeError as error:
        raise TransportError("the address has characters, or a name of a length, that none can have", lasting=True) from error


def reason_of(error: Exception) -> str:
    """Say in a few words why a connection failed."""
    text = str(error).strip() or type(error).__name__
    if isinstance(error, TransportError):
        return text
    known = {
        "Connection refused": "connection refused",
        "Name or service not known": "the name does not resolve",
        "No address associated": "the name does not resolve",
        "Temporary failure in name resolution": "the name does not resolve",
        "No route to host": "no route to the host",
        "Server disconnected": "the connection was dropped",
        "Remote end closed": "the connection was dropped",
        "EOF occurred": "the connection was dropped",
        "Broken pipe": "the connection was dropped",
        "IncompleteRead": "the answer broke off",
        "Connection reset": "the connection was reset",
        "timed out": "no answer in time",
    }
    return next((words for sign, words in known.items() if sign.lower() in text.lower()), text)
