"""Gitea answers, is set up, and its pods are in order."""

from urllib.parse import urlsplit

from bootstrap.components.forge import git_login
from bootstrap.components.gitea.snapshot import workload_ref
from bootstrap.core import readiness
from bootstrap.core.change import State
from bootstrap.gitea import probe
from bootstrap.gitea.client import Basic, Gitea
from bootstrap.gitea.probe import State as Installed
from bootstrap.verify.finding import Finding, Looked, Row, trouble
from bootstrap.verify.names import unresolved
from bootstrap.verify.pods import begun
from bootstrap.verify.scene import Scene
from bootstrap.verify.web import web
from plugin_kit.errors import PluginError


def client(scene: Scene) -> Gitea:
    """Open Gitea's API, as the platform's user where there is one."""
    endpoint, login = scene.platform.gitea.endpoint, git_login(scene.context)
    credentials = Basic(user=login.username, password=login.password) if login else None
    return Gitea(web(scene.context, endpoint.bootstrap_url, "Gitea", "gitea.endpoint"), credentials)


def _look(scene: Scene) -> Looked:
    address, ref = scene.platform.gitea.endpoint.bootstrap_url, workload_ref(scene.platform)
    live = scene.context.cluster.get(ref)
    since = begun(scene.context.cluster, live) if live and readiness.of(live).state is not State.READY else None
    logs = f"kubectl -n {ref.namespace} logs {ref.kind.lower()}/{ref.name} --tail 50"
    try:
        gitea = client(scene)
        found = probe.look_for_admin(gitea) if gitea.credentials else probe.look(gitea.web)
    except PluginError as error:
        return Looked(at=address, findings=(trouble("", error, begun=since),))
    match found.state:
        case Installed.DOWN:
            host = urlsplit(address).hostname or ""
            if found.error and (finding := unresolved(scene, host, found.error)):
                return Looked(at=address, findings=(finding,))
            why = f"; {ref.label}: {readiness.of(live).message}" if live and since else ""
            finding = Finding(where="", problem=f"it does not answer: {found.reason}{why}", hint=logs, begun=since)
        case Installed.WIZARD:
            finding = Finding(where="", problem="its installation page is still open to everybody", hint="bootstrap up")
        case Installed.NO_ADMIN:
            finding = Finding(where="", problem=f"it has no user {scene.platform.gitea.admin.name}", hint="bootstrap up")
        case Installed.INSTALLED:
            return Looked(at=f"{address} answers, version {found.version or 'unknown'}")
    return Looked(at=address, findings=(finding,))


ROW = Row(name="gitea", title="Gitea accessible", how="its API is asked", look=_look)
