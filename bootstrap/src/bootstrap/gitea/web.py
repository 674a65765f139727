"""HTTP to one service of the platform: CA, timeouts, and a second try where it can do no harm."""

import contextlib
import ssl
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from http.cookies import CookieError, SimpleCookie
from types import TracebackType
from typing import Any, Self

import httpx

from bootstrap.core.clock import Clock, SystemClock
from bootstrap.gitea.errors import CertificateError, ServerDownError, WebError
from bootstrap.gitea.page import read
from plugin_kit.http import reason_of, tls_context

_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# What a proxy says while the service behind it restarts.
_BUSY = frozenset({502, 503, 504})
_LONGEST_CONNECT = 10.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 3.0
_NO_TLS = "it does not speak TLS"
_RUN_AGAIN = "run the command again: it looks first at what is there, and makes nothing twice"


class Web:
    """HTTP to one service; safe to use from several threads. Cookies are not kept and redirects not followed: see `Cookies`."""

    def __init__(
        self,
        url: str,
        *,
        service: str = "Gitea",
        setting: str = "gitea.endpoint",
        ca: str = "",
        timeout: float = 30.0,
        retry_for: float = 20.0,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
        on_retry: Callable[[str], None] | None = None,
    ) -> None:
        """Take `ca` as PEM text, `timeout` as seconds per connect or read, `retry_for` as seconds for all tries of one request.

        `service` and `setting` are what messages call it: its name, and the section of platform.yaml with its addresses.
        """
        self.url = url.rstrip("/")
        self.service = service
        self.setting = setting
        self.ca = ca
        self._clock = clock or SystemClock()
        self._retry_for = retry_for
        self._on_retry = on_retry or (lambda _: None)
        try:
            context = tls_context(ca or None)
        except ValueError as error:
            raise CertificateError(
                f"the CA for {service} can't be read: {error}", hint="`ca` in platform.yaml must name PEM certificates"
            ) from error
        self._client = httpx.Client(
            verify=context,
            transport=transport,
            timeout=httpx.Timeout(timeout, connect=min(timeout, _LONGEST_CONNECT)),
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=16),
            # Two threads, one of them logged in as somebody else, must not share what a server remembers them by.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            # Messages of web pages are read, and shown.
            headers={"User-Agent": "local-cicd", "Accept-Language": "en-US"},
        )

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close every connection."""
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool | None = None,
    ) -> httpx.Response:
        """Send a request and return the answer whatever its status; `path` is one below the service's address, or a whole address.

        `retry=None`: what changes nothing when it is done twice is tried again after a lost connection and 502, 503, 504; the rest only
        where the connection was never made. Raises ServerDownError, CertificateError.
        """
        url = path if path.startswith(("http://", "https://")) else f"{self.url}{path}"
        deadline = self._clock.now() + self._retry_for
        pause = _FIRST_PAUSE
        while True:
            last = retry is False or self._clock.now() + pause > deadline
            try:
                response = self._client.request(method, url, params=params, json=json, data=form, headers=headers)
            except httpx.TransportError as error:
                failure = self._failure(method, url, error)
                harmless = retry or method in _IDEMPOTENT or _never_sent(error)
                if last or not harmless or isinstance(failure, CertificateError):
                    raise failure from error
                said = reason_of(error)
            else:
                if last or response.status_code not in _BUSY or not (retry or method in _IDEMPOTENT):
                    return response
                said = f"it answered {response.status_code}"
            self._on_retry(f"{self.service}: {said}, trying again")
            self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def json(self, response: httpx.Response) -> Any:  # noqa: ANN401  JSON
        """Read an answer's JSON; raises WebError where something else than the service has answered, ServerDownError for 502 to 504."""
        if response.status_code in _BUSY:
            raise self.busy(response)
        if response.has_redirect_location:
            raise self._moved(response)
        try:
            return response.json()
        except ValueError:
            raise self.no_json(response) from None

    def busy(self, response: httpx.Response) -> ServerDownError:
        """Say that a proxy does not find the service."""
        method = response.request.method
        return ServerDownError(
            f"{self.service} is not up: {response.request.url.copy_with(query=None)} answered {response.status_code}",
            unsure=method not in _IDEMPOTENT,
            hint=f"wait until its pod is ready, then {_RUN_AGAIN}",
        )

    def no_json(self, response: httpx.Response) -> WebError:
        """Say that something else than the service's API has answered."""
        title = read(response.text).title
        # The body is not shown: a proxy's page may repeat what it was sent.
        shown = f' titled "{title}"' if title else ""
        what = f"a web page{shown}" if "html" in response.headers.get("Content-Type", "") else "something that is not JSON"
        return WebError(
            f"{self.service} did not answer at {response.request.url.copy_with(query=None)}: {what} came ({response.status_code})",
            hint=f"see whether a proxy or a login page stands in front of it (HTTP_PROXY, NO_PROXY), and whether "
            f"`{self.setting}.bootstrap_url` is its address, {self.url}",
        )

    def _moved(self, response: httpx.Response) -> WebError:
        there = httpx.URL(response.headers["Location"]).copy_with(query=None)
        return WebError(
            f"{self.service} at {self.url} sends on to {there}",
            hint=f"write the address that answers itself into `{self.setting}.bootstrap_url`: https:// where it is served so",
        )

    def _failure(self, method: str, url: str, error: httpx.TransportError) -> WebError:
        host = httpx.URL(url).copy_with(query=None, path="", fragment=None)
        reason = _tls_reason(error)
        if reason:
            return CertificateError(f"{self.service} at {host}: {reason}", hint=self._tls_hint(reason))
        # What was sent may have been done before the answer was lost.
        unsure = method not in _IDEMPOTENT and not _never_sent(error)
        return ServerDownError(
            f"{self.service} can't be reached at {host}: {reason_of(error)}",
            unsure=unsure,
            hint=_RUN_AGAIN
            if unsure
            else f"see whether its pod is ready; where this machine has another way to it, set `{self.setting}.bootstrap_url`",
        )

    def _tls_hint(self, reason: str) -> str:
        if reason == _NO_TLS:
            return f"write http:// in `{self.setting}`, or give it a certificate"
        if "hostname" in reason.lower() or "ip address mismatch" in reason.lower():
            return f"the certificate is for another name: write that name in `{self.setting}`, or have the certificate made for this one"
        if "expired" in reason.lower():
            return "have the certificate made anew (cert-manager: kubectl get certificates -A says why it did not)"
        signed = "another CA than `ca` in platform.yaml" if self.ca else "a CA that this machine does not know"
        return f"its certificate was signed by {signed}: put the CA's certificate into `ca`"


class Cookies:
    """The cookies of one server, sent under whatever name or scheme it is reached: a session stays one through a port-forward."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def take(self, response: httpx.Response) -> None:
        """Keep what an answer sets, and drop what it takes back."""
        for line in response.headers.get_list("Set-Cookie"):
            with contextlib.suppress(CookieError):
                for name, morsel in SimpleCookie(line).items():
                    if morsel["max-age"] == "0" or not morsel.value:
                        self._values.pop(name, None)
                    else:
                        self._values[name] = morsel.coded_value

    def get(self, name: str) -> str | None:
        """Return a cookie's value."""
        return self._values.get(name)

    def header(self) -> dict[str, str]:
        """Return the header to send; none where there are no cookies."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._values.items())} if self._values else {}


def _never_sent(error: httpx.TransportError) -> bool:
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _tls_reason(error: httpx.TransportError) -> str | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is refused: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            no_tls = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
            return _NO_TLS if cause.reason in no_tls else f"TLS failed: {cause.reason or cause}"
        cause = cause.__cause__ or cause.__context__
    return None
