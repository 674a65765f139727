"""Argo CD's page answers, and what runs it is in order."""

from bootstrap.core import readiness
from bootstrap.core.change import State
from bootstrap.core.objects import Ref
from bootstrap.gitea.errors import WebError
from bootstrap.verify.finding import Finding, Looked, Row
from bootstrap.verify.names import unresolved
from bootstrap.verify.pods import begun
from bootstrap.verify.scene import Scene
from bootstrap.verify.web import page, web


def _look(scene: Scene) -> Looked:
    wanted = scene.platform.argo_cd
    client = web(scene.context, wanted.public_url, "Argo CD", "argo_cd")
    try:
        page(client)
        answer = client.json(client.request("GET", "/api/version"))
    except WebError as error:
        if finding := unresolved(scene, wanted.host, error):
            return Looked(at=wanted.public_url, findings=(finding,))
        namespace = wanted.chart.namespace
        ref = Ref(api_version="apps/v1", kind="Deployment", name=f"{wanted.chart.release}-server", namespace=namespace)
        live = scene.context.cluster.get(ref)
        down = live is not None and readiness.of(live).state is not State.READY
        since = begun(scene.context.cluster, live) if live is not None and down else None
        why = f"; {ref.label}: {readiness.of(live).message}" if live is not None and down else ""
        hint = f"kubectl -n {namespace} get pods,ingress; this machine must reach the ingress controller as {wanted.host}"
        return Looked(at=wanted.public_url, findings=(Finding(where="", problem=f"{error.message}{why}", hint=hint, begun=since),))
    version = answer.get("Version") if isinstance(answer, dict) else None
    return Looked(at=f"{wanted.public_url} answers{f', version {version}' if version else ''}")


ROW = Row(name="argocd", title="ArgoCD accessible", how="its page and its version are read", look=_look)
