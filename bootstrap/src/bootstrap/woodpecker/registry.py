"""Logins with which the images of a repository's steps are pulled. As with secrets, the password can't be read again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

from bootstrap.core.change import HIDDEN, FieldChange
from bootstrap.core.fingerprint import fingerprint
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRegistry:
    """A login as it is to be. Woodpecker compares the address with that of an image to the letter, port included."""

    address: str
    username: str
    password: str = field(repr=False)

    def mark(self, key: str) -> str:
        """Return what the caller keeps when the login was written. The API gives every one the number 0, so it can't be bound to that."""
        return fingerprint(key, self.address, self.username, self.password)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRegistry:
    """A login as Woodpecker shows it; a read-only one comes from the server's own configuration."""

    address: str
    username: str
    read_only: bool

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read the API's form."""
        return cls(address=str(document["address"]), username=str(document.get("username") or ""), read_only=bool(document.get("readonly")))


def stored(woodpecker: Woodpecker, repository: Repository) -> dict[str, StoredRegistry]:
    """Return the logins of a repository by address."""
    documents = woodpecker.all(f"/repos/{repository.id}/registries", what=f"read the registry logins of {repository.full_name}")
    return {registry.address: registry for registry in map(StoredRegistry.of, documents) if not registry.read_only}


def changes(there: StoredRegistry | None, wanted: WantedRegistry, key: str, mark: str | None) -> tuple[FieldChange, ...]:
    """Return what `put` would change; `mark` is what was kept when the login was last written."""
    if there is None:
        return (FieldChange(path="username", after=wanted.username), FieldChange(path="password", after=HIDDEN, secret=True))
    if there.username != wanted.username:
        return (
            FieldChange(path="username", before=there.username, after=wanted.username),
            FieldChange(path="password", before=HIDDEN, after=HIDDEN, secret=True),
        )
    return () if mark == wanted.mark(key) else (FieldChange(path="password", before=HIDDEN, after=HIDDEN, secret=True),)


def put(woodpecker: Woodpecker, repository: Repository, wanted: WantedRegistry, there: StoredRegistry | None) -> None:
    """Make or change a login; its mark is to be kept at once."""
    body = {"address": wanted.address, "username": wanted.username, "password": wanted.password}
    base, of = f"/repos/{repository.id}/registries", f"login for {wanted.address} of {repository.full_name}"
    if there is None:
        woodpecker.post(base, body, what=f"make the {of}")
    else:
        woodpecker.patch(f"{base}/{quote(wanted.address, safe='')}", body, what=f"change the {of}")
