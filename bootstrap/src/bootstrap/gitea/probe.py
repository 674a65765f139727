"""In which state a Gitea is."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import quote

from bootstrap.core.change import Readiness
from bootstrap.core.change import State as Ready
from bootstrap.gitea import version as versions
from bootstrap.gitea.client import API, Basic, Gitea
from bootstrap.gitea.errors import GiteaError, LoginError, ServerDownError
from bootstrap.gitea.version import Version
from bootstrap.gitea.web import Web


class State(StrEnum):
    """How far an installation has come."""

    DOWN = "not up"
    WIZARD = "installation page open"
    NO_ADMIN = "installed without the administrator"
    INSTALLED = "installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found; `reason` says why it is down, `version` is None while it is not known."""

    state: State
    version: Version | None = None
    reason: str = ""
    error: ServerDownError | None = None
    """What went wrong where there was no answer."""


def look(web: Web) -> Probe:
    """Look without a login: DOWN, WIZARD or INSTALLED. Raises WebError for what is no Gitea at all.

    During the installation everything but the page itself is a 404 that refreshes to it (Gitea routers/install/routes.go); /api/healthz
    tells no difference in every version.
    """
    try:
        response = web.request("GET", f"{API}/version", retry=False)
    except ServerDownError as error:
        return Probe(state=State.DOWN, reason=error.message, error=error)
    status = response.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Probe(state=State.DOWN, reason=f"it answers {status}")
    if status == HTTPStatus.NOT_FOUND and "Refresh" in response.headers:
        return Probe(state=State.WIZARD)
    said = web.json(response)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and isinstance(said, dict):
        return Probe(state=State.INSTALLED)
    if status != HTTPStatus.OK or not isinstance(said, dict) or "version" not in said:
        raise web.no_json(response)
    version = versions.parse(str(said["version"]))
    versions.check(version)
    return Probe(state=State.INSTALLED, version=version)


def look_for_admin(gitea: Gitea) -> Probe:
    """Look with the administrator's password, whether that user is there and is one.

    Raises LoginError where the user is there and can't be used: another password, a second factor, no administrator.
    """
    if not isinstance(gitea.credentials, Basic):
        raise TypeError("an administrator is looked for with a password: a token proves that there was one")
    found = look(gitea.web)
    if found.state is not State.INSTALLED:
        return found
    try:
        user = gitea.get("/user")
    except LoginError as error:
        if error.status == HTTPStatus.UNAUTHORIZED and not _exists(gitea):
            return Probe(state=State.NO_ADMIN, version=found.version, reason=f"it has no user {gitea.user}")
        raise
    if not user.get("is_admin"):
        raise LoginError(
            f"the Gitea user {gitea.user} is no administrator",
            hint=f"make {gitea.user} one (Site Administration, User Accounts), or name another user in `gitea.admin`",
        )
    version = found.version or versions.parse(str(gitea.get("/version")["version"]))
    versions.check(version)
    return Probe(state=State.INSTALLED, version=version)


def no_admin(gitea: Gitea, email: str) -> GiteaError:
    """Say how the administrator is made, which Gitea's API can't do before there is one."""
    return GiteaError(
        f"Gitea is installed, but has no user {gitea.user}, and its API can't make the first administrator",
        details=(
            f"if that says that {gitea.user} exists, its profile is hidden and the password wrong: {gitea.pod.change_password(gitea.user)}",
        ),
        hint=f"{gitea.pod.create_admin(gitea.user, email)}, then have `gitea.admin.password` lead to the password that this prints",
    )


def readiness(web: Web) -> Readiness:
    """Tell whether it is up and installed, for who waits for it."""
    found = look(web)
    if found.state is State.INSTALLED:
        return Readiness(state=Ready.READY, message=f"version {found.version}" if found.version else "")
    return Readiness(state=Ready.PROGRESSING, message=found.reason or found.state.value)


def _exists(gitea: Gitea) -> bool:
    """Look for the user without a login. Where that can't be seen, it is taken to be there: a wrong password is the commoner mistake."""
    response = gitea.web.request("GET", f"{API}/users/{quote(gitea.user, safe='')}")
    return response.status_code != HTTPStatus.NOT_FOUND
