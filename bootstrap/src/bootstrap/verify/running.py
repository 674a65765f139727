"""Which commit runs in each stage, as Kargo says."""

from collections.abc import Mapping

from bootstrap.components.project_kargo.component import watched_image
from bootstrap.core.objects import Ref
from bootstrap.platform.project import Project
from bootstrap.verify.rows.warehouse import API_VERSION, tag_of
from bootstrap.verify.scene import Scene


def running(scene: Scene, project: Project) -> Mapping[str, str]:
    """Return the commits, by stage; a stage that nothing was promoted to is left out."""
    found = {}
    for stage in project.stages:
        ref = Ref(api_version=API_VERSION, kind="Stage", name=stage.name, namespace=project.kargo.namespace)
        history = ((scene.context.cluster.get(ref) or {}).get("status") or {}).get("freightHistory") or [{}]
        items = (history[0].get("items") or {}).values()
        commits = [tag_of(each, watched_image(scene.platform, project)) for each in items]
        if commits and commits[0]:
            found[stage.name] = commits[0]
    return found
