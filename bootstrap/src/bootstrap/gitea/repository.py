"""Repositories of Gitea."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from bootstrap.gitea import user
from bootstrap.gitea.client import Gitea
from bootstrap.gitea.errors import GiteaError


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository as Gitea shows it; `id` is what Woodpecker knows it by."""

    id: int
    owner: str
    name: str
    empty: bool
    private: bool
    default_branch: str
    clone_url: str
    archived: bool = False
    mirror: bool = False
    admin: bool = True

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def path(self) -> str:
        """Its path in the API."""
        return path_of(self.owner, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The repository that there should be."""

    owner: str
    name: str
    private: bool = True
    default_branch: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting of a repository that is not as it should be."""

    field: str
    before: object
    after: object


def path_of(owner: str, name: str) -> str:
    """Return a repository's path in the API."""
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def differences(found: Repository, wanted: Wanted) -> tuple[Difference, ...]:
    """Compare what is managed here. The default branch is the owner's choice: nothing here depends on it once the repository is made."""
    if found.private == wanted.private:
        return ()
    return (Difference(field="private", before=found.private, after=wanted.private),)


def check(found: Repository) -> None:
    """Raise GiteaError for a repository that nothing can be pushed into, or that this user can't manage."""
    if found.archived:
        raise GiteaError(
            f"the repository {found.full_name} is archived",
            hint="take it out of the archive (repository settings, Danger Zone), or name another one in platform.yaml",
        )
    if found.mirror:
        raise GiteaError(
            f"the repository {found.full_name} is a mirror of another one: nothing can be pushed into it",
            hint="turn it into a regular repository (repository settings, Danger Zone), or name another one in platform.yaml",
        )
    if not found.admin:
        raise GiteaError(
            f"the repository {found.full_name} is not administered by this user, so it gets neither webhook nor branches",
            hint="add `gitea.admin.name` to it as a collaborator with Administrator rights, or make that user an administrator of Gitea",
        )


def find(gitea: Gitea, owner: str, name: str) -> Repository | None:
    """Look for a repository; None where there is none, or none for this user."""
    found = gitea.find(path_of(owner, name))
    return None if found is None else _repository(found)


def create(gitea: Gitea, wanted: Wanted) -> Repository:
    """Make an empty repository, and its owner, an organisation, where there is nobody of that name. One that is there is left as it is."""
    body = {"name": wanted.name, "private": wanted.private, "auto_init": False, "default_branch": wanted.default_branch}
    response = gitea.call("POST", _place(gitea, wanted.owner), body, accept={409, 422})
    if response.status_code == HTTPStatus.CREATED:
        return _repository(response.json())
    message = response.json().get("message")
    if response.status_code == HTTPStatus.CONFLICT:
        found = find(gitea, wanted.owner, wanted.name)
        if found is not None:
            return found
        raise GiteaError(
            f"Gitea does not make the repository {wanted.owner}/{wanted.name}: {message}",
            status=response.status_code,
            hint="its files may have been left on Gitea's disk without an entry: Site Administration, Repositories, Unadopted Repositories",
        )
    raise GiteaError(
        f"Gitea does not make the repository {wanted.owner}/{wanted.name}: {message}",
        status=response.status_code,
        hint="take another `repository.name` for the project",
    )


def update(gitea: Gitea, found: Repository, changes: tuple[Difference, ...]) -> Repository:
    """Change settings."""
    body = {each.field: each.after for each in changes}
    return _repository(gitea.call("PATCH", found.path, body).json())


def _place(gitea: Gitea, owner: str) -> str:
    if owner.lower() == gitea.user.lower():
        return "/user/repos"
    found = user.find(gitea, owner) or user.create_organization(gitea, owner)
    # For another user only an administrator may.
    prefix = "/orgs" if found.kind is user.Kind.ORGANIZATION else "/admin/users"
    return f"{prefix}/{quote(owner, safe='')}/repos"


def _repository(found: Mapping[str, Any]) -> Repository:
    return Repository(
        id=found["id"],
        owner=found["owner"]["login"],
        name=found["name"],
        empty=bool(found.get("empty")),
        private=bool(found.get("private")),
        default_branch=found.get("default_branch") or "",
        clone_url=found.get("clone_url") or "",
        archived=bool(found.get("archived")),
        mirror=bool(found.get("mirror")),
        admin=bool((found.get("permissions") or {}).get("admin", True)),
    )
