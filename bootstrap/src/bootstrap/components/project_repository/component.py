"""Each project's repository in Gitea."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bootstrap.components.project_repository.clone import CloneResource
from bootstrap.components.project_repository.owner import OwnerResource
from bootstrap.components.project_repository.repository import RepositoryResource
from bootstrap.components.project_repository.snapshot import Forge, Snapshot
from bootstrap.components.project_repository.stage_branch import StageBranchResource
from bootstrap.core.context import Context
from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform


class ProjectRepository:
    """The repositories of the projects, with the branches of their stages. `down` leaves all of it."""

    name = "project-repository"
    title = "Repositories of projects"
    needs: tuple[str, ...] = ("gitea",)

    def enabled(self, platform: Platform) -> bool:
        """Tell whether there are projects."""
        return bool(platform.projects)

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return what each project consists of; only an organisation may be that of several."""
        forge = Forge(context)
        snapshots = [Snapshot(forge, project) for project in context.platform.projects]
        return [*_owners(context, snapshots), *(each for snapshot in snapshots for each in _resources(context, snapshot))]


def _owners(context: Context, snapshots: Sequence[Snapshot]) -> Iterator[Resource]:
    known = {context.platform.gitea.admin.name.lower()}
    for snapshot in snapshots:
        name = snapshot.project.repository.owner
        if name.lower() not in known:
            known.add(name.lower())
            yield OwnerResource(name=name, snapshot=snapshot)


def _resources(context: Context, snapshot: Snapshot) -> Iterator[Resource]:
    project = snapshot.project
    wanted = project.repository
    yield RepositoryResource(project=project, snapshot=snapshot)
    if wanted.import_from is not None:
        yield CloneResource(project=project, folder=context.folder / Path(wanted.import_from).expanduser(), snapshot=snapshot)
    for stage in project.stages:
        yield StageBranchResource(project=project, name=stage.branch, snapshot=snapshot, imported=wanted.import_from is not None)
