"""The token that kargo-notify speaks to Kargo with: filled in by Kubernetes, kept as a record for Woodpecker's secrets."""

import base64
from collections.abc import Sequence

from bootstrap.components.project_kargo import readiness
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, Ref, load_manifest
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import Awaited, ObjectResource, Resource
from bootstrap.platform.pipeline_secret import KARGO_TOKEN
from bootstrap.platform.project import Project

NAME = "kargo-notify"


def record_name(project: Project) -> str:
    """Return the name of the record; its key is `pipeline_secret.KARGO_TOKEN`."""
    return f"kargo-token-{project.name}"


def settled_token(context: Context, project: Project) -> str | None:
    """Return the token of record; None while it is another one than that of Kubernetes, and so about to change in this run."""
    recorded = context.records.value(record_name(project), KARGO_TOKEN)
    return recorded if recorded and recorded == _token(context, _secret(project)) else None


def token_resources(context: Context, project: Project) -> Sequence[Resource]:
    """Return the account, its rights, its token, and the record of the token, which follows it."""
    values = {"name": NAME, "namespace": project.kargo.namespace}
    made = [_resource(each) for each in load_manifest(__package__, "notify.yaml", values)]
    secret, name = _secret(project), record_name(project)
    token = _token(context, secret)
    if not token:
        return [*made, Awaited(label=RecordResource(name=name).label, reason=f"{secret.label} has a token")]
    purpose = f"token of kargo-notify for the Kargo project {project.kargo.namespace}"
    return [*made, RecordResource(name=name, given={KARGO_TOKEN: token}, purpose=purpose)]


def _secret(project: Project) -> Ref:
    return Ref(api_version="v1", kind="Secret", name=NAME, namespace=project.kargo.namespace)


def _resource(manifest: Manifest) -> ObjectResource:
    if manifest["kind"] == "Secret":
        return ObjectResource(manifest=manifest, ready=readiness.token)
    return ObjectResource(manifest=manifest, replaceable=manifest["kind"] == "RoleBinding")


def _token(context: Context, secret: Ref) -> str:
    live = context.cluster.get(secret)
    if live is None or live["metadata"].get("deletionTimestamp"):
        return ""
    token = base64.b64decode((live.get("data") or {}).get("token") or "").decode("ascii")
    context.hide(*([token] if token else []))
    return token
