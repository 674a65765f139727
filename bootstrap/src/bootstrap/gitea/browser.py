"""A person's way through Gitea's pages, without a browser: logging in, and letting an application act for that person."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from bootstrap.gitea.client import must_change_password, two_factor, wrong_password
from bootstrap.gitea.errors import GiteaError, LoginError
from bootstrap.gitea.page import Page, read
from bootstrap.gitea.pod import Pod
from bootstrap.gitea.web import Cookies, Web

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LOGIN = "/user/login"
_SECOND_FACTORS = ("/user/two_factor", "/user/webauthn")
_CHANGE_PASSWORD = ("/user/settings/change_password", "/user/change_password")
_GRANT = "/login/oauth/grant"
_CONSENT = ("client_id", "redirect_uri", "state")
_BY_HAND = "log in to Woodpecker once in a browser as this user and allow the access, then run this again"
_FORM_ON = "set [service] ENABLE_PASSWORD_SIGNIN_FORM = true in Gitea (GITEA__service__ENABLE_PASSWORD_SIGNIN_FORM=true in its workload)"
# What a redirect back says in place of a code (RFC 6749 4.1.2.1), as Gitea uses it.
_REFUSALS = {
    "access_denied": ("Gitea was told not to let Woodpecker act for {user}", _BY_HAND),
    "unauthorized_client": ("Gitea does not know Woodpecker's OAuth2 application", "run `bootstrap up`: it makes the application anew"),
    "invalid_request": (
        "Gitea refuses Woodpecker's request to log in",
        "run `bootstrap up`: it sets the application right (a confidential client, with Woodpecker's address)",
    ),
    "server_error": ("Gitea failed while it made the login", "its log says why: {log}"),
    "temporarily_unavailable": ("Gitea is too busy for logins", "run it again in a while"),
}


class Browser:
    """One person's session with Gitea. `public_url` is its address for browsers, which pages and redirects name; `web` is the way there."""

    def __init__(self, web: Web, public_url: str, *, pod: Pod | None = None) -> None:
        self._web = web
        self._public = public_url.rstrip("/")
        self._pod = pod or Pod(namespace="gitea", workload="deployment/gitea")
        self._cookies = Cookies()
        self._user = ""

    def log_in(self, user: str, password: str) -> None:
        """Fill in the login page; raises LoginError with what Gitea says."""
        self._user = user
        response = self._ask("GET", _LOGIN)
        page = read(response.text)
        form = page.form("user_name", "password")
        if form is None:
            raise self._no_password_form(response, page)
        captcha = sorted(name for name in form.names if "captcha" in name)
        if captcha:
            raise LoginError(
                "Gitea's login page asks for a captcha",
                hint="set [service] REQUIRE_CAPTCHA_FOR_LOGIN = false (GITEA__service__REQUIRE_CAPTCHA_FOR_LOGIN=false)",
            )
        answer = self._ask("POST", urljoin(_LOGIN, form.action or _LOGIN), {**form.hidden, "user_name": user, "password": password})
        if answer.status_code in _REDIRECTS:
            self._follow_no_further(answer)
            return
        if answer.status_code == HTTPStatus.FORBIDDEN:
            raise self._form_switched_off(answer.status_code)
        raise self._rejected(answer, read(answer.text))

    def authorize(self, location: str) -> str:
        """Open the page that an application sends a person to, allow what it asks for, and return the address that Gitea sends back to.

        `location` is `{gitea}/login/oauth/authorize?...`, the answer has `code` and `state` in its query. Raises LoginError.
        """
        back = parse_qs(urlsplit(location).query).get("redirect_uri", [""])[0]
        response = self._ask("GET", self._reachable(location))
        if response.status_code in _REDIRECTS:
            return self._came_back(response, back)
        page = read(response.text)
        if response.status_code != HTTPStatus.OK:
            raise self._refused(response, page)
        form = next((each for each in page.forms if urlsplit(each.action).path.endswith(_GRANT)), None)
        if form is None or not form.names.issuperset(_CONSENT):
            shown = f' (titled "{page.title}")' if page.title else ""
            raise LoginError(f"Gitea's page that asks for consent is not the one that is known{shown}", hint=_BY_HAND)
        answer = self._ask("POST", urljoin(urlsplit(location).path, form.action), {**form.hidden, "granted": "true"})
        if answer.status_code in _REDIRECTS:
            return self._came_back(answer, back)
        raise self._refused(answer, read(answer.text))

    def _ask(self, method: str, path: str, form: Mapping[str, str] | None = None) -> httpx.Response:
        # An action of a page is a path from the root of the site, or the public address itself.
        url = self._reachable(path) if path.startswith("http") else self._at_root(path)
        response = self._web.request(method, url, form=form, headers=self._cookies.header())
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
                raise GiteaError(f"Gitea failed with 500 at its page {path}", status=500, hint=f"its log says why: {self._pod.log()}")
            raise self._web.busy(response)
        self._cookies.take(response)
        return response

    def _at_root(self, path: str) -> str:
        """Put a path that a page names below the address that is reached: Gitea writes the sub-path of ROOT_URL into it."""
        prefix = urlsplit(self._public).path
        return f"{self._web.url}{path.removeprefix(prefix) if path.startswith(f'{prefix}/') else path}"

    def _reachable(self, url: str) -> str:
        for known in (self._public, self._web.url):
            if url == known or url.startswith((f"{known}/", f"{known}?")):
                return f"{self._web.url}{url[len(known) :]}"
        parts = urlsplit(url)
        raise LoginError(
            f"Woodpecker sends logins to {parts.scheme}://{parts.netloc}, and Gitea's address for browsers is {self._public}",
            hint="WOODPECKER_EXPERT_FORGE_OAUTH_HOST must be `gitea.endpoint.public_url`; `bootstrap up` sets it",
        )

    def _follow_no_further(self, answer: httpx.Response) -> None:
        """Look where a person would be sent after the login; raises LoginError where that is another question."""
        path = urlsplit(answer.headers.get("Location", "")).path
        if path.endswith(_SECOND_FACTORS):
            raise two_factor(self._user)
        if path.endswith(_CHANGE_PASSWORD):
            raise must_change_password(self._user, self._pod)
        if path.endswith(_LOGIN):
            raise LoginError(
                f"Gitea sent the login of {self._user} back to the login page",
                hint="see that Gitea's ROOT_URL is `gitea.endpoint.public_url`, and that no proxy strips its cookies",
            )

    def _came_back(self, answer: httpx.Response, back: str) -> str:
        location: str = answer.headers.get("Location", "")
        if not back or not location.startswith(back):
            self._follow_no_further(answer)
            parts = urlsplit(location)
            raise LoginError(f"Gitea sends the login of {self._user} to an unexpected page: {parts.path or location}", hint=_BY_HAND)
        query = parse_qs(urlsplit(location).query)
        if "code" in query:
            return location
        code, said = query.get("error", [""])[0], query.get("error_description", [""])[0]
        message, hint = _REFUSALS.get(code, ("Gitea sent no code for the login of {user}", _BY_HAND))
        log = self._pod.log()
        raise LoginError(message.format(user=self._user) + (f": {said}" if said else ""), hint=hint.format(log=log))

    def _refused(self, response: httpx.Response, page: Page) -> LoginError:
        status = response.status_code
        said = "; ".join(filter(None, (page.message, *page.headings)))
        text = said.lower()
        if status == HTTPStatus.FORBIDDEN:
            return LoginError(
                "Gitea's OAuth2 provider is switched off",
                status=status,
                hint="set [oauth2] ENABLED = true (GITEA__oauth2__ENABLED=true) in Gitea's workload",
            )
        if "client id" in text:
            return LoginError(
                f"Gitea does not know Woodpecker's OAuth2 application: {said}",
                status=status,
                hint="it was deleted, or Gitea is another than it was; run `bootstrap up`, which makes it anew",
            )
        if "redirect uri" in text:
            return LoginError(
                f"Gitea's OAuth2 application is for another address of Woodpecker: {said}",
                status=status,
                hint="WOODPECKER_HOST must be `woodpecker.host`; run `bootstrap up`, which sets the application right",
            )
        if status == HTTPStatus.BAD_REQUEST and not said:
            return LoginError("Gitea does not take its own consent page back (400)", status=status, hint=_BY_HAND)
        return LoginError(f"Gitea refuses the login for Woodpecker ({status}){f': {said}' if said else ''}", status=status, hint=_BY_HAND)

    def _no_password_form(self, response: httpx.Response, page: Page) -> LoginError:
        if response.status_code in _REDIRECTS:
            where = urlsplit(response.headers.get("Location", ""))
            return LoginError(
                f"Gitea sends logins on to {where.netloc or where.path}: it has no password form",
                status=response.status_code,
                hint=_FORM_ON,
            )
        if response.status_code == HTTPStatus.OK and "gitea" in response.text.lower():
            return self._form_switched_off(response.status_code)
        shown = f' titled "{page.title}"' if page.title else ""
        return LoginError(
            f"no login page of Gitea came from {self._web.url}, but a page{shown} ({response.status_code})",
            status=response.status_code,
            hint="see whether a proxy or another login page stands in front of Gitea, and whether `gitea.endpoint.bootstrap_url` is right",
        )

    @staticmethod
    def _form_switched_off(status: int) -> LoginError:
        return LoginError("Gitea's login page has no password form", status=status, hint=_FORM_ON)

    def _rejected(self, answer: httpx.Response, page: Page) -> LoginError:
        status = answer.status_code
        said = page.message or "; ".join(page.headings) or page.title
        if status == HTTPStatus.BAD_REQUEST:
            return LoginError(f"Gitea does not take its own login page back: {said or status}", status=status, hint=_BY_HAND)
        if page.form("user_name", "password") is None:
            return LoginError(
                f"Gitea does not let {self._user} in: {said or status}",
                status=status,
                hint="in Gitea, Site Administration, User Accounts: activate the user and allow it to sign in",
            )
        return wrong_password(self._user, page.message, self._pod)
