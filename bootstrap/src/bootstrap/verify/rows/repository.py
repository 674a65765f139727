"""Each project has its repository in Gitea, with the branches that the platform works with."""

from collections.abc import Iterator

from bootstrap.gitea import branch, repository
from bootstrap.gitea.client import Gitea
from bootstrap.platform.project import Project
from bootstrap.verify.finding import Finding, Looked, Row
from bootstrap.verify.rows.gitea import client
from bootstrap.verify.scene import Scene
from plugin_kit.errors import PluginError


def _look(scene: Scene) -> Looked:
    projects = scene.platform.projects
    if not projects:
        return Looked(unseen=("platform.yaml has no `projects`",))
    gitea, heads = client(scene), []
    findings: list[Finding] = []
    for project in projects:
        head, found = _project(gitea, project)
        heads.append(head)
        findings += found
    return Looked(at=", ".join(heads), findings=tuple(findings))


def _project(gitea: Gitea, project: Project) -> tuple[str, list[Finding]]:
    wanted = project.repository
    found = repository.find(gitea, wanted.owner, wanted.name)
    if found is None:
        hint = "bootstrap up; where it was deleted by mistake, restore Gitea's backup first: `up` makes an empty one"
        return wanted.full_name, [Finding(where=wanted.full_name, problem="there is no such repository", hint=hint)]
    try:
        repository.check(found)
    except PluginError as error:
        return wanted.full_name, [Finding(where=wanted.full_name, problem=error.message, hint=error.hint or "")]
    head = None if found.empty else branch.find(gitea, found, wanted.branch)
    if head is None:
        hint = f"git push {found.clone_url} {wanted.branch}"
        return wanted.full_name, [
            Finding(where=wanted.full_name, problem=f"it has no branch {wanted.branch}", hint=hint, is_warning=found.empty)
        ]
    return f"{wanted.full_name}, {wanted.branch} at {head.commit[:12]}", list(_stages(gitea, found, project))


def _stages(gitea: Gitea, found: repository.Repository, project: Project) -> Iterator[Finding]:
    missing = [stage.branch for stage in project.stages if branch.find(gitea, found, stage.branch) is None]
    if missing:
        problem = f"it has no {', '.join(missing)}: nothing can be deployed there"
        yield Finding(where=project.repository.full_name, problem=problem, hint="bootstrap up")


ROW = Row(
    name="repository", title="Gitea repo exists", how="Gitea's API is asked for repository and branches", look=_look, needs=("gitea",)
)
