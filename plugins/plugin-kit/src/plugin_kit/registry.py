"""A client for the OCI distribution API 1.1 that keeps manifests as bytes and computes every digest itself."""

import re
from collections.abc import Iterator
from threading import Lock
from urllib.parse import quote, urlencode, urljoin

from plugin_kit.credentials import Login
from plugin_kit.errors import LoginRefused, RegistryError, RegistryUnavailable, WrongBytes
from plugin_kit.http import Http, Response, TlsError, TransportError, reason_of, retry_after
from plugin_kit.manifest import ACCEPTED, Manifest
from plugin_kit.reference import RegistryHost, digest_of, is_digest

_OK, _CREATED, _ACCEPTED, _NO_CONTENT = 200, 201, 202, 204
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 400, 401, 403, 404
# What registries say that only delete digests: docker-registry 2.8 answers DIGEST_INVALID, the specification asks for 400 or 405.
_NO_DELETION = frozenset({400, 405, 501})
# A restart, a proxy in front of it, or more requests than it takes; a full disk (507) does not pass by itself.
_PASSING = frozenset({429, 500, 502, 503, 504})
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Registry:
    """One registry. Paths are repository paths (`shop/api`), references are tags or digests.

    Every method raises RegistryError with the registry's name, what was asked and what to do; a missing manifest or blob is None or False.
    """

    def __init__(self, host: RegistryHost, http: Http, *, insecure: bool = False, login: Login | None = None) -> None:
        """Speak https, or with `insecure` plain http where the registry does; `Http` decides about certificates."""
        self.host = host.host
        self._login = login
        self._http = http
        # BuildKit takes loopback registries for plain http by itself: so must we, or push and read-back would differ.
        plain = host.scheme == "http" or (host.scheme is None and (insecure or host.loopback))
        self._base = f"{'http' if plain else 'https'}://{host.api}"
        self._may_upgrade = insecure and host.scheme is None
        self._authorization: dict[str, str] = {}
        self._challenge: dict[str, str] | None = None
        self._lock = Lock()

    @property
    def api_host(self) -> str:
        """The host that requests go to; Docker Hub has another one than its name."""
        return self._base.split("://", 1)[1]

    @property
    def plain_http(self) -> bool:
        """Whether requests go over plain http; settled by `ping`."""
        return self._base.startswith("http://")

    def request(self, method: str, url: str, *, path: str, headers: dict[str, str] | None = None, content: bytes | None = None) -> Response:
        """Send a request of a push to the repository `path` on behalf of another client, with our login, retries and deadline."""
        return self._send(method, url, scope=_push(path), what=f"the push to {path}", headers=headers, content=content, retry=True)

    def demand(self, response: Response, what: str) -> None:
        """Raise the error that fits the answer, unless it is a success."""
        self._demand(response, what, _OK, _CREATED, _ACCEPTED)

    def ping(self) -> None:
        """Find out whether the registry is there, speaks our scheme and takes our login."""
        response = self._send("GET", "/v2/", scope="", what="a look at /v2/")
        if response.status_code == _BAD_REQUEST and self._may_upgrade and self._base.startswith("http://"):
            # Go's server answers plain http on its TLS port with 400; `insecure` allows both, as in BuildKit.
            self._base = self._base.replace("http://", "https://", 1)
            response = self._send("GET", "/v2/", scope="", what="a look at /v2/")
        if response.status_code == _NOT_FOUND:
            raise RegistryError(f"{self.host} is no container registry: {self._base}/v2/ was not found", hint="check `registry`")
        self._demand(response, "a look at /v2/", _OK)

    def manifest(self, path: str, reference: str) -> Manifest | None:
        """Return a manifest, or None where there is none; raises when the bytes are not what digest or header promise."""
        what = f"{path}{'@' if is_digest(reference) else ':'}{reference}"
        response = self._send(
            "GET", f"/v2/{path}/manifests/{reference}", scope=_pull(path), what=what, headers={"Accept": ", ".join(ACCEPTED)}
        )
        if response.status_code == _NOT_FOUND:
            return None
        self._demand(response, what, _OK)
        computed = digest_of(response.content)
        promised = reference if is_digest(reference) else response.headers.get("Docker-Content-Digest", computed)
        if promised.startswith("sha256:") and promised != computed:
            raise WrongBytes(
                f"{self.host} answered {what} with other bytes than it promised",
                promised=promised,
                received=computed,
                details=(f"promised {promised}", f"received {computed} ({len(response.content)} bytes)"),
                hint="the registry's storage or a proxy in front of it is broken; nothing that depends on this image was changed",
            )
        try:
            return Manifest.parse(response.content, response.headers.get("Content-Type"))
        except ValueError as error:
            raise RegistryError(f"{self.host} answered {what} with something that is no manifest: {error}") from None

    def put_manifest(self, path: str, reference: str, manifest: Manifest) -> None:
        """Store the manifest's bytes under a tag or its digest."""
        what = f"the push of {path}:{reference}"
        response = self._send(
            "PUT",
            f"/v2/{path}/manifests/{reference}",
            scope=_push(path),
            what=what,
            headers={"Content-Type": manifest.media_type},
            content=manifest.content,
        )
        self._demand(response, what, _CREATED, _OK, _ACCEPTED)

    def delete(self, path: str, reference: str) -> bool:
        """Remove a tag, or by digest a manifest with all its tags; False where the registry can't do that, and nothing is removed.

        Before OCI distribution 1.1 none could remove a tag by itself. One that takes the manifest along, with all its other tags, breaks
        the specification, and exists: who calls looks afterwards.
        """
        what = f"the removal of {path}{'@' if is_digest(reference) else ':'}{reference}"
        response = self._send("DELETE", f"/v2/{path}/manifests/{reference}", scope=_delete(path), what=what)
        if response.status_code in _NO_DELETION:
            return False
        self._demand(response, what, _OK, _ACCEPTED, _NO_CONTENT, _NOT_FOUND)
        return True

    def has_blob(self, path: str, digest: str) -> bool:
        """Whether the repository holds the blob."""
        what = f"{path}@{digest}"
        response = self._send("HEAD", f"/v2/{path}/blobs/{digest}", scope=_pull(path), what=what, follow_redirects=True)
        if response.status_code == _NOT_FOUND:
            return False
        self._demand(response, what, _OK)
        return True

    def blob(self, path: str, digest: str) -> bytes | None:
        """Return a blob, or None where there is none; for configs and documents, not for layers."""
        what = f"{path}@{digest}"
        response = self._send("GET", f"/v2/{path}/blobs/{digest}", scope=_pull(path), what=what, follow_redirects=True)
        if response.status_code == _NOT_FOUND:
            return None
        self._demand(response, what, _OK)
        computed = digest_of(response.content)
        if computed != digest:
            raise WrongBytes(f"{self.host} answered {what} with other bytes than its digest promises", promised=digest, received=computed)
        return response.content

    def put_blob(self, path: str, content: bytes) -> str:
        """Store a blob and return its digest; one that is already there is not sent."""
        digest = digest_of(content)
        if self.has_blob(path, digest):
            return digest
        what = f"the push of a blob to {path}"
        # Opening an upload twice leaves an empty session behind, nothing else: safe to try again.
        opened = self._send("POST", f"/v2/{path}/blobs/uploads/", scope=_push(path), what=what, retry=True)
        self._demand(opened, what, _ACCEPTED)
        location = urljoin(f"{self._base}/", opened.headers.get("Location", ""))
        target = f"{location}{'&' if '?' in location else '?'}{urlencode({'digest': digest})}"
        stored = self._send(
            "PUT", target, scope=_push(path), what=what, headers={"Content-Type": "application/octet-stream"}, content=content
        )
        self._demand(stored, what, _CREATED)
        return digest

    def mount_blob(self, path: str, digest: str, *, source: str) -> bool:
        """Make a blob of another repository one of this repository too; False where the registry wants an upload instead."""
        what = f"the mount of {digest} into {path}"
        url = f"/v2/{path}/blobs/uploads/?{urlencode({'mount': digest, 'from': source})}"
        response = self._send("POST", url, scope=f"{_push(path)} {_pull(source)}", what=what, retry=True)
        self._demand(response, what, _CREATED, _ACCEPTED)
        return response.status_code == _CREATED

    def tags(self, path: str, *, page: int = 1000) -> Iterator[str]:
        """Yield the tags of a repository, page by page; none where the repository does not exist."""
        return self._listed("tags", f"/v2/{path}/tags/list?n={page}", scope=_pull(path), what=f"the tags of {path}")

    def repositories(self, *, page: int = 1000) -> Iterator[str]:
        """Yield the paths of all repositories, where the registry tells them: many don't, or only to administrators, and raise."""
        return self._listed("repositories", f"/v2/_catalog?n={page}", scope="registry:catalog:*", what="the list of repositories")

    def _listed(self, key: str, first: str, *, scope: str, what: str) -> Iterator[str]:
        url: str | None = first
        while url:
            response = self._send("GET", url, scope=scope, what=what)
            if response.status_code == _NOT_FOUND:
                return
            self._demand(response, what, _OK)
            yield from response.json().get(key) or ()
            following = response.links.get("next")
            url = urljoin(f"{self._base}/", following) if following else None

    def _send(
        self,
        method: str,
        url: str,
        *,
        scope: str,
        what: str,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        retry: bool | None = None,
        follow_redirects: bool = False,
    ) -> Response:
        address = url if "://" in url else f"{self._base}{url}"

        def once(authorization: str | None) -> Response:
            sent = {**(headers or {}), **({"Authorization": authorization} if authorization else {})}
            try:
                return self._http.request(method, address, headers=sent, content=content, retry=retry, follow_redirects=follow_redirects)
            except TlsError as error:
                raise self._tls_error(error) from error
            except TransportError as error:
                raise RegistryUnavailable(
                    f"can't reach the registry {self.host}: {reason_of(error)}",
                    details=(f"asked for: {what}",),
                    hint="check that it runs, and that `registry` is the address as seen from this step",
                ) from error

        response = once(self._authorization_for(scope))
        if response.status_code == _UNAUTHORIZED:
            self._learn(response.headers.get("WWW-Authenticate", ""))
            with self._lock:
                self._authorization.pop(scope, None)  # a token may have run out
            renewed = self._authorization_for(scope)
            if renewed is not None:
                response = once(renewed)
        return response

    def _authorization_for(self, scope: str) -> str | None:
        challenge = self._challenge
        if challenge is None:
            return None
        with self._lock:
            if scope in self._authorization:
                return self._authorization[scope]
        value = self._token(challenge, scope) if "realm" in challenge else _basic(self._login)
        if value is not None:
            with self._lock:
                self._authorization[scope] = value
        return value

    def _learn(self, challenge: str) -> None:
        kind, _, parameters = challenge.partition(" ")
        found = dict(_CHALLENGE.findall(parameters))
        self._challenge = found if kind.lower() == "bearer" and "realm" in found else {}

    def _token(self, challenge: dict[str, str], scope: str) -> str | None:
        """Ask the token server (distribution specification, token authentication) for one that covers the scope."""
        query = [("service", challenge.get("service", ""))] + [("scope", each) for each in scope.split()]
        url = f"{challenge['realm']}?{urlencode(query, quote_via=quote)}"
        login = _basic(self._login)
        if login and url.startswith("http://") and not self.plain_http:
            raise RegistryError(
                f"{self.host} sends logins to a token server over plain http ({challenge['realm']}); the login was not sent",
                hint="give the registry's auth.token.realm an https address",
            )
        try:
            response = self._http.request("GET", url, headers={"Authorization": login} if login else {})
        except TransportError as error:
            raise RegistryUnavailable(
                f"can't reach the token server of {self.host}: {reason_of(error)}", hint="check the registry's auth.token settings"
            ) from error
        if response.status_code in {_UNAUTHORIZED, _FORBIDDEN}:
            return None
        self._demand(response, "a token", _OK)
        body = response.json()
        return f"Bearer {body.get('token') or body.get('access_token', '')}"

    def _demand(self, response: Response, what: str, *expected: int) -> None:
        status = response.status_code
        if status in expected:
            return
        answer = f"{status} {response.reason_phrase}".strip()
        details = _complaints(response)
        if status == _UNAUTHORIZED:
            said = (
                "the registry asks for a login and the step has none"
                if self._login is None
                else f"the login of {self._login.username!r} is not accepted"
            )
            raise LoginRefused(
                f"{self.host} refused {what} ({answer})",
                details=(said, *details),
                hint="set `username` and `password` (from_secret), or `config` with the content of a Docker config.json"
                if self._login is None
                else "check `username` and `password` (or the login in `logins` or `config`), and that the account still exists",
            )
        if status == _FORBIDDEN:
            who = repr(self._login.username) if self._login else "an anonymous user"
            raise RegistryError(
                f"{self.host} refused {what} ({answer})",
                details=details,
                hint=f"{who} may not do this; give it write access to the project",
            )
        hints = {
            507: "the registry's disk is full",
            500: "look at the registry's own log: a full disk or unwritable storage is the usual cause",
            429: "the registry limits requests; try later or raise its limit",
        }
        said, hint = f"{self.host} answered {what} with {answer}", hints.get(status, "look at the registry's own log")
        if status in _PASSING:
            raise RegistryUnavailable(said, details=details, hint=hint, wait=retry_after(response.headers.get("Retry-After")))
        raise RegistryError(said, details=details, hint=hint)

    def _tls_error(self, error: TlsError) -> RegistryError:
        reason = str(error)
        if "does not speak TLS" in reason:
            return RegistryError(
                f"the registry {self.host} speaks plain http, and https was expected",
                hint="set `insecure: true` if you accept images over plain http, or give the registry a certificate",
            )
        return RegistryError(
            f"the registry {self.host} can't be trusted: {reason}",
            hint="set `ca_cert` to the CA that signed its certificate (PEM, or a path in the workspace)",
        )


def _pull(path: str) -> str:
    return f"repository:{path}:pull"


def _push(path: str) -> str:
    return f"repository:{path}:pull,push"


def _delete(path: str) -> str:
    return f"repository:{path}:pull,push,delete"


def _basic(login: Login | None) -> str | None:
    if login is None:
        return None
    return f"Basic {login.encoded}"


def _complaints(response: Response) -> tuple[str, ...]:
    """Read the `errors` of the distribution specification, else a short plain text."""
    try:
        errors = response.json()["errors"]
        return tuple(f"{entry.get('code', '')}: {entry.get('message', '')}".strip(": ") for entry in errors)[:3]
    except (ValueError, KeyError, TypeError, AttributeError):
        text = response.text.strip()
        return (text.splitlines()[0][:200],) if text and "<" not in text[:20] else ()
