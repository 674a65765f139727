"""A Warehouse as Kargo tells of it: what it subscribes to, and what came of its last discovery."""

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from kargo_notify.freight import read_time, same_repository

# The chart's MIN_WAREHOUSE_RECONCILIATION_INTERVAL, which a shorter interval of a Warehouse is raised to.
SHORTEST_INTERVAL = timedelta(minutes=5)

REFRESH = "kargo.akuity.io/refresh"
"""The annotation that asks for a refresh: any value that it did not have before."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")
# What Go's regexp and Python's re read differently, or only one of them at all.
_FOREIGN = re.compile(r"\[\[:|\\[pPzQECZ]|\(\?[=!]|\(\?<[=!]|\(\?[a-zA-Z-]*U|\\[1-9]|[*+?}]\+|\(\?>|\(\?\(|\(\?#")
_SEMVER_LIKE = re.compile(r"v?\d+(\.\d+){0,2}([-+].*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSubscription:
    """A repository that the Warehouse looks at, and which of its tags it takes. `limit` is how many it keeps."""

    repo_url: str
    strategy: str = "SemVer"
    allow: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    constraint: str = ""
    platform: str = ""
    limit: int = 20
    named: bool = False
    cached: bool = False

    def accepts(self, tag: str) -> bool | None:
        """Tell whether a tag passes the filters; None where only Kargo knows."""
        if self.strategy == "Digest":
            return tag == self.constraint
        ignored = _any_match(self.ignore, tag)
        if ignored:
            return False
        allowed = _any_match(self.allow, tag) if self.allow else True
        if allowed is False:
            return False
        if self.strategy == "SemVer":
            # Which versions a constraint takes is Kargo's business; a commit's SHA is no version.
            return None if _SEMVER_LIKE.fullmatch(tag) else False
        return True if allowed and ignored is False else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """An image that the Warehouse has discovered."""

    tag: str
    digest: str
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition of the Warehouse's status."""

    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """A Warehouse.

    `discovered` has each repository's images in Kargo's order, the first of each going into the next Freight; `discovered_at` is Kargo's
    own clock, in whole seconds. `asked` is the refresh that was asked for last, `handled` the one that Kargo has dealt with last.
    """

    name: str
    manual: bool = False
    interval: timedelta = SHORTEST_INTERVAL
    criteria: str = ""
    images: tuple[ImageSubscription, ...] = ()
    others: tuple[str, ...] = ()
    asked: str | None = None
    handled: str | None = None
    discovered_at: datetime | None = None
    discovered: Mapping[str, tuple[Discovered, ...]]
    conditions: Mapping[str, Condition]

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Read the resource `Warehouse` of kargo.akuity.io/v1alpha1."""
        metadata, spec, status = (document.get(key) or {} for key in ("metadata", "spec", "status"))
        subscriptions = [entry for entry in spec.get("subscriptions") or () if isinstance(entry, dict)]
        artifacts = status.get("discoveredArtifacts") or {}
        return cls(
            name=str(metadata.get("name", "")),
            manual=spec.get("freightCreationPolicy") == "Manual",
            interval=max(read_duration(str(spec.get("interval", ""))), SHORTEST_INTERVAL),
            criteria=str((spec.get("freightCreationCriteria") or {}).get("expression", "")).strip(),
            images=tuple(_subscription(entry) for entry in subscriptions if isinstance(entry.get("image"), dict)),
            others=tuple(_other(entry) for entry in subscriptions if not isinstance(entry.get("image"), dict)),
            asked=(metadata.get("annotations") or {}).get(REFRESH),
            handled=status.get("lastHandledRefresh"),
            discovered_at=read_time(artifacts.get("discoveredAt")),
            discovered={str(entry.get("repoURL", "")): _references(entry) for entry in artifacts.get("images") or ()},
            conditions={
                str(entry.get("type", "")): Condition(
                    status=str(entry.get("status", "")), reason=str(entry.get("reason", "")), message=str(entry.get("message", ""))
                )
                for entry in status.get("conditions") or ()
            },
        )

    def subscription(self, repository: str) -> ImageSubscription | None:
        """Return the subscription to a repository, which Kargo may know by another host name."""
        known = [entry.repo_url for entry in self.images]
        return next((entry for entry in self.images if same_repository(repository, entry.repo_url, others=known)), None)

    def subscribed(self, repositories: Iterable[str]) -> tuple[str, ...]:
        """Return those of the repositories that the Warehouse subscribes to."""
        return tuple(repository for repository in repositories if self.subscription(repository))

    def reason(self, condition: str) -> str:
        """Return the reason of a condition, or nothing."""
        found = self.conditions.get(condition)
        return found.reason if found else ""


def read_duration(text: str) -> timedelta:
    """Read a duration of Go (`5m0s`); what is none counts as nothing."""
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(text)))


def _any_match(patterns: tuple[str, ...], tag: str) -> bool | None:
    """Tell whether one of Go's regular expressions, which are not anchored, is found in the tag; None where that can't be told here."""
    unknown = False
    for pattern in patterns:
        if _FOREIGN.search(pattern):
            unknown = True
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = re.search(pattern, tag, re.ASCII)
        except (re.error, Warning, OverflowError, RecursionError):
            unknown = True
            continue
        if found:
            return True
    return None if unknown else False


def _subscription(entry: Mapping[str, Any]) -> ImageSubscription:
    image = entry["image"]
    return ImageSubscription(
        repo_url=str(image.get("repoURL", "")),
        strategy=str(image.get("imageSelectionStrategy") or "SemVer"),
        allow=_texts(image.get("allowTagsRegexes")),
        ignore=_texts(image.get("ignoreTagsRegexes")),
        constraint=str(image.get("constraint") or ""),
        platform=str(image.get("platform") or ""),
        limit=int(image.get("discoveryLimit") or 20),
        named=bool(entry.get("name")),
        cached=bool(image.get("cacheByTag")),
    )


def _other(entry: Mapping[str, Any]) -> str:
    """Name a subscription to a git repository, a chart or something else: Freight needs one of each."""
    for kind, value in entry.items():
        if isinstance(value, dict):
            return f"{kind} {value.get('repoURL') or value.get('name') or ''}".strip()
    return "an unknown kind of subscription"


def _references(entry: Mapping[str, Any]) -> tuple[Discovered, ...]:
    return tuple(
        Discovered(tag=str(each.get("tag", "")), digest=str(each.get("digest", "")), created=read_time(each.get("createdAt")))
        for each in entry.get("references") or ()
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()
