"""Gitea's web pages: the installation, the login, the consent to an application; and where an application gets its token."""

import base64
import secrets
import threading
from html import escape
from urllib.parse import urlencode

from devtools.gitea.answer import HTML, Answer, Refusal, Request, document, flash, page
from devtools.gitea.world import Application, Session, User, World

_SESSION = "i_like_gitea"
_COOKIE = "Path=/; HttpOnly; SameSite=Lax"
_CSRF = "Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
_RESERVED = frozenset({"admin", "api", "user", "login", "org"})
# What the container of a real one presets.
_PRESET = {
    "db_type": "sqlite3",
    "db_host": "localhost:3306",
    "db_user": "root",
    "db_passwd": "",
    "db_name": "gitea",
    "db_path": "/data/gitea/gitea.db",
    "app_name": "Gitea: Git with a cup of tea",
    "repo_root_path": "/data/git/repositories",
    "lfs_root_path": "/data/git/lfs",
    "run_user": "git",
    "domain": "localhost",
    "ssh_port": "22",
    "http_port": "3000",
    "app_url": "http://localhost:3000/",
    "log_root_path": "/data/gitea/log",
    "no_reply_address": "noreply.localhost",
    "password_algorithm": "pbkdf2",
    "admin_name": "",
    "admin_email": "",
    "admin_passwd": "",
    "admin_confirm_passwd": "",
}
_TICKED = ("offline_mode", "disable_gravatar", "enable_open_id_sign_in", "default_allow_create_organization")
_UNTICKED = ("disable_registration", "enable_captcha", "require_sign_in_view")
_SECRET_INPUTS = frozenset({"db_passwd", "admin_passwd", "admin_confirm_passwd"})


class Pages:
    """One request of one browser. `restarting` is called when the installation is done."""

    def __init__(self, world: World, root: str, request: Request, restarting: threading.Event) -> None:
        self._world = world
        self._root = root
        self._request = request
        self._restarting = restarting

    def install(self) -> Answer:
        """Answer while the installation page is open."""
        if self._request.path == "/" and self._request.method == "POST":
            return self._install(self._request.form)
        if self._request.path == "/":
            return self._wizard(dict(_PRESET))
        body = b'Not Found. <a href="/">Go to default page</a>.'
        session = (_cookie(_SESSION, secrets.token_hex(8), _COOKIE),)
        return Answer(status=404, body=body, content_type=HTML, headers=[("Refresh", "1; url=/"), *session])

    def answer(self) -> Answer:
        """Answer for an installation that is complete."""
        request = self._request
        pages = {
            ("GET", "/user/login"): self._login_page,
            ("POST", "/user/login"): self._log_in,
            ("GET", "/login/oauth/authorize"): self._authorize,
            ("POST", "/login/oauth/grant"): self._grant,
            ("POST", "/login/oauth/access_token"): self._access_token,
        }
        reply = pages.get((request.method, request.path))
        if reply:
            return reply()
        if request.path == "/" and request.method == "POST":
            return Answer(status=405, headers=[_cookie("_csrf", secrets.token_urlsafe(32), _CSRF)])
        status = 200 if request.path == "/" else 404
        return page("Gitea", "<h1>Gitea</h1>" if status == 200 else "<h1>Page Not Found</h1>", status=status)  # noqa: PLR2004

    def _wizard(self, values: dict[str, str], message: str = "") -> Answer:
        hidden = ("db_type", "password_algorithm")
        inputs = "\n".join(_input(name, value, hidden=name in hidden) for name, value in values.items() if name in _PRESET)
        ticks = "\n".join(
            f'<input name="{name}" type="checkbox"{" checked" if name in _TICKED else ""}>' for name in (*_TICKED, *_UNTICKED)
        )
        form = (
            f'<form class="ui form" action="/" method="post">\n{inputs}\n{ticks}\n<button class="ui primary button">Install</button></form>'
        )
        if self._world.settings.wizard_page_changed:
            form = "<p>Please continue on the command line.</p>"
        return page("Installation - Gitea", f"{flash(message) if message else ''}\n{form}")

    def _install(self, given: dict[str, str]) -> Answer:
        name = given.get("admin_name", "")
        problem = ""
        if given.get("db_type") != "sqlite3":
            problem = "The database settings are invalid: failed to connect to database: dbname is empty"
        elif name.lower() in _RESERVED:
            problem = "Administrator Username is invalid, username is reserved"
        elif not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            problem = "Administrator Username is invalid"
        elif given.get("admin_passwd") != given.get("admin_confirm_passwd"):
            problem = "The passwords do not match."
        if problem:
            return self._wizard({**_PRESET, **given}, problem)
        self._world.add_user(name, given["admin_passwd"], email=given["admin_email"], admin=True)
        self._restarting.set()
        remember = _cookie("gitea_incredible", secrets.token_urlsafe(24), "Max-Age=2678400; HttpOnly; SameSite=Lax")
        return page("Installation - Gitea", "<h1>Loading…</h1>", headers=[remember])

    def _session(self) -> tuple[str, Session]:
        name = self._request.cookies.get(_SESSION, "")
        if name not in self._world.sessions:
            name = secrets.token_hex(8)
            self._world.sessions[name] = Session()
        return name, self._world.sessions[name]

    def _login_page(self) -> Answer:
        name, session = self._session()
        cookies = [
            _cookie(_SESSION, name, _COOKIE),
            *([_cookie("_csrf", session.csrf, _CSRF)] if self._world.settings.csrf else []),
            _cookie("gitea_incredible", "", "Path=/; Max-Age=0; HttpOnly; SameSite=Lax"),
        ]
        return page("Sign In - Gitea", self._login_form(session), headers=cookies)

    def _login_form(self, session: Session, message: str = "") -> str:
        if not self._world.settings.password_form:
            return "<h4>Sign in with Single Sign-On</h4><p>Powered by Gitea</p>"
        captcha = '<input name="captcha" value="">' if self._world.settings.captcha else ""
        return (
            f'{flash(message) if message else ""}<form class="ui form" action="/user/login" method="post">\n{self._csrf_input(session)}'
            '<input id="user_name" type="text" name="user_name" value="" autofocus required>\n'
            '<input id="password" name="password" type="password" value="" autocomplete="current-password" required>\n'
            f'<input name="remember" type="checkbox">{captcha}\n<button class="ui primary button">Sign In</button>\n</form>'
        )

    def _csrf_input(self, session: Session) -> str:
        return f'<input type="hidden" name="_csrf" value="{session.csrf}">\n' if self._world.settings.csrf else ""

    def _guard(self, session: Session) -> None:
        """Refuse a form that does not bring back its token, and a browser that comes from another site."""
        if self._world.settings.csrf and self._request.form.get("_csrf") != session.csrf:
            raise Refusal(page("Bad Request - Gitea", "<h1>Invalid CSRF token.</h1>", status=400))
        if not self._world.settings.csrf and self._request.headers.get("Origin") not in {None, self._root}:
            raise Refusal(page("Forbidden", "<h1>cross-origin request detected</h1>", status=403))

    def _log_in(self) -> Answer:
        name, session = self._session()
        self._guard(session)
        if not self._world.settings.password_form:
            return page("Forbidden - Gitea", "<h1>Forbidden</h1>", status=403)
        given = self._request.form
        user = self._world.user(given.get("user_name", ""))
        if user is None or user.password != given.get("password"):
            return page("Sign In - Gitea", self._login_form(session, "Username or password is incorrect."))
        if user.prohibited:
            return page("Sign In Prohibited - Gitea", "<h1>Sign In Prohibited</h1>")
        if user.second_factor:
            return Answer(status=303, headers=[("Location", f"/user/{'two_factor' if user.second_factor == 'totp' else 'webauthn'}")])
        del self._world.sessions[name]
        name = secrets.token_hex(8)
        self._world.sessions[name] = Session(user=user.name)
        cookies = [_cookie(_SESSION, name, _COOKIE), _cookie("lang", "en-US", _COOKIE)]
        if self._world.settings.csrf:
            cookies.append(_cookie("_csrf", "", "Path=/; Max-Age=0; HttpOnly; SameSite=Lax"))
        return Answer(status=303, headers=[("Location", "/"), *cookies])

    def _authorize(self) -> Answer:
        if not self._world.settings.oauth2:
            return page("Forbidden - Gitea", "<h1>Forbidden</h1>", status=403)
        _, session = self._session()
        user = self._world.user(session.user) if session.user else None
        if user is None:
            return _sent("/user/login")
        if user.must_change_password:
            return _sent("/user/settings/change_password")
        return self._ask_consent(session, user)

    def _ask_consent(self, session: Session, user: User) -> Answer:
        asked = self._request.parameters
        application = self._world.application(asked.get("client_id", ""))
        if application is None:
            return _grant_error("Client ID not registered")
        if asked.get("redirect_uri") not in application.redirect_uris:
            return _grant_error("Unregistered Redirect URI")
        if not application.confidential:
            said = {"error": "invalid_request", "error_description": "PKCE is required for public clients", "state": asked["state"]}
            return _sent(f"{asked['redirect_uri']}?{urlencode(said)}")
        if user.name in application.granted:
            return _sent(self._with_code(application, user, asked["redirect_uri"], asked["state"]))
        session.consent = {name: asked.get(name, "") for name in ("client_id", "redirect_uri", "state")}
        headers = [_cookie("_csrf", session.csrf, _CSRF)] if self._world.settings.csrf else []
        return page(f"Authorize {escape(application.name)} - Gitea", self._consent_form(session, asked), headers=headers)

    def _consent_form(self, session: Session, asked: dict[str, str]) -> str:
        if self._world.settings.consent_page_changed:
            return (
                '<h3>Choose what to share</h3><form method="post" action="/login/oauth/choose"><input type="checkbox" name="email"></form>'
            )
        names = ("client_id", "state", "scope", "nonce", "redirect_uri")
        inputs = "\n".join(f'<input type="hidden" name="{name}" value="{escape(asked.get(name, ""))}">' for name in names)
        return (
            f'<form method="post" action="/login/oauth/grant">\n{self._csrf_input(session)}{inputs}\n'
            '<button type="submit" id="authorize-app" name="granted" value="true">Authorize Application</button>\n'
            '<button type="submit" name="granted" value="false">Cancel</button>\n</form>'
        )

    def _grant(self) -> Answer:
        _, session = self._session()
        self._guard(session)
        given = self._request.form
        user = self._world.user(session.user)
        if user is None or any(given.get(name) != value for name, value in session.consent.items()) or not session.consent:
            return Answer(status=400)
        application = self._world.application(given["client_id"])
        if given.get("granted") != "true" or application is None:
            said = {"error": "access_denied", "error_description": "the request is denied", "state": given["state"]}
            return Answer(status=303, headers=[("Location", f"{given['redirect_uri']}?{urlencode(said)}")])
        application.granted.add(user.name)
        return Answer(status=303, headers=[("Location", self._with_code(application, user, given["redirect_uri"], given["state"]))])

    def _with_code(self, application: Application, user: User, back: str, state: str) -> str:
        return f"{back}?{urlencode({'code': self._world.new_code(application.client_id, user.name), 'state': state})}"

    def _access_token(self) -> Answer:
        given = self._request.json if "json" in (self._request.headers.get("Content-Type") or "") else self._request.form
        scheme, _, value = (self._request.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            name, _, secret = base64.b64decode(value).decode().partition(":")
            given = {**given, "client_id": name, "client_secret": secret}
        application = self._world.application(given.get("client_id", ""))
        if application is None or application.client_secret != given.get("client_secret"):
            said = {"error": "unauthorized_client", "error_description": "invalid client secret"}
            return document(400, said)
        client, user = self._world.codes.pop(given.get("code", ""), ("", ""))
        if client != application.client_id:
            return document(400, {"error": "unauthorized_client", "error_description": "client is not authorized"})
        token = self._world.add_token(user, f"oauth2 {application.name} {secrets.token_hex(4)}", ("all",))
        body = {"access_token": token.value, "token_type": "bearer", "expires_in": 3600, "refresh_token": secrets.token_hex(20)}
        return document(200, body)


def _cookie(name: str, value: str, attributes: str) -> tuple[str, str]:
    return "Set-Cookie", f"{name}={value}; {attributes}"


def _input(name: str, value: str, *, hidden: bool) -> str:
    kind = "hidden" if hidden else "password" if name in _SECRET_INPUTS else "text"
    return f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}">'


def _sent(location: str) -> Answer:
    """Redirect a GET, as Go does: with a content type."""
    return Answer(status=303, content_type=HTML, headers=[("Location", location)])


def _grant_error(description: str) -> Answer:
    """Refuse an application; templates/user/auth/grant_error.tmpl of Gitea; not recorded."""
    return page("Authorization failed - Gitea", f"<h1>Authorization failed</h1>\n<h3>{description}</h3>", status=400)
