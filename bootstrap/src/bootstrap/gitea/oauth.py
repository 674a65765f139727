"""The OAuth2 application that Woodpecker logs in with.

Gitea takes any number of applications of one name, shows a client secret once, and keeps only its hash. A PATCH gives a new secret every
time; client_id and the users' consents stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bootstrap.gitea.client import Gitea

_PATH = "/user/applications/oauth2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application as Gitea lists it."""

    id: int
    name: str
    client_id: str
    redirect_uris: tuple[str, ...]
    confidential: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The application that there should be. It is confidential: of a public one Gitea asks for PKCE, which Woodpecker does not speak."""

    name: str
    redirect_uris: tuple[str, ...]

    def body(self) -> dict[str, object]:
        """Write it for POST and PATCH."""
        return {"name": self.name, "redirect_uris": list(self.redirect_uris), "confidential_client": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An application just made or changed: the only time that its secret can be had."""

    id: int
    client_id: str
    client_secret: str = field(repr=False)


class Action(StrEnum):
    """What is to be done about the application."""

    KEEP = "keep"
    CREATE = "create"
    ROTATE = "rotate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done, with which application, and why; `others` have the same name and are left alone."""

    action: Action
    application: Application | None = None
    reasons: tuple[str, ...] = ()
    others: tuple[Application, ...] = ()

    @property
    def note(self) -> str:
        """What the plan says: a rotation is never silent."""
        why = "; ".join(self.reasons)
        if self.action is Action.ROTATE:
            return f"rotates the client secret, which restarts Woodpecker: {why}"
        return why

    @property
    def warning(self) -> str:
        """What is said about others of the same name; empty where there are none."""
        if not self.others or self.application is None:
            return ""
        ids = ", ".join(f"{each.client_id} (id {each.id})" for each in self.others)
        return (
            f"Gitea has {len(self.others) + 1} OAuth2 applications named {self.application.name}; {self.application.client_id} is used, "
            f"delete the others in Gitea (Settings, Applications) if nobody else uses them: {ids}"
        )


def decide(listed: Sequence[Application], wanted: Wanted, *, client_id: str | None, client_secret: str | None) -> Decision:
    """Decide from all applications that Gitea lists and what is recorded here.

    An application without its secret (a run that ended between POST and store) gets a new one: nobody has the old.
    """
    named = sorted((each for each in listed if each.name == wanted.name), key=lambda each: each.id)
    if not named:
        return Decision(action=Action.CREATE, reasons=("Gitea has no application of this name any more",) if client_id else ())
    chosen = next((each for each in named if each.client_id == client_id), named[-1])
    others = tuple(each for each in named if each is not chosen)
    reasons = []
    if set(chosen.redirect_uris) != set(wanted.redirect_uris):
        reasons.append(f"its redirect address is {', '.join(chosen.redirect_uris) or 'empty'}, not {', '.join(wanted.redirect_uris)}")
    if not chosen.confidential:
        reasons.append("it is a public client, and has to be a confidential one")
    if not client_id or not client_secret:
        reasons.append("its secret is not recorded")
    elif chosen.client_id != client_id:
        reasons.append(f"the recorded secret is that of {client_id}, which is gone")
    action = Action.ROTATE if reasons else Action.KEEP
    return Decision(action=action, application=chosen, reasons=tuple(reasons), others=others)


def applications(gitea: Gitea) -> list[Application]:
    """List all applications of the user."""
    return [_application(each) for each in gitea.all(_PATH)]


def create(gitea: Gitea, wanted: Wanted) -> Registered:
    """Make an application, whatever there is. Store its secret before anything else."""
    return _registered(gitea.call("POST", _PATH, wanted.body()).json())


def rotate(gitea: Gitea, application: Application, wanted: Wanted) -> Registered:
    """Overwrite an application, which gives it a new secret. Store it before anything else."""
    return _registered(gitea.call("PATCH", f"{_PATH}/{application.id}", wanted.body()).json())


def delete(gitea: Gitea, application: Application) -> None:
    """Delete an application with all its consents; one that is gone is fine."""
    gitea.call("DELETE", f"{_PATH}/{application.id}", accept={404})


def _application(found: Mapping[str, Any]) -> Application:
    return Application(
        id=found["id"],
        name=found["name"],
        client_id=found["client_id"],
        redirect_uris=tuple(found.get("redirect_uris") or ()),
        confidential=bool(found.get("confidential_client")),
    )


def _registered(said: Mapping[str, Any]) -> Registered:
    return Registered(id=said["id"], client_id=said["client_id"], client_secret=said["client_secret"])
