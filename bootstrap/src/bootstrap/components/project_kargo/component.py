"""Each project in Kargo: where its commits come from, its stages, who may promote, and the token of kargo-notify."""

from collections.abc import Iterator, Mapping, Sequence

from bootstrap.components.encoding import encoded
from bootstrap.components.forge import RECORD, GitLogin, git_login, git_url
from bootstrap.components.given import secret_value
from bootstrap.components.project_kargo import readiness
from bootstrap.components.project_kargo.gate import commit_trailers, gate_step
from bootstrap.components.project_kargo.interval import go_duration
from bootstrap.components.project_kargo.project import ProjectResource
from bootstrap.components.project_kargo.promoters import promoters
from bootstrap.components.project_kargo.stage import StageResource
from bootstrap.components.project_kargo.token import token_resources
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, load_manifest
from bootstrap.core.resource import Awaited, ObjectResource, Resource
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project
from bootstrap.platform.stage import Stage


class ProjectKargo:
    """What Kargo knows of the projects. `down` deletes the stages first of all, while the controller lives that has to let them go."""

    name = "project-kargo"
    title = "Projects in Kargo"
    needs: tuple[str, ...] = ("kargo", "project-argo-cd")

    def enabled(self, platform: Platform) -> bool:
        """Tell whether there are projects."""
        return bool(platform.projects)

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return what each project consists of; none has anything of another one in it."""
        login = git_login(context)
        return [resource for project in context.platform.projects for resource in _resources(context, project, login)]


def watched_image(platform: Platform, project: Project) -> str:
    """Return the image whose tags Kargo watches, by full name."""
    return f"{platform.registry.host}/{project.registry_project}/{project.watched_image}"


def project_manifest(project: Project) -> Manifest:
    """Return the Project."""
    return _one("project.yaml", {"namespace": project.kargo.namespace})


def project_config(project: Project) -> Manifest:
    """Return which stages are promoted to by themselves."""
    automatic = [stage.name for stage in project.stages if stage.promotion == "auto"]
    policies = [{"stageSelector": {"name": name}, "autoPromotionEnabled": True} for name in automatic]
    return _one("project-config.yaml", {"namespace": project.kargo.namespace, "policies": policies})


def warehouse(platform: Platform, project: Project) -> Manifest:
    """Return where commits come from."""
    values = {
        "name": project.kargo.warehouse.name,
        "namespace": project.kargo.namespace,
        "interval": go_duration(project.kargo.warehouse.interval),
        "image": watched_image(platform, project),
    }
    return _one("warehouse.yaml", values)


def stage_manifest(platform: Platform, project: Project, stage: Stage) -> Manifest:
    """Return a stage, and how a commit is promoted to it."""
    values = {
        "stage": stage.name,
        "namespace": project.kargo.namespace,
        "url": git_url(platform, project),
        "image": watched_image(platform, project),
        "warehouse": project.kargo.warehouse.name,
        "sources": {"stages": [stage.after]} if stage.after else {"direct": True},
        "branch": stage.branch,
        "chart_path": project.chart_path,
        "tag_file": stage.tag_file,
        "tag_key": project.tag_key,
        "application": stage.application,
        "gate": gate_step(platform, stage),
        "trailers": commit_trailers(stage),
    }
    return _one("stage.yaml", values)


def _resources(context: Context, project: Project, login: GitLogin | None) -> Iterator[Resource]:
    platform = context.platform
    yield ProjectResource(manifest=project_manifest(project))
    yield _git(platform, project, login)
    yield from _registry(context, project)
    yield ObjectResource(manifest=project_config(project), ready=readiness.project_config)
    yield ObjectResource(manifest=warehouse(platform, project), ready=readiness.warehouse)
    for stage in project.stages:
        yield StageResource(manifest=stage_manifest(platform, project, stage), ready=readiness.stage)
    for stage in project.stages:
        yield from promoters(project, stage)
    yield from token_resources(context, project)


def _git(platform: Platform, project: Project, login: GitLogin | None) -> Resource:
    if login is None:
        return Awaited(label=f"Secret {project.kargo.namespace}/git", reason=f"Secret of record {RECORD} is there")
    values = {
        "namespace": project.kargo.namespace,
        "url": encoded(git_url(platform, project)),
        "username": encoded(login.username),
        "password": encoded(login.password),
    }
    return ObjectResource(manifest=_one("git.yaml", values))


def _registry(context: Context, project: Project) -> Iterator[Resource]:
    login = context.platform.registry.login
    if login is None:
        return
    values = {
        "namespace": project.kargo.namespace,
        "image": encoded(watched_image(context.platform, project)),
        "username": encoded(login.username),
        "password": encoded(secret_value(context, login.password, what="the password of the registry")),
    }
    yield ObjectResource(manifest=_one("registry.yaml", values))


def _one(file: str, values: Mapping[str, object]) -> Manifest:
    (manifest,) = load_manifest(__package__, file, values)
    return manifest
