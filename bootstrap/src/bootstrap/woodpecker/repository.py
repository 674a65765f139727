"""Repositories: which of Gitea's Woodpecker builds, and how far they are trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

from bootstrap.core.change import FieldChange
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.errors import ForgeRefusedError, WoodpeckerError

_TRUST = ("network", "volumes", "security")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository that was activated at least once; `document` is all that the API says."""

    id: int
    full_name: str
    remote_id: str
    """Its number in Gitea, which is another one after it was deleted and made again there."""
    active: bool
    document: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read the API's form."""
        return cls(
            id=int(document["id"]),
            full_name=str(document["full_name"]),
            remote_id=str(document.get("forge_remote_id") or ""),
            active=bool(document.get("active")),
            document=dict(document),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a repository is to be set; None leaves a setting to the people who use Woodpecker's own page."""

    network: bool | None = None
    volumes: bool | None = None
    security: bool | None = None
    netrc_trusted: tuple[str, ...] | None = None
    """Images that must be among those which get the forge's login, by full name with tag; others stay."""
    timeout: int | None = None
    """Minutes."""
    cancel_previous: tuple[str, ...] | None = None
    """Events whose older pipelines are cancelled by a newer one."""
    require_approval: str | None = None
    config_file: str | None = None
    allow_deploy: bool | None = None


def changes(repository: Repository, wanted: Settings) -> tuple[FieldChange, ...]:
    """Return what PATCH would change."""
    found = []
    for path, after in _flat(_body(repository, wanted)).items():
        before = _flat(repository.document).get(path)
        if _normal(before) != _normal(after):
            found.append(FieldChange(path=path, before=before, after=after))
    return tuple(found)


def lookup(woodpecker: Woodpecker, full_name: str) -> Repository | None:
    """Return a repository; None where it was never activated, or is not for this user to see."""
    owner, _, name = full_name.partition("/")
    document = woodpecker.find(f"/repos/lookup/{quote(owner, safe='')}/{quote(name, safe='')}", what=f"find {full_name}")
    return None if document is None else Repository.of(document)


def activate(woodpecker: Woodpecker, full_name: str, remote_id: int | str) -> Repository:
    """Activate a repository, which also makes its webhook in Gitea; one that is active already is returned as it is.

    Raises RightError, ForgeRefusedError, WoodpeckerError.
    """
    what = f"activate {full_name}"
    path = f"/repos?forge_remote_id={quote(str(remote_id), safe='')}"
    try:
        response = woodpecker.call("POST", path, what=what, allowed=(HTTPStatus.CONFLICT,))
    except ForgeRefusedError:
        # Its login in Gitea lasts for as long as somebody uses it, and dies when the OAuth2 application gets another secret.
        if not woodpecker.log_in_again():
            raise
        response = woodpecker.call("POST", path, what=what, allowed=(HTTPStatus.CONFLICT,))
    if response.status_code != HTTPStatus.CONFLICT:
        return Repository.of(woodpecker.web.json(response))
    there = lookup(woodpecker, full_name)
    if there is None:
        raise WoodpeckerError(
            f"Woodpecker did not {what}: it has the repository number {remote_id} under another name",
            status=HTTPStatus.CONFLICT,
            hint="it was renamed in Gitea: open it in Woodpecker (Settings, Actions) and press Repair, then run the command again",
        )
    return there


def configure(woodpecker: Woodpecker, repository: Repository, wanted: Settings) -> Repository:
    """Set what is to be set; nothing is sent where it is so already."""
    if not changes(repository, wanted):
        return repository
    document = woodpecker.patch(f"/repos/{repository.id}", _body(repository, wanted), what=f"change the settings of {repository.full_name}")
    return Repository.of(document)


def repair(woodpecker: Woodpecker, repository: Repository) -> None:
    """Have the webhook made anew, under the address that the server has now; raises WoodpeckerError."""
    what = f"repair the webhook of {repository.full_name}"
    try:
        woodpecker.call("POST", f"/repos/{repository.id}/repair", what=what)
    except ForgeRefusedError:
        if not woodpecker.log_in_again():
            raise
        woodpecker.call("POST", f"/repos/{repository.id}/repair", what=what)


def deactivate(woodpecker: Woodpecker, repository: Repository) -> None:
    """Take the webhook away; pipelines, secrets and settings stay for the next activation."""
    woodpecker.call(
        "DELETE", f"/repos/{repository.id}?remove=false", what=f"deactivate {repository.full_name}", allowed=(HTTPStatus.NOT_FOUND,)
    )


def must_be(repository: Repository, remote_id: int | str) -> None:
    """Raise WoodpeckerError where the name now belongs to another repository of Gitea than the one that was activated."""
    if repository.remote_id != str(remote_id):
        raise WoodpeckerError(
            f"Woodpecker's {repository.full_name} is another repository than Gitea's: number {repository.remote_id} there, now {remote_id}",
            hint="it was deleted and made again in Gitea. Delete it in Woodpecker (Settings, Actions: Delete), which also deletes the list "
            "of its pipelines, and run the command again",
        )


def _body(repository: Repository, wanted: Settings) -> dict[str, Any]:
    body: dict[str, Any] = {
        "timeout": wanted.timeout,
        "cancel_previous_pipeline_events": _list(wanted.cancel_previous),
        "require_approval": wanted.require_approval,
        "config_file": wanted.config_file,
        "allow_deploy": wanted.allow_deploy,
    }
    body = {key: value for key, value in body.items() if value is not None}
    trust = {key: getattr(wanted, key) for key in _TRUST if getattr(wanted, key) is not None}
    if trust:
        # All three, since one that is left out might be taken for false.
        body["trusted"] = {key: trust.get(key, (repository.document.get("trusted") or {}).get(key, False)) for key in _TRUST}
    if wanted.netrc_trusted is not None:
        there: Sequence[str] = repository.document.get("netrc_trusted") or []
        body["netrc_trusted"] = [*there, *(image for image in wanted.netrc_trusted if image not in there)]
    return body


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    trusted = document.get("trusted")
    rest = {key: value for key, value in document.items() if key != "trusted"}
    return {**rest, **({f"trusted.{key}": value for key, value in trusted.items()} if isinstance(trusted, Mapping) else {})}


def _normal(value: object) -> object:
    # The server gives lists back sorted or as null.
    return sorted(str(each) for each in value) if isinstance(value, list) else [] if value is None else value
