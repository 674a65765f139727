"""Secrets of a repository's pipelines. Their values can be written and never read: a fingerprint, kept by the caller, stands for each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

from bootstrap.core.change import HIDDEN, FieldChange
from bootstrap.core.fingerprint import fingerprint
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSecret:
    """A secret as it is to be. The name is what `from_secret` says."""

    name: str
    value: str = field(repr=False)
    events: tuple[str, ...]
    images: tuple[str, ...] = ()
    """Only plugins of these images may use it; every step where empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    """A secret as Woodpecker shows it."""

    id: int
    name: str
    events: frozenset[str]
    images: frozenset[str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read the API's form."""
        return cls(
            id=int(document["id"]),
            name=str(document["name"]),
            events=frozenset(document.get("events") or ()),
            images=frozenset(document.get("images") or ()),
        )

    def mark(self, key: str, value: str) -> str:
        """Return what the caller keeps: a fingerprint that holds for this secret, and not for another of its name made by hand."""
        return f"{self.id}:{fingerprint(key, self.name, value)}"


def stored(woodpecker: Woodpecker, repository: Repository) -> dict[str, StoredSecret]:
    """Return the secrets of a repository by name."""
    documents = woodpecker.all(f"/repos/{repository.id}/secrets", what=f"read the secrets of {repository.full_name}")
    return {secret.name: secret for secret in map(StoredSecret.of, documents)}


def changes(there: StoredSecret | None, wanted: WantedSecret, key: str, mark: str | None) -> tuple[FieldChange, ...]:
    """Return what `put` would change; `mark` is what was kept when the value was last written."""
    if there is None:
        return (FieldChange(path="value", after=HIDDEN, secret=True),)
    found = []
    if mark != there.mark(key, wanted.value):
        found.append(FieldChange(path="value", before=HIDDEN, after=HIDDEN, secret=True))
    for path, before, after in (("events", there.events, wanted.events), ("images", there.images, wanted.images)):
        if before != frozenset(after):
            found.append(FieldChange(path=path, before=sorted(before), after=sorted(after)))
    return tuple(found)


def put(woodpecker: Woodpecker, repository: Repository, wanted: WantedSecret, there: StoredSecret | None) -> StoredSecret:
    """Make or change a secret, value included; the mark of what is returned is to be kept at once."""
    body = {"name": wanted.name, "value": wanted.value, "events": sorted(wanted.events), "images": sorted(wanted.images)}
    base, of = f"/repos/{repository.id}/secrets", f"secret {wanted.name} of {repository.full_name}"
    # A second POST of a name fails with 500, a PATCH of one that is not there with 404: which of them is right must be known before.
    if there is None:
        return StoredSecret.of(woodpecker.post(base, body, what=f"make the {of}"))
    return StoredSecret.of(woodpecker.patch(f"{base}/{quote(wanted.name, safe='')}", body, what=f"change the {of}"))


def delete(woodpecker: Woodpecker, repository: Repository, names: Iterable[str]) -> None:
    """Delete secrets; those that are not there are no error."""
    for name in names:
        path = f"/repos/{repository.id}/secrets/{quote(name, safe='')}"
        woodpecker.delete(path, what=f"delete the secret {name} of {repository.full_name}")
