"""The page that a Gitea shows until it is installed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from bootstrap.gitea import user
from bootstrap.gitea.errors import GiteaError, ServerDownError
from bootstrap.gitea.page import Form, read
from bootstrap.gitea.web import Web

# What Gitea can't be installed without; the page comes with values for all of it (services/forms/user_form.go of Gitea, InstallForm).
_NEEDED = ("db_type", "app_name", "repo_root_path", "run_user", "domain", "http_port", "app_url", "log_root_path")
_BY_HAND = "open the page in a browser and install it there, then run this again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """The user that is made with the installation."""

    name: str
    email: str
    password: str = field(repr=False)


def fill_in(form: Form, *, public_url: str, administrator: Administrator) -> dict[str, str]:
    """Fill in the page: what the container's environment has preset stays, but for the address, the registration and the administrator."""
    return {
        **form.fields,
        "app_url": f"{public_url.rstrip('/')}/",
        "domain": urlsplit(public_url).hostname or form.fields.get("domain", ""),
        "disable_registration": "on",
        "admin_name": administrator.name,
        "admin_email": administrator.email,
        "admin_passwd": administrator.password,
        "admin_confirm_passwd": administrator.password,
    }


def open_form(web: Web) -> Form:
    """Read the page; raises GiteaError where it is another one than is known."""
    response = web.request("GET", "/")
    page = read(response.text)
    form = page.form(*_NEEDED, "admin_name", "admin_passwd", "admin_confirm_passwd", "admin_email")
    if response.status_code != HTTPStatus.OK or form is None:
        shown = f' (titled "{page.title}")' if page.title else ""
        raise GiteaError(f"Gitea's installation page is not the one that is known{shown}", status=response.status_code, hint=_BY_HAND)
    empty = [name for name in _NEEDED if not form.fields.get(name)]
    if empty:
        raise GiteaError(
            f"Gitea's installation page has no value for {', '.join(empty)}",
            hint=f"set {', '.join(map(_variable, empty))} in the environment of its workload, or {_BY_HAND}",
        )
    return form


def install(web: Web, *, public_url: str, administrator: Administrator) -> None:
    """Fill in the page and send it, once. Gitea then restarts: whether it is up is for who looks (probe.readiness), for a minute or so.

    Raises GiteaError with Gitea's words where it refuses the page, which it does with status 200.
    """
    problem = user.problem(administrator.name)
    if problem:
        raise GiteaError(f"`gitea.admin.name`: {problem}", hint="take another name, such as platform")
    fields = fill_in(open_form(web), public_url=public_url, administrator=administrator)
    try:
        response = web.request("POST", "/", form=fields)
    except ServerDownError as error:
        if error.unsure:
            # It may have begun to restart before it answered.
            return
        raise
    if response.status_code in {
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }:
        # Somebody else was faster (405), or it restarts already and a proxy finds it no more.
        return
    _refused(read(response.text).message, fields)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        raise GiteaError(f"Gitea answered its installation page with {response.status_code}", status=response.status_code, hint=_BY_HAND)


def _refused(message: str, fields: Mapping[str, str]) -> None:
    if not message:
        return
    text = message.lower()
    hint = _BY_HAND
    if "database" in text:
        hint = f"see that its database is there and takes the login: {_variable('db_type')} and the other GITEA__database__ values"
    if "reinstall" in text or "installed before" in text or "already" in text:
        hint = f"the database is that of another installation, which this command never takes over: {_BY_HAND}"
    elif "username" in text:
        hint = "take another name for `gitea.admin.name`"
    elif "password" in text:
        hint = "take a longer or stronger password for `gitea.admin.password`"
    for secret in (fields.get("admin_passwd"), fields.get("db_passwd")):
        message = message.replace(secret, "********") if secret else message
    raise GiteaError(f"Gitea refuses the installation: {message}", status=HTTPStatus.OK, hint=hint)


def _variable(name: str) -> str:
    known = {
        "db_type": "GITEA__database__DB_TYPE",
        "app_name": "GITEA____APP_NAME",
        "repo_root_path": "GITEA__repository__ROOT",
        "run_user": "GITEA____RUN_USER",
        "domain": "GITEA__server__DOMAIN",
        "http_port": "GITEA__server__HTTP_PORT",
        "app_url": "GITEA__server__ROOT_URL",
        "log_root_path": "GITEA__log__ROOT_PATH",
    }
    return known[name]
