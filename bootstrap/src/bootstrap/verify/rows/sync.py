"""Each Application reads its repository in Gitea, and has deployed what it was told to."""

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.components.forge import git_url
from bootstrap.components.project_argo_cd.application import judge
from bootstrap.core.change import State
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.readiness import conditions
from bootstrap.platform.project import Project
from bootstrap.platform.stage import Stage
from bootstrap.verify.finding import Finding, Looked, Row, joined
from bootstrap.verify.scene import Scene
from bootstrap.verify.times import moment
from plugin_kit.console import counted

API_VERSION = "argoproj.io/v1alpha1"


def application(scene: Scene, stage: Stage) -> Manifest | None:
    """Return the Application of a stage."""
    namespace = scene.platform.argo_cd.chart.namespace
    return scene.context.cluster.get(Ref(api_version=API_VERSION, kind="Application", name=stage.application, namespace=namespace))


def _look(scene: Scene) -> Looked:
    pairs = [(project, stage) for project in scene.platform.projects for stage in project.stages]
    if not pairs:
        return Looked(unseen=("platform.yaml has no `projects`",))
    findings = joined([finding for project, stage in pairs for finding in _stage(scene, project, stage)])
    return Looked(at=f"{counted(len(pairs), 'Application')} in namespace {scene.platform.argo_cd.chart.namespace}", findings=findings)


def _stage(scene: Scene, project: Project, stage: Stage) -> Iterator[Finding]:
    live = application(scene, stage)
    if live is None:
        yield Finding(where=stage.application, problem="there is no such Application", hint="bootstrap up")
        return
    wanted, there = git_url(scene.platform, project), ((live.get("spec") or {}).get("source") or {}).get("repoURL")
    if there != wanted:
        yield Finding(where=stage.application, problem=f"it syncs from {there}, and not from {wanted}", hint="bootstrap up")
        return
    yield from _state(scene, project, stage, live)


def _state(scene: Scene, project: Project, stage: Stage, live: Manifest) -> Iterator[Finding]:
    status: Mapping[str, Any] = live.get("status") or {}
    namespace = scene.platform.argo_cd.chart.namespace
    describe = f"kubectl -n {namespace} describe application {stage.application}"
    seen = judge(live)
    if seen.state is not State.READY:
        errors = [each for name, each in conditions(live).items() if name.endswith("Error")]
        since = moment(errors[0].get("lastTransitionTime")) if errors else moment((live.get("metadata") or {}).get("creationTimestamp"))
        hint = f"the login and the address of Gitea: `bootstrap up` writes both anew; then {describe}"
        yield Finding(where=stage.application, problem=seen.message, hint=hint, begun=since)
        return
    operation: Mapping[str, Any] = status.get("operationState") or {}
    if operation.get("phase") in {"Failed", "Error"}:
        problem = f"its last sync has failed: {operation.get('message') or operation['phase']}"
        hint = f"{describe}; put the chart right and push, a promotion of the new commit syncs again"
        yield Finding(where=stage.application, problem=problem, hint=hint, begun=moment(operation.get("finishedAt")))
        return
    health: Mapping[str, Any] = status.get("health") or {}
    if health.get("status") in {"Degraded", "Unknown", "Suspended"}:
        said = f": {health['message']}" if health.get("message") else ""
        problem = f"what it has deployed is {health['status']}{said}"
        hint = f"kubectl -n {stage.namespace} get pods; an earlier commit can be promoted again in Kargo"
        yield Finding(where=stage.application, problem=problem, hint=hint, is_warning=True, begun=moment(health.get("lastTransitionTime")))
    elif (status.get("sync") or {}).get("status") != "Synced":
        if operation:
            problem = "what runs is no longer what its branch says: somebody has changed it by hand"
            hint = f"argocd app diff {stage.application}; a promotion puts it right"
        else:
            problem = f"nothing was deployed yet{f': {seen.message}' if seen.message else ''}"
            hint = f"the first promotion syncs it: push to {project.repository.branch}, and promote in Kargo"
        yield Finding(where=stage.application, problem=problem, hint=hint, is_warning=True)


ROW = Row(name="sync", title="ArgoCD syncs from Gitea", how="source, sync and health of each Application are read", look=_look)
