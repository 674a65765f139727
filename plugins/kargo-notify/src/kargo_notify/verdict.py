"""What a Warehouse's status says about a commit's Freight: pure, from two readings of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kargo_notify.commit import Commit, Match
from kargo_notify.freight import Artifact
from kargo_notify.warehouse import Discovered, Warehouse
from plugin_kit.console import counted
from plugin_kit.reference import is_full_sha

_LONGEST = 240
# While Kargo is at work, its conditions are False without anything being wrong.
_AT_WORK = frozenset({"DiscoveryInProgress", "AwaitingFreightCreation"})
_CONDITIONS = ("Ready", "Healthy")
_REQUEST = re.compile(r'\b(?:GET|HEAD|Get|Head) "?https?://.*', re.DOTALL)
_WRAPPING = re.compile(r"^(?:[A-Z][\w ]*failed|error [^:\"]*(?:\"[^\"]*\")?)(?:[^:]*): ")

_DISTRUST = (
    "Kargo does not trust the registry's certificate: set controller.cabundle of its chart, or insecureSkipTLSVerify in the subscription"
)
# What Kargo's discovery says, by a sign in it, and what the user can do.
COMPLAINTS: Mapping[str, str] = {
    "MANIFEST_UNKNOWN": "a tag without manifest stops Kargo's discovery: set the tag again or remove it from the registry",
    "NAME_UNKNOWN": "the registry has no such repository: compare `repoURL` of the Warehouse with where the images are pushed to",
    "UNAUTHORIZED": "Kargo has no login for the registry: it wants a Secret labelled kargo.akuity.io/cred-type: image",
    "DENIED": "Kargo's login may not read the registry: check the Secret labelled kargo.akuity.io/cred-type: image",
    "server gave HTTP response": "Kargo speaks https to host names: give the registry a certificate, or subscribe by a private IP address",
    "x509": _DISTRUST,
    "certificate": _DISTRUST,
    "no such host": "Kargo's controller can't resolve the registry's name: the name must be known inside the cluster, too",
    "connection refused": "Kargo's controller can't reach the registry under this address",
    "i/o timeout": "Kargo's controller can't reach the registry under this address",
    "TOOMANYREQUESTS": "the registry limits requests: `cacheByTag: true` in the subscription saves most of them",
    "allowTags": "`allowTags` and `ignoreTags` are no more: use `allowTagsRegexes` and `ignoreTagsRegexes`",
}


class State(StrEnum):
    """How a commit's Freight stands."""

    PENDING = "pending"  # the refresh has not been handled yet
    FAILED = "failed"  # handled, but nothing was discovered: ask again
    ABSENT = "absent"  # discovered anew, and our tag is not there
    READY = "ready"  # our images are first: the Freight is to come
    SUPERSEDED = "superseded"  # a newer commit's image is first
    BEATEN = "beaten"  # an image that is not newer is first
    UNMET = "unmet"  # the Warehouse's criteria keep the Freight from being made
    BROKEN = "broken"  # Kargo can't make Freight at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known about the Freight, in words."""

    state: State
    message: str = ""
    details: tuple[str, ...] = ()
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the Warehouse said before the refresh: the refresh it had handled last, and when it had discovered last (its own clock)."""

    handled: str | None
    discovered_at: datetime | None

    @classmethod
    def of(cls, warehouse: Warehouse) -> "Before":
        """Remember what matters of a reading."""
        return cls(handled=warehouse.handled, discovered_at=warehouse.discovered_at)


def judge(before: Before, now: Warehouse, commit: Commit, found: Sequence[Match]) -> Verdict:
    """Tell how the commit's Freight stands.

    "Handled" is not "discovered": Kargo notes a refresh as handled even when discovery failed, and is Ready again a moment later with its
    old list. Only `discoveredAt`, in whole seconds of Kargo's clock, tells them apart.
    """
    ours = [match for match in found if match.accepted]
    if now.handled is None or now.handled != now.asked:
        return Verdict(state=State.PENDING, message="Kargo has not handled the refresh yet")
    failure = discovery_failure(now)
    if failure:
        return failure
    places = [_place(now, match) for match in ours]
    if not all(place is not None for place in places):
        return _not_there(before, now, commit, ours, places)
    behind = [(match, place) for match, place in zip(ours, places, strict=True) if place]
    if behind:
        return _behind(now, commit, behind)
    if now.handled == before.handled:
        return _not_noticed()
    return _creation(now) or Verdict(state=State.READY, message="Kargo has discovered the images and makes the Freight")


def shortened(message: str) -> str:
    """Cut Kargo's chain of wrapped errors down to its end, where the cause is."""
    request = _REQUEST.search(message)
    text = request.group() if request else message
    while not request and _WRAPPING.match(text):
        text = _WRAPPING.sub("", text, count=1)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def advice(message: str) -> str | None:
    """Say what to do about a complaint of Kargo's discovery."""
    return next((hint for sign, hint in COMPLAINTS.items() if sign in message), None)


def discovery_failure(now: Warehouse) -> Verdict | None:
    """Tell why Kargo could not read the registry the last time, where it says so."""
    for name in _CONDITIONS:
        condition = now.conditions.get(name)
        if condition is not None and condition.reason in {"DiscoveryFailure", "DiscoveryFailed"}:
            return Verdict(
                state=State.FAILED,
                message="Kargo could not read the registry",
                details=(shortened(condition.message),),
                hint=advice(condition.message),
            )
    return None


def _place(now: Warehouse, match: Match) -> int | None:
    """Return where in Kargo's list our image stands, 0 for the first; None where it does not."""
    listed = now.discovered.get(match.subscription.repo_url, ())
    wanted = {(artifact.tag, artifact.digest) for artifact in match.artifacts}
    return next((index for index, each in enumerate(listed) if (each.tag, each.digest) in wanted), None)


def _not_there(before: Before, now: Warehouse, commit: Commit, ours: Sequence[Match], places: Sequence[int | None]) -> Verdict:
    missing = [match for match, place in zip(ours, places, strict=True) if place is None]
    if now.handled == before.handled:
        return _not_noticed()
    if now.discovered_at is None or now.discovered_at == before.discovered_at:
        return Verdict(
            state=State.FAILED,
            message="Kargo handled the refresh without a new look at the registry: it could not read it, or had just done so",
        )
    other = [_other_digest(now, match) for match in missing]
    if any(other):
        return Verdict(
            state=State.BROKEN,
            message=f"Kargo knows the tag of {commit.short} with another digest",
            details=tuple(line for line in other if line),
            hint="with `cacheByTag` Kargo never looks at a tag twice: restart its controller, or make a new commit",
        )
    crowded = [_crowded_out(now, match, commit.created) for match in missing]
    if all(crowded):
        return Verdict(
            state=State.SUPERSEDED,
            message=f"{commit.short} is superseded: Kargo keeps only newer images",
            details=tuple(line for line in crowded if line),
        )
    return Verdict(
        state=State.ABSENT,
        message=f"Kargo has looked at the registry and did not find {commit.short}",
        details=tuple(line for match in missing for line in _why_absent(now, match)),
        hint="compare `repoURL`, `platform` and the tag filters of the Warehouse with the tags in the registry",
    )


def _not_noticed() -> Verdict:
    # It notes the second of the request, so that two within one are one.
    return Verdict(state=State.FAILED, message="Kargo has not noticed the refresh, or took it for the one before")


def _other_digest(now: Warehouse, match: Match) -> str | None:
    tags = {artifact.tag: artifact.digest for artifact in match.artifacts}
    for each in now.discovered.get(match.subscription.repo_url, ()):
        if each.tag in tags and each.digest != tags[each.tag]:
            return f"{match.subscription.repo_url}:{each.tag} is {each.digest} for Kargo, and {tags[each.tag]} in the registry"
    return None


def _crowded_out(now: Warehouse, match: Match, created: datetime | None) -> str | None:
    listed = now.discovered.get(match.subscription.repo_url, ())
    full = len(listed) >= match.subscription.limit
    if full and created and all(each.created is not None and each.created > created for each in listed):
        return f"{match.subscription.repo_url}: {len(listed)} newer images (discoveryLimit {match.subscription.limit})"
    return None


def _why_absent(now: Warehouse, match: Match) -> list[str]:
    subscription = match.subscription
    listed = now.discovered.get(subscription.repo_url, ())
    newest = f", the first is {_short(listed[0].tag)}" if listed else ""
    lines = [f"{subscription.repo_url}: {counted(len(listed), 'image')} discovered{newest}"]
    if subscription.platform:
        lines.append(
            f"  platform {subscription.platform} is asked for: a single manifest never has one for Kargo, only the parts of an index do"
        )
    if not any(subscription.accepts(artifact.tag) for artifact in match.artifacts):
        filters = ", ".join([*subscription.allow, *(f"not {each}" for each in subscription.ignore), subscription.constraint]).strip(", ")
        lines.append(f"  {subscription.strategy}{f' with {filters}' if filters else ''} may not take {match.artifacts[0].tag}")
    if subscription.strategy != "NewestBuild" and len(listed) >= subscription.limit:
        lines.append(f"  only {subscription.limit} images are kept (discoveryLimit), sorted by {subscription.strategy}")
    return lines


def _behind(now: Warehouse, commit: Commit, behind: Sequence[tuple[Match, int]]) -> Verdict:
    pairs = [
        (match, now.discovered[match.subscription.repo_url][0], now.discovered[match.subscription.repo_url][place])
        for match, place in behind
    ]
    details = tuple(_ahead(match, first, own) for match, first, own in pairs)
    times = [(first.created, own.created or commit.created) for _, first, own in pairs]
    if all(first is not None and own is not None and first > own for first, own in times):
        newer = ", ".join(dict.fromkeys(_short(first.tag) for _, first, _ in pairs))
        return Verdict(state=State.SUPERSEDED, message=f"{commit.short} is superseded by the newer {newer}", details=details)
    others = [match.subscription.strategy for match, _ in behind if match.subscription.strategy != "NewestBuild"]
    if others:
        message = f"Kargo puts another image before {commit.short}: its Warehouse sorts by {others[0]}, not by age"
        hint = "use `imageSelectionStrategy: NewestBuild`, which goes by org.opencontainers.image.created"
    elif any(first == own for first, own in times):
        message = f"Kargo puts an image of the same second before {commit.short}: it sorts those by tag, which for SHAs is chance"
        hint = "make a new commit, or promote this one by hand once it has Freight; registry-push gives each commit a time of its own"
    else:
        message = f"Kargo puts an older image before {commit.short}"
        hint = "look at org.opencontainers.image.created of both images: Kargo goes by it"
    return Verdict(state=State.BEATEN, message=message, details=details, hint=hint)


def _ahead(match: Match, first: Discovered, own: Discovered) -> str:
    return f"{match.subscription.repo_url}: {_short(first.tag)} ({_said(first.created)}) before {_short(own.tag)} ({_said(own.created)})"


def _short(tag: str) -> str:
    return tag[:12] if is_full_sha(tag) else tag


def _said(moment: datetime | None) -> str:
    return f"created {moment.isoformat().replace('+00:00', 'Z')}" if moment else "of unknown age"


def _creation(now: Warehouse) -> Verdict | None:
    """Tell why Kargo makes no Freight of images that it has discovered."""
    for name in _CONDITIONS:
        condition = now.conditions.get(name)
        if condition is not None and condition.status == "False" and condition.reason not in _AT_WORK:
            return Verdict(
                state=State.BROKEN,
                message=f"Kargo can't make Freight of what Warehouse {now.name} has discovered ({condition.reason})",
                details=(shortened(condition.message),),
                hint="the expression is `freightCreationCriteria` of the Warehouse" if "Criteria" in condition.reason else None,
            )
    criteria = now.conditions.get("FreightCreationCriteriaSatisfied")
    if criteria is not None and criteria.status == "False":
        first = {url: (images[0].tag if images else "nothing") for url, images in now.discovered.items()}
        return Verdict(
            state=State.UNMET,
            message=f"the criteria of Warehouse {now.name} are not met: Kargo makes no Freight of the images that it found",
            details=(*_differing(first), f"criteria: {' '.join(now.criteria.split())}"),
            hint="the images that differ belong to another commit: their tags are not released, or another pipeline's are newer",
        )
    return None


def _differing(first: Mapping[str, str]) -> list[str]:
    """List what each repository has first, those that differ from the most before the others."""
    tags = list(first.values())
    common = max(tags, key=tags.count) if tags else ""
    lines = [f"{url} has {_short(tag)}" for url, tag in first.items() if tag != common]
    same = [url for url, tag in first.items() if tag == common]
    return [*lines, f"{len(same)} of {len(first)} have {_short(common)}" if len(same) > 1 else f"{', '.join(same)} has {_short(common)}"]


def missing_artifacts(warehouse: Warehouse, found: Sequence[Match], commit: Commit) -> tuple[tuple[Artifact, ...], tuple[str, ...]]:
    """Return the artifacts of a Freight made by hand, one for each subscription, and what is subscribed to that it does not have."""
    matched = {match.subscription.repo_url: match for match in found if match.accepted}
    missing = [f"image {entry.repo_url}" for entry in warehouse.images if entry.repo_url not in matched]
    return tuple(match.chosen(commit.revision) for match in matched.values()), (*missing, *warehouse.others)
