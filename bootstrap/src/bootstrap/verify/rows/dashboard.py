"""Woodpecker's dashboard answers, as the version that platform.yaml names."""

from bootstrap.verify.finding import Finding, Looked, Row
from bootstrap.verify.names import unreached
from bootstrap.verify.scene import Scene
from bootstrap.verify.web import page, web
from bootstrap.woodpecker import health
from plugin_kit.errors import PluginError


def _look(scene: Scene) -> Looked:
    wanted = scene.platform.woodpecker
    client = web(scene.context, wanted.api_url, "Woodpecker", "woodpecker")
    try:
        found = health.look(client)
        page(client)
    except PluginError as error:
        return Looked(at=wanted.api_url, findings=(unreached(scene, wanted.host, error),))
    at = f"{wanted.api_url} answers, version {found.version}"
    if found.is_of(wanted.image_tag):
        return Looked(at=at)
    problem = f"it runs {found.version}, and platform.yaml says {wanted.image_tag}"
    return Looked(at=at, findings=(Finding(where="", problem=problem, hint="bootstrap plan, then bootstrap up", is_warning=True),))


ROW = Row(name="dashboard", title="Woodpecker dashboard accessible", how="its page, health and version are read", look=_look)
