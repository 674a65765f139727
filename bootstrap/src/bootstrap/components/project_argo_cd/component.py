"""Each project in Argo CD: a Secret with the login for its repository, and an Application for each of its stages."""

from collections.abc import Iterator, Sequence

from bootstrap.components.encoding import encoded
from bootstrap.components.forge import RECORD, GitLogin, git_login, git_url
from bootstrap.components.project_argo_cd.application import ApplicationResource
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, load_manifest
from bootstrap.core.resource import Awaited, ObjectResource, Resource
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project
from bootstrap.platform.stage import Stage


class ProjectArgoCd:
    """What Argo CD knows of the projects."""

    name = "project-argo-cd"
    title = "Projects in Argo CD"
    needs: tuple[str, ...] = ("argo-cd", "project-repository")

    def enabled(self, platform: Platform) -> bool:
        """Tell whether there are projects."""
        return bool(platform.projects)

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return what each project consists of; none has anything of another one in it."""
        login = git_login(context)
        return [resource for project in context.platform.projects for resource in _resources(context.platform, project, login)]


def application(platform: Platform, project: Project, stage: Stage) -> Manifest:
    """Return the Application of a stage."""
    values = {
        "name": stage.application,
        "namespace": platform.argo_cd.chart.namespace,
        "kargo_project": project.kargo.namespace,
        "stage": stage.name,
        "app_project": platform.argo_cd.project,
        "target": stage.namespace,
        "url": git_url(platform, project),
        "path": project.chart_path,
        "branch": stage.branch,
        "values_files": list(stage.values_files),
    }
    (manifest,) = load_manifest(__package__, "application.yaml", values)
    return manifest


def _resources(platform: Platform, project: Project, login: GitLogin | None) -> Iterator[Resource]:
    yield _repository(platform, project, login)
    for stage in project.stages:
        yield ApplicationResource(manifest=application(platform, project, stage))


def _repository(platform: Platform, project: Project, login: GitLogin | None) -> Resource:
    namespace = platform.argo_cd.chart.namespace
    if login is None:
        return Awaited(label=f"Secret {namespace}/repository-{project.name}", reason=f"Secret of record {RECORD} is there")
    values = {
        "project": project.name,
        "namespace": namespace,
        "type": encoded("git"),
        "url": encoded(git_url(platform, project)),
        "username": encoded(login.username),
        "password": encoded(login.password),
    }
    (manifest,) = load_manifest(__package__, "repository.yaml", values)
    return ObjectResource(manifest=manifest)
