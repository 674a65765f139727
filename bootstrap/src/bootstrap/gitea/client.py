"""Gitea's API: one call, and what each refusal means."""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from bootstrap.gitea.errors import GiteaError, LoginError, WebError
from bootstrap.gitea.pod import Pod
from bootstrap.gitea.web import Web

API = "/api/v1"
# The cap of a Gitea that was left as it is ([api] MAX_RESPONSE_ITEMS).
_PAGE_ITEMS = 50
_MOST_PAGES = 200
_TWO_FACTOR = ("otp", "webauthn", "two-factor", "two factor", "2fa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """A user and a password."""

    user: str
    password: str = field(repr=False)

    def header(self) -> str:
        """Write the Authorization header."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token of a user."""

    user: str
    value: str = field(repr=False)

    def header(self) -> str:
        """Write the Authorization header."""
        return f"token {self.value}"


class Gitea:
    """Gitea's API for one user; safe to use from several threads. `pod` is for remedies that are commands."""

    def __init__(self, web: Web, credentials: Basic | Token | None = None, *, pod: Pod | None = None) -> None:
        self.web = web
        self.credentials = credentials
        self.pod = pod or Pod(namespace="gitea", workload="deployment/gitea")

    @property
    def user(self) -> str:
        """Whose calls these are; empty without a login."""
        return self.credentials.user if self.credentials else ""

    def get(self, path: str) -> Any:  # noqa: ANN401  JSON
        """Read something that must be there."""
        return self.call("GET", path).json()

    def find(self, path: str) -> Any | None:  # noqa: ANN401  JSON
        """Read something; None where it is not there."""
        response = self.call("GET", path, accept={404})
        return None if response.status_code == HTTPStatus.NOT_FOUND else response.json()

    def all(self, path: str) -> list[Any]:
        """Read a list, every page of it."""
        found: list[Any] = []
        last: object = None
        for number in range(1, _MOST_PAGES + 1):
            response = self.call("GET", path, params={"page": str(number), "limit": str(_PAGE_ITEMS)})
            items = response.json() or []
            # Some lists have no pages: page 2 of them is page 1.
            if not items or items == last:
                break
            found += items
            total = response.headers.get("X-Total-Count")
            if total is not None and len(found) >= int(total):
                break
            last = items
        return found

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> httpx.Response:
        """Call the API at a path below /api/v1; raises GiteaError, LoginError or WebError for a refusal whose status is not in `accept`."""
        headers = {"Authorization": self.credentials.header()} if self.credentials else {}
        response = self.web.request(method, f"{API}{path}", params=params, json=body, headers=headers)
        status = response.status_code
        if status == HTTPStatus.NO_CONTENT:
            return response
        if status < HTTPStatus.BAD_REQUEST:
            self.web.json(response)
            return response
        message = self._message(response)
        if status in accept:
            return response
        raise self._refusal(method, path, status, message)

    def _message(self, response: httpx.Response) -> str:
        if response.status_code == HTTPStatus.NOT_FOUND and "Refresh" in response.headers:
            raise GiteaError(
                "Gitea's installation page is still open: it has no API yet",
                status=response.status_code,
                hint="fill it in (`gitea.wizard: complete` does), then run it again",
            )
        try:
            said = self.web.json(response)
        except WebError:
            if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and "html" not in response.headers.get("Content-Type", ""):
                return ""
            raise
        return str(said.get("message") or "") if isinstance(said, dict) else ""

    def _refusal(self, method: str, path: str, status: int, message: str) -> GiteaError:
        what = f"{method} {API}{path}"
        said = f": {message}" if message else ""
        if status == HTTPStatus.UNAUTHORIZED:
            return self._unauthorized(message)
        if status == HTTPStatus.FORBIDDEN:
            return self._forbidden(what, message)
        if status == HTTPStatus.LOCKED:
            return GiteaError(
                f"Gitea changes nothing in an archived repository ({what})",
                status=status,
                hint="take it out of the archive (repository settings, Danger Zone), or name another one in platform.yaml",
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return GiteaError(f"Gitea failed with {status} at {what}{said}", status=status, hint=f"its log says why: {self.pod.log()}")
        if status == HTTPStatus.NOT_FOUND:
            # What a user may not see is not there, for that user.
            return GiteaError(
                f"Gitea has nothing at {what}, or hides it from {self.user or 'who is not logged in'}",
                status=status,
                hint="see that the name in platform.yaml is right, and that the user is an administrator",
            )
        return GiteaError(f"Gitea does not take {what}{said or f' ({status})'}", status=status, hint=f"its log says more: {self.pod.log()}")

    def _unauthorized(self, message: str) -> LoginError:
        user = self.user
        if not user:
            return LoginError(
                f"Gitea does not let anybody see this without a login: {message}",
                status=401,
                hint="`gitea.admin.password` must lead to the administrator's password",
            )
        if any(sign in message.lower() for sign in _TWO_FACTOR):
            return two_factor(user)
        if isinstance(self.credentials, Token):
            return LoginError(
                f"Gitea does not know the token of {user} any more: {message}",
                status=401,
                hint="it was deleted there, or this is another Gitea than it was; `bootstrap up` makes a new one with the password",
            )
        return wrong_password(user, message, self.pod)

    def _forbidden(self, what: str, message: str) -> GiteaError:
        text, user = message.lower(), self.user
        if "change your password" in text:
            return must_change_password(user, self.pod)
        if "two-factor" in text or "2fa" in text:
            return LoginError(
                f"Gitea asks {user} for two-factor login before it does anything: {message}",
                status=403,
                hint="take [security] TWO_FACTOR_AUTH out of its configuration: this command can't pass a second factor",
            )
        if "prohibited" in text or "not activated" in text:
            return LoginError(
                f"Gitea has locked the user {user}: {message}",
                status=403,
                hint="in Gitea, Site Administration, User Accounts: activate the user and allow it to sign in",
            )
        if "scope" in text:
            return LoginError(
                f"the token of {user} may not do {what}: {message}",
                status=403,
                hint=f"delete it in Gitea (Settings, Applications of {user}); `bootstrap up` makes one that may do all it has to",
            )
        if "site admin" in text:
            return LoginError(
                f"the Gitea user {user or 'that is not logged in'} is no administrator: {message}",
                status=403,
                hint=f"make {user} one (Site Administration, User Accounts), or name another user in `gitea.admin`",
            )
        return GiteaError(
            f"Gitea does not let {user or 'anybody without a login'} do {what}{f': {message}' if message else ''}",
            status=403,
            hint=f"{user or 'the user'} must be an administrator of Gitea, or of the repository",
        )


def wrong_password(user: str, said: str, pod: Pod) -> LoginError:
    """Say that a password is not the user's."""
    return LoginError(
        f"Gitea does not take the password of {user}{f': {said}' if said else ''}",
        status=401,
        hint=f"`gitea.admin.password` must lead to the password of {user}; to set another one: {pod.change_password(user)}",
    )


def two_factor(user: str) -> LoginError:
    """Say that a user has a second factor."""
    return LoginError(
        f"the Gitea user {user} logs in with two factors, which no program can do",
        status=401,
        hint=f"turn two-factor login off for {user} (Settings, Security), or give the platform a user of its own: `gitea.admin.name`",
    )


def must_change_password(user: str, pod: Pod) -> LoginError:
    """Say that a user has to think of another password first."""
    return LoginError(
        f"Gitea wants {user} to change the password before anything else",
        status=403,
        hint=f"log in once and change it, or: {pod.change_password(user)}; then `gitea.admin.password` must lead to the new one",
    )
