"""Access tokens of Gitea: made with a password, shown once, never again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from bootstrap.gitea.client import Gitea
from bootstrap.gitea.errors import GiteaError

_TAIL = 8
_ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A token as Gitea lists it: its last eight characters, and what it may do."""

    id: int
    name: str
    tail: str
    scopes: frozenset[str]


class Action(StrEnum):
    """What is to be done about a token."""

    KEEP = "keep"
    CREATE = "create"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done, with which listed token, and why."""

    action: Action
    listed: Listed | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A token that there should be."""

    name: str
    scopes: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A token just made: the only time that its value can be had."""

    id: int
    value: str = field(repr=False)


def decide(listed: Sequence[Listed], wanted: Wanted, recorded: str | None) -> Decision:
    """Decide from what Gitea lists and what is recorded here.

    A token of this name without its value (a run that ended between the two) is of no use to anybody, and is replaced.
    """
    found = next((each for each in listed if each.name == wanted.name), None)
    if found is None:
        return Decision(action=Action.CREATE, reason="Gitea has no token of this name" if recorded else "")
    if not recorded:
        return Decision(action=Action.REPLACE, listed=found, reason="its value is not recorded")
    if recorded[-_TAIL:] != found.tail:
        return Decision(action=Action.REPLACE, listed=found, reason="the recorded value is another token's")
    missing = [scope for scope in sorted(wanted.scopes) if not _covered(scope, found.scopes)]
    if missing:
        return Decision(action=Action.REPLACE, listed=found, reason=f"it lacks {', '.join(missing)}")
    return Decision(action=Action.KEEP, listed=found)


def tokens(gitea: Gitea) -> list[Listed]:
    """List the tokens of the user; only a password lets it."""
    return [_listed(each) for each in gitea.all(_path(gitea))]


def create(gitea: Gitea, wanted: Wanted) -> Made:
    """Make a token. Store its value before anything else; raises GiteaError where the name is taken."""
    response = gitea.call("POST", _path(gitea), {"name": wanted.name, "scopes": sorted(wanted.scopes)}, accept={400, 422})
    said = response.json()
    if response.status_code != HTTPStatus.CREATED:
        raise GiteaError(
            f"Gitea does not make the token {wanted.name}: {said.get('message')}",
            status=response.status_code,
            hint=f"delete it in Gitea (Settings, Applications of {gitea.user}), then run it again",
        )
    return Made(id=said["id"], value=said["sha1"])


def replace(gitea: Gitea, listed: Listed, wanted: Wanted) -> Made:
    """Delete a token and make another of the same name: whoever still uses the old one is logged out."""
    delete(gitea, listed)
    return create(gitea, wanted)


def delete(gitea: Gitea, listed: Listed) -> None:
    """Delete a token; one that is gone is fine."""
    gitea.call("DELETE", f"{_path(gitea)}/{listed.id}", accept={404})


def _path(gitea: Gitea) -> str:
    return f"/users/{quote(gitea.user, safe='')}/tokens"


def _covered(scope: str, has: frozenset[str]) -> bool:
    level, _, category = scope.partition(":")
    return bool({_ALL, scope} & has) or (level == "read" and f"write:{category}" in has)


def _listed(found: Mapping[str, Any]) -> Listed:
    return Listed(id=found["id"], name=found["name"], tail=found["token_last_eight"], scopes=frozenset(found.get("scopes") or ()) - {""})
