"""Kargo finds the images of each project in the registry, and makes Freight of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.components.project_kargo import readiness
from bootstrap.components.project_kargo.component import watched_image
from bootstrap.core.change import State
from bootstrap.core.objects import Manifest, Ref
from bootstrap.platform.project import Project
from bootstrap.verify.finding import Finding, Looked, Row
from bootstrap.verify.scene import Scene
from bootstrap.verify.times import length, moment, of_condition

API_VERSION = "kargo.akuity.io/v1alpha1"
# A controller that is busy is a little late.
_LATE = 3


def freight(scene: Scene, project: Project) -> Sequence[Manifest]:
    """Return all Freight of a project, the newest last."""
    found = scene.context.cluster.list(API_VERSION, "Freight", namespace=project.kargo.namespace)
    return sorted(found, key=lambda each: str(each["metadata"].get("creationTimestamp")))


def tag_of(live: Mapping[str, Any], image: str) -> str:
    """Return the tag that a Freight has of an image: the commit."""
    return next((str(each.get("tag")) for each in live.get("images") or () if each.get("repoURL") == image), "")


def look_at(scene: Scene, project: Project) -> tuple[str, list[Finding]]:
    """Say what Kargo has found for a project."""
    ref = warehouse_ref(project)
    live = scene.context.cluster.get(ref)
    if live is None:
        return project.name, [Finding(where=ref.label, problem="is not there", hint="bootstrap up")]
    findings = list(_trouble(scene, project, ref, live))
    made = freight(scene, project)
    if made or findings:
        newest = f", the newest {tag_of(made[-1], watched_image(scene.platform, project))[:12]}" if made else ""
        return f"{project.name}: {len(made) or 'no'} Freight{newest}", findings
    problem = f"there is no Freight yet: the registry has no image {watched_image(scene.platform, project)} with a commit as its tag"
    hint = f"push to {project.repository.branch} of {project.repository.full_name}; the pipeline makes one"
    return project.name, [Finding(where=ref.label, problem=problem, hint=hint, is_warning=True)]


def warehouse_ref(project: Project) -> Ref:
    """Return where commits come from."""
    return Ref(api_version=API_VERSION, kind="Warehouse", name=project.kargo.warehouse.name, namespace=project.kargo.namespace)


def _look(scene: Scene) -> Looked:
    if not scene.platform.projects:
        return Looked(unseen=("platform.yaml has no `projects`",))
    seen = [look_at(scene, project) for project in scene.platform.projects]
    return Looked(at="; ".join(at for at, _ in seen), findings=tuple(finding for _, found in seen for finding in found))


def _trouble(scene: Scene, project: Project, ref: Ref, live: Manifest) -> Iterator[Finding]:
    describe = f"kubectl -n {ref.namespace} describe warehouse {ref.name}"
    wanted, there = (
        watched_image(scene.platform, project),
        [(each.get("image") or {}).get("repoURL") for each in (live.get("spec") or {}).get("subscriptions") or ()],
    )
    if wanted not in there:
        yield Finding(where=ref.label, problem=f"it watches {', '.join(map(str, there))}, and not {wanted}", hint="bootstrap up")
        return
    seen = readiness.warehouse(live)
    if seen.state is not State.READY:
        hint = f"{describe}; from inside the cluster {scene.platform.registry.host} must answer with TLS that Kargo trusts: bootstrap up"
        yield Finding(where=ref.label, problem=seen.message, hint=hint, begun=of_condition(live, "Ready"))
        return
    looked = moment(((live.get("status") or {}).get("discoveredArtifacts") or {}).get("discoveredAt"))
    interval = project.kargo.warehouse.interval
    if looked and scene.now() - looked > _LATE * interval:
        namespace = scene.platform.kargo.chart.namespace
        problem = f"Kargo has not looked at the registry (it should every {length(interval)})"
        hint = f"kubectl -n {namespace} get pods; kubectl -n {namespace} rollout restart deployment kargo-controller"
        yield Finding(where=ref.label, problem=problem, hint=hint, begun=looked)


ROW = Row(name="warehouse", title="Kargo Warehouse", how="the Warehouse's last look and its Freight are read", look=_look)
