"""How this command reaches Woodpecker, and the Gitea that it logs in with; what is kept about both."""

from bootstrap.components.forge import git_login
from bootstrap.components.web import gitea_web, web
from bootstrap.components.workload import is_up
from bootstrap.core.context import Context
from bootstrap.core.fingerprint import fingerprint
from bootstrap.core.objects import Ref
from bootstrap.gitea.browser import Browser
from bootstrap.gitea.client import Basic, Gitea
from bootstrap.gitea.errors import LoginError
from bootstrap.gitea.web import Web
from bootstrap.woodpecker import login
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.login import Login

RECORD = "woodpecker"
AGENT_KEY, GRPC_KEY, FINGERPRINT_KEY = "agent-secret", "grpc-secret", "fingerprint-key"
CLIENT_ID, CLIENT_SECRET = "client-id", "client-secret"
TOKEN, TOKEN_FOR = "token", "token-for"
PURPOSE = "logins of Woodpecker: agents, OAuth2 client, and the token of the platform's user"


def woodpecker_web(context: Context) -> Web:
    """Open the way to Woodpecker, one for the whole run."""
    return web(context, context.platform.woodpecker.api_url, "Woodpecker", "woodpecker")


def gitea(context: Context) -> Gitea | None:
    """Open Gitea's API as the platform's user; None until there is one."""
    user = git_login(context)
    return None if user is None else Gitea(gitea_web(context), Basic(user=user.username, password=user.password))


def server_ref(context: Context) -> Ref:
    """Return the server's StatefulSet."""
    chart = context.platform.woodpecker.chart
    return Ref(api_version="apps/v1", kind="StatefulSet", name=f"{chart.release}-server", namespace=chart.namespace)


def woodpecker(context: Context, *, renewing: bool = False) -> Woodpecker | None:
    """Open Woodpecker's API with the token of record; None while there is no token, or no server that could be asked.

    `renewing` lets it log in again when the token is refused; not for plans, since a login changes something.
    """
    token = context.records.value(RECORD, TOKEN)
    if not token or not is_up(context, server_ref(context)):
        return None
    return Woodpecker(woodpecker_web(context), token, renew=(lambda: log_in(context)) if renewing else None)


def log_in(context: Context) -> str:
    """Log in without a browser, keep the token, and return it; asked again it is the same one."""
    platform = context.platform
    user = git_login(context)
    if user is None:
        raise LoginError("Gitea has no administrator yet, and Woodpecker's login is that user's", hint="run `bootstrap up`")
    pages = Browser(gitea_web(context), platform.gitea.endpoint.public_url)
    who = Login(user=user.username, password=user.password, host=platform.woodpecker.public_url, gitea=platform.gitea.endpoint.cluster_url)
    token = login.token(woodpecker_web(context), pages, who)
    context.hide(token)
    context.records.store(RECORD, {TOKEN: token, TOKEN_FOR: application_mark(context)}, purpose=PURPOSE)
    return token


def application_mark(context: Context) -> str:
    """Return what the OAuth2 client of record is known by: a login holds for one client only, and runs out with its secret."""
    record = context.records.read(RECORD)
    return fingerprint(record.get(FINGERPRINT_KEY, ""), record.get(CLIENT_ID, ""), record.get(CLIENT_SECRET, ""))
