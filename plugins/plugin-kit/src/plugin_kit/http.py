"""The one place that makes HTTP clients: CA bundle, timeouts, and retries with a deadline.

Everything else sees `Http` only, so that what is behind it can be replaced.
"""

import email.utils
import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

from plugin_kit.connections import Connections, Origin, TlsError, TransportError, reason_of
from plugin_kit.response import Response
from plugin_kit.stream import Stream

__all__ = ["Http", "Response", "Stream", "TlsError", "TransportError", "pem_text", "reason_of", "retry_after", "tls_context"]

# Answers that mean "later": too many requests, and a proxy in front of a server that restarts.
_BUSY = frozenset({429, 502, 503, 504})
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_MOST_REDIRECTS = 10
_LONGEST_CONNECT = 10.0
_LONGEST_WAIT = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE, _JITTER = 0.2, 5.0, 0.5
_AGENT = {"User-Agent": "local-cicd"}


class Http:
    """An HTTP client for few hosts and many requests; safe to use from several threads."""

    def __init__(
        self,
        *,
        verify: ssl.SSLContext | bool = True,
        timeout: float = 30.0,
        retry_for: float = 30.0,
        connections: int = 8,
        on_retry: Callable[[str], None] | None = None,
    ) -> None:
        """Take `timeout` as seconds per connect or read, `retry_for` as seconds for all tries of one request."""
        self._connections = Connections(
            lambda: _context(verify), timeout=timeout, connect_timeout=min(timeout, _LONGEST_CONNECT), limit=connections
        )
        self._retry_for = retry_for
        # Where it is set, no request is tried again after that moment (time.monotonic), whatever its own patience would be.
        self.retry_until: float | None = None
        self._on_retry = on_retry or (lambda _: None)

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close every connection."""
        self._connections.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        retry: bool | None = None,
        follow_redirects: bool = False,
    ) -> Response:
        """Send a request, again where that can do no harm, and return the last answer whatever its status.

        `retry=None` means: idempotent methods only. `follow_redirects` is for GET and HEAD. Raises TlsError at once, TransportError when
        the deadline has passed.
        """
        sent = {**_AGENT, **(headers or {})}
        fetch = self._fetch_redirected if follow_redirects else self._connections.fetch
        if method in _IDEMPOTENT if retry is None else retry:
            return self._persist(lambda: fetch(method, url, sent, content), url)
        return fetch(method, url, sent, content)

    @contextmanager
    def stream(self, url: str, *, headers: Mapping[str, str] | None = None, silence: float) -> Iterator[Stream]:
        """GET an answer that goes on and on, once; `silence` is how many seconds it may say nothing.

        Raises TlsError, TransportError.
        """
        with self._connections.open(url, {**_AGENT, **(headers or {})}, silence=silence) as (answer, line):
            yield Stream(answer, line)

    def _fetch_redirected(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        for _ in range(_MOST_REDIRECTS):
            response = self._connections.fetch(method, url, headers, content)
            if not response.is_redirect:
                return response
            # Signed addresses of object stores are quoted already; what is not has no place in a request.
            target = urljoin(url, quote(response.headers["Location"], safe="%/:=&?~#+!$,;'@()*[]"))
            if Origin.of(urlsplit(target)) != Origin.of(urlsplit(url)):
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            url = target
        raise TransportError(f"it redirects more than {_MOST_REDIRECTS} times", lasting=True)

    def _persist(self, ask: Callable[[], Response], url: str) -> Response:
        """Ask until there is an answer that is not "later", or the deadline has passed."""
        deadline = time.monotonic() + self._retry_for if self.retry_until is None else self.retry_until
        pause = _FIRST_PAUSE
        while True:
            outcome = _outcome(ask)
            if isinstance(outcome, Response) and outcome.status_code not in _BUSY:
                return outcome
            wanted = retry_after(outcome.headers.get("Retry-After")) if isinstance(outcome, Response) else None
            left = deadline - time.monotonic()
            if left <= 0 or (wanted is not None and wanted > left):
                if isinstance(outcome, Response):
                    return outcome
                raise outcome
            self._tell(outcome, wanted, url)
            # Jitter: those who were refused together should not come back together. The last try is at the deadline.
            time.sleep(min(pause + random.uniform(0, _JITTER), left) if wanted is None else max(wanted, 0.05))  # noqa: S311  no secret
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _tell(self, outcome: Response | TransportError, wanted: float | None, url: str) -> None:
        host = urlsplit(url).hostname
        if isinstance(outcome, Response):
            self._on_retry(f"{host} answered {outcome.status_code}, trying again{f' in {wanted:.0f}s as it asked' if wanted else ''}")
        else:
            patience = "" if self.retry_until else f" for up to {self._retry_for:g}s"
            self._on_retry(f"{host}: {reason_of(outcome)}, trying again{patience}")


def _outcome(ask: Callable[[], Response]) -> Response | TransportError:
    try:
        return ask()
    except TransportError as error:
        if error.lasting:
            raise
        return error


def retry_after(value: str | None) -> float | None:
    """Read a Retry-After header (seconds or an HTTP date, RFC 9110 10.2.3) as seconds to wait, at most a minute."""
    if not value:
        return None
    if value.strip().isdigit():
        return min(float(value), _LONGEST_WAIT)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return min(max(moment.timestamp() - time.time(), 0.0), _LONGEST_WAIT)


def tls_context(ca_cert: str | None) -> ssl.SSLContext:
    """Make a TLS context that trusts the system's CAs and `ca_cert` (PEM text, or a path to it).

    Raises ValueError when the PEM can't be read.
    """
    context = ssl.create_default_context()
    # Go, and so BuildKit and Docker, does not ask for the extensions that this flag, set since Python 3.13, makes compulsory.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_cert:
        try:
            context.load_verify_locations(cadata=pem_text(ca_cert))
        except (ssl.SSLError, OSError) as error:
            raise ValueError(f"no certificate in PEM form ({reason_of(error)})") from error
    return context


def pem_text(value: str) -> str:
    r"""Return PEM text for a setting that holds PEM (literal \n allowed) or the path of a PEM file; raises OSError."""
    if "-----BEGIN" in value:
        return value.replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n"
    return Path(value.strip()).read_text(encoding="utf-8")


def _context(verify: ssl.SSLContext | bool) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify:
        return tls_context(None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
