"""The first login without a browser: Gitea's pages, and at the end of them a token that does not expire.

What a browser would do, step by step (server/api/login.go and server/web/config.go of Woodpecker): its `/authorize` sends to Gitea, which
sends back with a code; for that comes a cookie; with it `/web-config.js` shows a sign against forged requests, and with both of them
`/api/user/token` gives the token. It is made of a secret of the user, so asking again gives the same one.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from bootstrap.gitea.web import Cookies, Web
from bootstrap.woodpecker.errors import FirstLoginError
from bootstrap.woodpecker.refusal import refusal_in
from bootstrap.woodpecker.user import User, must_administer

_SESSION = "user_sess"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CSRF = re.compile(r"""window\.WOODPECKER_CSRF\s*=\s*("(?:[^"\\]|\\.)*")""")
_USER = re.compile(r"window\.WOODPECKER_USER\s*=\s*(.*?);\s*$", re.MULTILINE)
# Three parts of base64url: a token, and not the page of a proxy.
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


class Pages(Protocol):
    """Gitea's half of the login (bootstrap.gitea.browser)."""

    def log_in(self, user: str, password: str) -> None:
        """Log in at Gitea."""

    def authorize(self, location: str) -> str:
        """Follow Woodpecker's redirect to Gitea, and return Gitea's redirect back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who logs in, and under which names the two servers know each other."""

    user: str
    password: str = field(repr=False)
    host: str
    """WOODPECKER_HOST: what the server calls itself, wherever it is reached from here."""
    gitea: str
    """Gitea's address for Woodpecker's pod; only for messages."""


def token(web: Web, pages: Pages, login: Login) -> str:
    """Log in and return the token; doing it again is no harm and returns the same.

    Raises FirstLoginError, LoginError (Gitea's), RightError where the user is no administrator, WebError.
    """
    pages.log_in(login.user, login.password)
    cookies = Cookies()
    away = _redirect(web, web.request("GET", "/authorize", headers=cookies.header()), login)
    if _answers_here(away, login):
        raise _refused(away, login, "it did not send to Gitea's page")
    back = pages.authorize(away)
    _must_lead_back(back, login)
    query = urlsplit(back).query
    # Wherever the server is reached from here: the sign of the login is not bound to an address (server/api/login.go).
    answer = web.request("GET", f"/authorize?{query}", headers=cookies.header(), retry=False)
    home = _redirect(web, answer, login)
    refusal = refusal_in(home, user=login.user, gitea=login.gitea, host=login.host)
    if refusal:
        raise refusal
    cookies.take(answer)
    if cookies.get(_SESSION) is None:
        raise FirstLoginError(
            f"Woodpecker let {login.user} in but gave no cookie {_SESSION}",
            hint="a proxy in front of it may take cookies away: set `woodpecker.bootstrap_url` to a way around it (kubectl port-forward)",
        )
    user, sign = _page_of(web, cookies)
    must_administer(user)
    return _asked(web, cookies, sign)


def _redirect(web: Web, response: httpx.Response, login: Login) -> str:
    location = response.headers.get("Location")
    if response.status_code in _REDIRECTS and location:
        return str(location)
    if response.status_code in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}:
        raise web.busy(response)
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise FirstLoginError(
            f"Woodpecker failed while {login.user} logged in ({response.status_code})",
            status=response.status_code,
            hint="the log of the server pod says why",
        )
    raise web.no_json(response)


def _answers_here(location: str, login: Login) -> bool:
    parts = urlsplit(location)
    return not parts.netloc or location.startswith(f"{login.host}/login")


def _refused(location: str, login: Login, otherwise: str) -> FirstLoginError:
    refusal = refusal_in(location, user=login.user, gitea=login.gitea, host=login.host)
    return refusal or FirstLoginError(
        f"Woodpecker did not begin the login: {otherwise}",
        hint="WOODPECKER_GITEA and the client id must be in its environment; `bootstrap up` sees to that, unless `woodpecker.chart.values` "
        "says otherwise",
    )


def _must_lead_back(location: str, login: Login) -> None:
    parts, host = urlsplit(location), urlsplit(login.host)
    here = (parts.scheme, parts.netloc.lower(), parts.path)
    if here == (host.scheme, host.netloc.lower(), f"{host.path}/authorize"):
        return
    raise FirstLoginError(
        f"Gitea sends back to {parts.scheme}://{parts.netloc}{parts.path}, and Woodpecker is to be {login.host}",
        hint="the server was started with another WOODPECKER_HOST than `woodpecker.host` says: `bootstrap up` restarts it",
    )


def _page_of(web: Web, cookies: Cookies) -> tuple[User, str]:
    text = web.request("GET", "/web-config.js", headers=cookies.header()).text
    user, sign = _USER.search(text), _CSRF.search(text)
    document = _json(user[1]) if user else None
    found = _json(sign[1]) if sign else None
    if not isinstance(document, Mapping) or not isinstance(found, str) or not found:
        missing = "WOODPECKER_USER" if not isinstance(document, Mapping) else "WOODPECKER_CSRF"
        raise FirstLoginError(
            f"Woodpecker's /web-config.js names no {missing}, so no token can be asked for",
            hint="either this is another server than the one that was logged in to (several replicas on SQLite?), or a version whose page "
            "has changed: known are 3.0 to 3.19",
        )
    return User.of(document), found


def _asked(web: Web, cookies: Cookies, sign: str) -> str:
    # Asked twice it is the same token, so a lost answer may be asked for again.
    response = web.request("POST", "/api/user/token", headers={**cookies.header(), "X-CSRF-TOKEN": sign}, retry=True)
    given = response.text.strip()
    if response.is_success and _TOKEN.fullmatch(given):
        return given
    raise FirstLoginError(
        f"Woodpecker gave no token ({response.status_code})",
        status=response.status_code,
        hint="a proxy in front of it may drop the header X-CSRF-TOKEN or the cookie: set `woodpecker.bootstrap_url` to a way around it "
        "(kubectl port-forward)",
    )


def _json(text: str) -> Any:  # noqa: ANN401  JSON
    try:
        return json.loads(text)
    except ValueError:
        return None
