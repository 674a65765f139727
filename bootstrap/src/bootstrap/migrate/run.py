"""One run: which project a folder is about, what is read, and what is planned for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap import abridged
from bootstrap.migrate import repository
from bootstrap.migrate.aim import aim, on_github
from bootstrap.migrate.plan import Plan, plan
from bootstrap.migrate.references import REFERENCE
from bootstrap.migrate.repository import Repository
from bootstrap.migrate.source import is_workflow, survey
from bootstrap.migrate.write import write
from bootstrap.platform.load import Loaded
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project
from plugin_kit.console import counted
from plugin_kit.errors import PluginError

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A repository, and what is planned for it."""

    repository: Repository
    plan: Plan

    def write(self) -> None:
        """Make the changes; where there are problems, there is none."""
        if self.plan.changes:
            write(self.repository.root, self.plan.changes)

    def warnings(self) -> Iterator[str]:
        """Yield what a person should know before it is written: how it can be undone."""
        if not self.repository.has_git:
            yield f"{self.repository.root} is no git repository: keep a copy, nothing here can be undone"
            return
        touched = [change.path for change in self.plan.changes if change.before is not None]
        if lost := [path for path in touched if path in self.repository.modified]:
            told = abridged.names(lost, _NAMED)
            yield f"{counted(len(lost), 'file')} with changes that are not committed, which `git restore` would undo, too: {told}"
        if unknown := [path for path in touched if path in self.repository.untracked]:
            told = abridged.names(unknown, _NAMED)
            yield f"git does not know {counted(len(unknown), 'file')}, and nothing brings back what was in there: {told}"


def prepare(folder: Path, loaded: Loaded, *, project: str | None, given: Sequence[str], exclude: Sequence[str]) -> Migration:
    """Read a repository and plan its migration; PluginError where it is not clear which project, or whose images, it is about."""
    found = repository.read(folder, exclude=exclude)
    chosen = _project(loaded.platform, found, project)
    source = survey(found)
    owners = tuple(dict.fromkeys(_owners(found, chosen)))
    if not owners and not given and not source.problems:
        _explain_owners(found)
    wanted = aim(loaded.platform, chosen, owners=owners, given=given)
    return Migration(repository=found, plan=plan(source, wanted, loaded.platform, chosen))


def _project(platform: Platform, found: Repository, name: str | None) -> Project:
    names = ", ".join(project.name for project in platform.projects)
    if name is not None:
        chosen = next((project for project in platform.projects if project.name == name), None)
        if chosen is None:
            raise PluginError(f"platform.yaml has no project {name}", hint=f"it has {names or 'none'}")
        return chosen
    if not platform.projects:
        raise PluginError("platform.yaml has no project", hint="write the repository into `projects`: where its images go stands there")
    if len(platform.projects) == 1:
        return platform.projects[0]
    fitting = [project for project in platform.projects if _fits(project, found)]
    if len(fitting) != 1:
        raise PluginError(f"which project is {found.root}?", hint=f"name it with --project: {names}")
    return fitting[0]


def _fits(project: Project, found: Repository) -> bool:
    if project.repository.import_from and Path(project.repository.import_from).expanduser().resolve() == found.root.resolve():
        return True
    tails = {url.rstrip("/").removesuffix(".git").replace(":", "/").rpartition("/")[2] for url in found.remotes.values()}
    return project.repository.name in tails or found.root.resolve().name in {project.name, project.repository.name}


def _owners(found: Repository, project: Project) -> Iterator[str]:
    """Yield the accounts on GitHub that the repository was under: by its remotes and its mirror, else by the names of its images."""
    told = [on_github(url) for url in found.remotes.values()]
    told += [on_github(project.mirror.remote)] if project.mirror else []
    known = [name.partition("/")[0] for name in told if name]
    if known:
        yield from known
        return
    ours = {project.name.lower(), project.repository.name.lower(), project.registry_project.lower()}
    for path in _paths(found):
        owner, _, rest = path.lower().partition("/")
        if rest and (rest in ours or rest.partition("/")[0] in ours):
            yield owner


def _explain_owners(found: Repository) -> None:
    owners = sorted({path.partition("/")[0] for path in _paths(found) if path})
    if owners:
        raise PluginError(
            f"whose images on GHCR are this project's? There are those of {', '.join(owners)}",
            hint=f"name the beginning of theirs: --from ghcr.io/{owners[0]}",
        )


def _paths(found: Repository) -> Iterator[str]:
    for file in found.files:
        if not is_workflow(file.path):
            yield from (match[1] or "" for match in REFERENCE.finditer(file.text))
