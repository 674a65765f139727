"""The one place that makes HTTP clients: CA bundle, timeouts, and retries with a deadline.

Everything else sees `Http` only, so that httpx (quiet since 2024) can be replaced by its fork here.
"""

import email.utils
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import stamina
import stamina.instrumentation

# Answers that mean "later": too many requests, and a proxy in front of a server that restarts.
_BUSY = frozenset({429, 502, 503, 504})
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_LONGEST_WAIT = 60.0

# stamina would log each retry through `logging`; who makes the client says what a person reads (on_retry).
stamina.instrumentation.set_on_retry_hooks(())


class TlsError(Exception):
    """The server's certificate was refused, or it does not speak TLS at all."""


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
        self._client = httpx.Client(
            verify=verify,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            headers={"User-Agent": "local-cicd"},
        )
        self._retry_for = retry_for
        self._on_retry = on_retry or (lambda _: None)

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close every connection."""
        self._client.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        retry: bool | None = None,
        follow_redirects: bool = False,
    ) -> httpx.Response:
        """Send a request, again where that can do no harm, and return the last answer whatever its status.

        `retry=None` means: idempotent methods only. Raises TlsError at once, httpx.TransportError when the deadline has passed.
        """
        if retry is None:
            retry = method in _IDEMPOTENT

        def once() -> httpx.Response:
            try:
                return self._client.request(method, url, headers=headers, content=content, follow_redirects=follow_redirects)
            except httpx.TransportError as error:
                reason = _tls_reason(error)
                if reason:
                    raise TlsError(reason) from error
                raise

        if not retry:
            return once()

        def once_not_busy() -> httpx.Response:
            response = once()
            if response.status_code in _BUSY:
                raise _Busy(response)
            return response

        deadline = time.monotonic() + self._retry_for
        try:
            for attempt in stamina.retry_context(
                on=lambda error: self._back_off(error, url, deadline),
                attempts=None,
                timeout=self._retry_for,
                wait_initial=0.2,
                wait_max=5.0,
                wait_jitter=0.5,
            ):
                with attempt:
                    return once_not_busy()
        except _Busy as busy:
            return busy.response
        raise AssertionError("stamina leaves its loop with a result or an exception")

    def _back_off(self, error: Exception, url: str, deadline: float) -> bool | float:
        """Tell stamina whether to try again, and how long to wait where the server said so."""
        host = httpx.URL(url).host
        if isinstance(error, _Busy):
            wait = retry_after(error.response.headers.get("Retry-After"))
            if wait is not None and time.monotonic() + wait > deadline:
                return False
            self._on_retry(f"{host} answered {error.response.status_code}, trying again{f' in {wait:.0f}s as it asked' if wait else ''}")
            return True if wait is None else max(wait, 0.05)
        if isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError):
            self._on_retry(f"{host}: {reason_of(error)}, trying again for up to {self._retry_for:g}s")
            return True
        return False


class _Busy(Exception):  # noqa: N818  never seen outside this file
    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response.status_code)
        self.response = response


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


def reason_of(error: Exception) -> str:
    """Say in a few words why a connection failed."""
    text = str(error).strip() or type(error).__name__
    known = {
        "Connection refused": "connection refused",
        "Name or service not known": "the name does not resolve",
        "No address associated": "the name does not resolve",
        "Temporary failure in name resolution": "the name does not resolve",
        "No route to host": "no route to the host",
        "Server disconnected": "the connection was dropped",
        "Connection reset": "the connection was reset",
        "timed out": "no answer in time",
    }
    return next((words for sign, words in known.items() if sign.lower() in text.lower()), text)


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


def _tls_reason(error: httpx.TransportError) -> str | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate refused: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            no_tls = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
            return "it does not speak TLS" if cause.reason in no_tls else f"TLS failed: {cause.reason or cause}"
        cause = cause.__cause__ or cause.__context__
    return None
