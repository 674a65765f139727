"""Gitea's users and organisations."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from bootstrap.gitea.client import Gitea
from bootstrap.gitea.errors import GiteaError
from bootstrap.platform.gitea import Owner

_NAME: TypeAdapter[str] = TypeAdapter(Owner)


class Kind(StrEnum):
    """What may own a repository."""

    USER = "user"
    ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user or an organisation."""

    id: int
    name: str
    kind: Kind


def problem(name: str) -> str:
    """Say what is wrong with a name, for users and organisations; empty where nothing is. No call is made."""
    try:
        _NAME.validate_python(name)
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    return ""


def find(gitea: Gitea, name: str) -> User | None:
    """Look for a user or an organisation."""
    path = quote(name, safe="")
    organization = gitea.find(f"/orgs/{path}")
    if organization is not None:
        return _user(organization, Kind.ORGANIZATION)
    found = gitea.find(f"/users/{path}")
    return None if found is None else _user(found, Kind.USER)


def create(gitea: Gitea, name: str, *, email: str, password: str) -> User:
    """Make a user, who need not change the password; an administrator's call. One that is there already is left as it is."""
    _refuse(name)
    body = {"username": name, "email": email, "password": password, "must_change_password": False}
    response = gitea.call("POST", "/admin/users", body, accept={400, 422})
    if response.status_code == HTTPStatus.CREATED:
        return _user(response.json(), Kind.USER)
    found = find(gitea, name)
    if found is not None:
        return found
    message = str(response.json().get("message"))
    weak = response.status_code == HTTPStatus.BAD_REQUEST
    raise GiteaError(
        f"Gitea does not make the user {name}: {'the password is too weak' if weak else message}",
        status=response.status_code,
        hint=f"take a longer password, with letters, digits and signs ({message})" if weak else "another user may have the same address",
    )


def create_organization(gitea: Gitea, name: str) -> User:
    """Make an organisation; one that is there already is left as it is."""
    _refuse(name)
    response = gitea.call("POST", "/orgs", {"username": name}, accept={422})
    if response.status_code == HTTPStatus.CREATED:
        return _user(response.json(), Kind.ORGANIZATION)
    found = find(gitea, name)
    if found is None:
        raise GiteaError(
            f"Gitea does not make the organisation {name}: {response.json().get('message')}",
            status=response.status_code,
            hint="take another `repository.owner`",
        )
    return found


def _refuse(name: str) -> None:
    wrong = problem(name)
    if wrong:
        raise GiteaError(f"Gitea can't have a user or an organisation of this name: {wrong}", hint="take another name in platform.yaml")


def _user(found: dict[str, Any], kind: Kind) -> User:
    return User(id=found["id"], name=found.get("login") or found["username"], kind=kind)
