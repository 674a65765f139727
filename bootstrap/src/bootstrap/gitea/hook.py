"""Webhooks of a repository in Gitea, which takes any number of equal ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bootstrap.gitea.client import Gitea
from bootstrap.gitea.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook as Gitea lists it; its secret is never shown, and its address may hold one (Woodpecker's access_token)."""

    id: int
    url: str = field(repr=False)
    events: frozenset[str]
    active: bool
    content_type: str = "json"
    branch_filter: str = ""

    @property
    def address(self) -> str:
        """Its address without what is secret in it."""
        return _bare(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The webhook that there should be; an empty `branch_filter` means every branch."""

    url: str = field(repr=False)
    events: frozenset[str]
    secret: str = field(default="", repr=False)
    branch_filter: str = ""

    def body(self) -> dict[str, object]:
        """Write it for POST and PATCH. Without `active` a new one sleeps."""
        config = {"url": self.url, "content_type": "json"} | ({"secret": self.secret} if self.secret else {})
        return {"type": "gitea", "config": config, "events": sorted(self.events), "branch_filter": self.branch_filter, "active": True}


class Action(StrEnum):
    """What is to be done about a webhook."""

    KEEP = "keep"
    CREATE = "create"
    UPDATE = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done, with which webhook, and why; `others` go to the same address, too: each push is told once more for each."""

    action: Action
    hook: Hook | None = None
    reasons: tuple[str, ...] = ()
    others: tuple[Hook, ...] = ()


def decide(listed: Sequence[Hook], wanted: Wanted) -> Decision:
    """Decide from what Gitea lists; webhooks are told apart by their address without query."""
    same = sorted(to(listed, wanted.url), key=lambda each: (each.url != wanted.url, each.id))
    if not same:
        return Decision(action=Action.CREATE)
    found, *others = same
    reasons = []
    if found.url != wanted.url:
        reasons.append("its address has another query")
    missing, more = (
        sorted(wanted.events - found.events),
        sorted(each for each in found.events - wanted.events if not _part_of(each, wanted)),
    )
    if missing or more:
        said = (f"misses {', '.join(missing)}" if missing else "", f"has {', '.join(more)} too many" if more else "")
        reasons.append(f"it {' and '.join(filter(None, said))}")
    if not found.active:
        reasons.append("it is switched off")
    if found.content_type != "json":
        reasons.append(f"it sends {found.content_type}, not JSON")
    if found.branch_filter not in {wanted.branch_filter, *({"*"} if not wanted.branch_filter else ())}:
        reasons.append(f"its branches are {found.branch_filter or 'all'}, not {wanted.branch_filter or 'all'}")
    action = Action.UPDATE if reasons else Action.KEEP
    return Decision(action=action, hook=found, reasons=tuple(reasons), others=tuple(others))


def to(listed: Sequence[Hook], url: str) -> list[Hook]:
    """Choose the webhooks that go to an address, whatever their query."""
    return [each for each in listed if each.address == _bare(url)]


def hooks(gitea: Gitea, repository: Repository) -> list[Hook]:
    """List all webhooks of a repository."""
    return [_hook(each) for each in gitea.all(_path(repository))]


def create(gitea: Gitea, repository: Repository, wanted: Wanted) -> Hook:
    """Make a webhook, whatever there is."""
    return _hook(gitea.call("POST", _path(repository), wanted.body()).json())


def update(gitea: Gitea, repository: Repository, found: Hook, wanted: Wanted) -> Hook:
    """Overwrite a webhook."""
    body = {name: value for name, value in wanted.body().items() if name != "type"}
    return _hook(gitea.call("PATCH", f"{_path(repository)}/{found.id}", body).json())


def delete(gitea: Gitea, repository: Repository, found: Hook) -> None:
    """Delete a webhook; one that is gone is fine."""
    gitea.call("DELETE", f"{_path(repository)}/{found.id}", accept={404})


def _path(repository: Repository) -> str:
    return f"{repository.path}/hooks"


def _part_of(event: str, wanted: Wanted) -> bool:
    """Tell whether an event is one of the kinds that Gitea lists for a wanted one: pull_request is ten of them."""
    return any(event.startswith(f"{each}_") for each in wanted.events if each in {"pull_request", "issues"})


def _bare(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def _hook(found: Mapping[str, Any]) -> Hook:
    config = found.get("config") or {}
    return Hook(
        id=found["id"],
        url=config.get("url", ""),
        events=frozenset(found.get("events") or ()),
        active=bool(found.get("active")),
        content_type=config.get("content_type", ""),
        branch_filter=found.get("branch_filter") or "",
    )
