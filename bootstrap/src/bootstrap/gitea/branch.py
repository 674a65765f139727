"""Branches of a repository in Gitea."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from bootstrap.gitea.client import Gitea
from bootstrap.gitea.errors import GiteaError
from bootstrap.gitea.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch and the commit at its head."""

    name: str
    commit: str


def find(gitea: Gitea, repository: Repository, name: str) -> Branch | None:
    """Look for a branch."""
    found = gitea.find(_path(repository, name))
    return None if found is None else Branch(name=found["name"], commit=found["commit"]["id"])


def create(gitea: Gitea, repository: Repository, name: str, *, source: str) -> Branch:
    """Make a branch at the head of `source`; one that is there already stays where it is, for others have committed to it."""
    body = {"new_branch_name": name, "old_ref_name": source}
    response = gitea.call("POST", f"{repository.path}/branches", body, accept={404, 409})
    if response.status_code == HTTPStatus.CREATED:
        said = response.json()
        return Branch(name=said["name"], commit=said["commit"]["id"])
    message = str(response.json().get("message"))
    if response.status_code == HTTPStatus.CONFLICT:
        there = find(gitea, repository, name)
        if there is not None:
            return there
        # git keeps branches as files: where there is one named `stage`, there can be no `stage/beta`, nor the other way round.
        raise GiteaError(
            f"the branch {name} can't be made in {repository.full_name}: {message}",
            status=response.status_code,
            hint=f"a tag of the same name, or a branch {name.partition('/')[0]}, is in the way: delete it, or name other stage branches",
        )
    if "empty" in message.lower():
        raise empty(repository, source)
    raise GiteaError(
        f"the branch {name} can't be made in {repository.full_name}: there is no branch {source}",
        status=response.status_code,
        hint=f"push {source}, or set `repository.branch` to the one that is built",
    )


def delete(gitea: Gitea, repository: Repository, name: str) -> None:
    """Delete a branch; one that is gone is fine."""
    gitea.call("DELETE", _path(repository, name), accept={404})


def empty(repository: Repository, branch: str) -> GiteaError:
    """Say that a repository has no commit yet."""
    return GiteaError(
        f"the repository {repository.full_name} is empty, so it has nothing to make branches from",
        status=HTTPStatus.NOT_FOUND,
        hint=f"push into it (git push {repository.clone_url} {branch}), or set `repository.import_from` to a clone on this machine",
    )


def _path(repository: Repository, name: str) -> str:
    return f"{repository.path}/branches/{quote(name, safe='/')}"
