"""The API of Woodpecker: one request, its answer, and a sentence with a remedy for each refusal."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from bootstrap.gitea.web import Web
from bootstrap.woodpecker.errors import ForgeRefusedError, RightError, TokenRefusedError, WoodpeckerError

_LONGEST_MESSAGE = 300
# Words of the refusals that are Gitea's (server/api/repo.go, server/forge/gitea, golang.org/x/oauth2).
_FORGE_SIGNS = ("from forge", "could not find repository", "oauth2:", "token is expired")
_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    kind: type[WoodpeckerError] = WoodpeckerError
    meaning: str
    remedy: str


_WRONG_VALUE = _Refusal(meaning="it does not take the value", remedy="put it right in platform.yaml")
_REFUSALS: Mapping[int, _Refusal] = {
    HTTPStatus.UNAUTHORIZED: _Refusal(
        kind=TokenRefusedError,
        meaning="it does not accept the token",
        remedy="run `bootstrap up`: it logs in again and keeps the new token; a token is refused after it was taken back in the user "
        "settings, or when the server has a new database",
    ),
    HTTPStatus.FORBIDDEN: _Refusal(
        kind=RightError,
        meaning="the user may not",
        remedy="the platform's user must be in `woodpecker.admins`, and in Gitea an administrator of the repository; after a change run "
        "`bootstrap up`",
    ),
    HTTPStatus.NOT_FOUND: _Refusal(
        meaning="it is not there, or not for this user to see",
        remedy="somebody may have deleted it at this moment: run the command again",
    ),
    HTTPStatus.CONFLICT: _Refusal(meaning="it is there already", remedy="run the command again"),
    HTTPStatus.BAD_REQUEST: _WRONG_VALUE,
    HTTPStatus.UNPROCESSABLE_ENTITY: _WRONG_VALUE,
}


class Woodpecker:
    """Woodpecker's API as one user; safe to use from several threads.

    `renew` logs in again and returns another token; it is called at most once, after a token was refused, and never where None.
    """

    def __init__(self, web: Web, token: str, *, renew: Callable[[], str] | None = None) -> None:
        self.web = web
        self._token = token
        self._renew = renew
        self._lock = threading.Lock()

    def get(self, path: str, *, what: str) -> Any:  # noqa: ANN401  JSON
        """Return the JSON of an answer; `what` is what is asked for, in the words of an error: "read the secrets of platform/shop"."""
        return self._json(self.call("GET", path, what=what), what)

    def find(self, path: str, *, what: str) -> Any | None:  # noqa: ANN401  JSON
        """Return the JSON of an answer, None for 404: not there, or not for this user to see."""
        response = self.call("GET", path, what=what, allowed=(HTTPStatus.NOT_FOUND,))
        return None if response.status_code == HTTPStatus.NOT_FOUND else self._json(response, what)

    def post(self, path: str, body: Mapping[str, object], *, what: str) -> Any:  # noqa: ANN401  JSON
        """Send a new thing and return it as it is kept."""
        return self._json(self.call("POST", path, body, what=what), what)

    def patch(self, path: str, body: Mapping[str, object], *, what: str) -> Any:  # noqa: ANN401  JSON
        """Change the named fields of a thing and return it."""
        # Sent twice it says the same as sent once.
        return self._json(self.call("PATCH", path, body, what=what, retry=True), what)

    def delete(self, path: str, *, what: str) -> bool:
        """Delete a thing; False where it was not there."""
        return self.call("DELETE", path, what=what, allowed=(HTTPStatus.NOT_FOUND,)).status_code != HTTPStatus.NOT_FOUND

    def all(self, path: str, *, what: str) -> list[dict[str, Any]]:
        """Return a list, all its pages."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            more = self.get(f"{path}?page={page}&perPage={_PAGE}", what=what) or []
            found += more
            # A server that takes no notice of the page would answer the same for ever.
            if len(more) < _PAGE or (page > 1 and more == found[: len(more)]):
                return found
            page += 1

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        what: str,
        allowed: tuple[int, ...] = (),
        retry: bool | None = None,
    ) -> httpx.Response:
        """Send a request and return a good answer, or one of the `allowed` statuses; raises WoodpeckerError, WebError."""
        token = self._token
        response = self._send(method, path, body, token, retry)
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._renew is not None:
            response = self._send(method, path, body, self._renewed(token), retry)
        if response.is_success or response.status_code in allowed:
            return response
        raise self._refusal(response, what)

    def log_in_again(self) -> bool:
        """Log in again, which also renews what Woodpecker shows Gitea; False where nobody said how."""
        if self._renew is None:
            return False
        self._renewed(self._token)
        return True

    def _send(self, method: str, path: str, body: Mapping[str, object] | None, token: str, retry: bool | None) -> httpx.Response:
        return self.web.request(method, f"/api{path}", json=body, headers={"Authorization": f"Bearer {token}"}, retry=retry)

    def _renewed(self, refused: str) -> str:
        with self._lock:
            # Another thread may have been faster.
            if self._token == refused and self._renew is not None:
                self._token = self._renew()
            return self._token

    def _json(self, response: httpx.Response, what: str) -> Any:  # noqa: ANN401  JSON
        if not response.content:
            raise WoodpeckerError(
                f"Woodpecker did not {what}: its answer ({response.status_code}) is empty",
                status=response.status_code,
                hint=f"see whether a proxy stands before it: `{self.web.setting}.bootstrap_url` is {self.web.url}",
            )
        return self.web.json(response)

    def _refusal(self, response: httpx.Response, what: str) -> WoodpeckerError:
        status = response.status_code
        message = self._message(response)
        details = [f"it says: {message}"] if message else []
        summary = f"Woodpecker did not {what} ({status})"
        if refusal := _REFUSALS.get(status):
            return refusal.kind(f"{summary}: {refusal.meaning}", status=status, details=details, hint=refusal.remedy)
        if any(sign in message.lower() for sign in _FORGE_SIGNS):
            return ForgeRefusedError(
                f"{summary}: Gitea refused it",
                status=status,
                details=details,
                hint="either the repository is gone in Gitea, or Woodpecker's login there has run out: `bootstrap up` logs in again",
            )
        return WoodpeckerError(
            f"{summary}: it failed",
            status=status,
            details=details,
            hint="the log of its server pod says why; with SQLite on NFS often: database is locked",
        )

    def _message(self, response: httpx.Response) -> str:
        if response.status_code in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}:
            raise self.web.busy(response)
        if "html" in response.headers.get("Content-Type", ""):
            # The server's own refusals are plain text; a page is a proxy's.
            raise self.web.no_json(response)
        return " ".join(response.text.split())[:_LONGEST_MESSAGE]
