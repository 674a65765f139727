"""Who opens Woodpecker's page can log in with Gitea: the whole way that a browser takes, without a browser."""

from bootstrap.components.forge import git_login
from bootstrap.gitea.browser import Browser
from bootstrap.verify.finding import Finding, Looked, Row, trouble
from bootstrap.verify.scene import Scene
from bootstrap.verify.web import web
from bootstrap.woodpecker import login
from bootstrap.woodpecker.login import Login
from plugin_kit.errors import PluginError


def _look(scene: Scene) -> Looked:
    platform, user = scene.platform, git_login(scene.context)
    if user is None:
        return Looked(
            at=platform.woodpecker.api_url, findings=(Finding(where="", problem="Gitea has no user of the platform", hint="bootstrap up"),)
        )
    pages = Browser(
        web(scene.context, platform.gitea.endpoint.bootstrap_url, "Gitea", "gitea.endpoint"), platform.gitea.endpoint.public_url
    )
    who = Login(user=user.username, password=user.password, host=platform.woodpecker.public_url, gitea=platform.gitea.endpoint.cluster_url)
    at = f"{user.username} logs in at {platform.woodpecker.public_url} through {platform.gitea.endpoint.public_url}"
    try:
        # The same token each time: nothing is left there that was not before.
        scene.context.hide(login.token(web(scene.context, platform.woodpecker.api_url, "Woodpecker", "woodpecker"), pages, who))
    except PluginError as error:
        return Looked(at=at, findings=(trouble("", error),))
    return Looked(at=at)


ROW = Row(
    name="login", title="Woodpecker OAuth2 works", how="a login from page to page, to its end", look=_look, needs=("gitea", "dashboard")
)
