"""What a person reads: what is to be released, what a dry run would do, and what has become of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kargo_notify.expected import Plan
from kargo_notify.kargo import way
from kargo_notify.notify import Outcome
from kargo_notify.publish import Intention, Published
from kargo_notify.verify import Found
from plugin_kit.console import Console, counted, lasting

if TYPE_CHECKING:
    from kargo_notify.settings import Settings

_SHORT = 12
_SHOWN_DIGEST = len("sha256:") + 12


def plan(plan: Plan, settings: "Settings", console: Console) -> None:
    """Print what is to be released, and in which order."""
    console.info(f"commit {plan.revision[:_SHORT]}: {counted(len(plan.images), 'image')}, by {plan.origin}")
    if plan.held and plan.watched:
        console.info(f"watched by Kargo, so tagged last: {', '.join(plan.watched)}")
    elif plan.held and len(plan.images) > 1 and way(settings) != "none":
        console.warn(
            "which image Kargo watches is not known, so Kargo may see its tag before the others have theirs",
            hint="set `watch` to the image that the Warehouse subscribes to",
        )


def intention(plan: Plan, intention: Intention, settings: "Settings", console: Console) -> None:
    """Print what a run would do."""
    for stage in intention.stages:
        console.info(f"would set {stage.title}: {counted(len(stage.moves), 'tag')}")
        for move in stage.moves:
            console.detail(str(move))
    if plan.held and not intention.stages:
        console.info(f"{plan.revision[:_SHORT]} is released already: no tag would be set")
    if intention.latest is not None and not intention.latest.moves:
        console.info(f"{' and '.join(plan.forward_tags)} would stay: {intention.latest.reason}")
    console.info(f"would tell Kargo: {_way(settings)}")


def rehearsed(console: Console) -> None:
    """Print how a dry run ends."""
    console.info("DRY RUN: the images were verified, and nothing was changed")


def released(plan: Plan, found: Sequence[Found], published: Published, console: Console) -> None:
    """Print the table of images, and the tags that they have."""
    standing: dict[str, list[str]] = {}
    for repository, tag in sorted(published.standing):
        standing.setdefault(repository, []).append(tag)
    rows = [[each.expected.name, each.manifest.digest[:_SHOWN_DIGEST], ", ".join(each.platforms), each.blobs] for each in found]
    console.table(["image", "digest", "platforms", "blobs"], rows, align="lllr")
    console.info(f"{counted(len(found), 'image')} of {plan.revision[:_SHORT]}: {_tags(found, published, standing)}")


def outcome(outcome: Outcome, console: Console) -> None:
    """Print what has come of telling Kargo."""
    if not outcome.said:
        console.info(outcome.message)


def _tags(found: Sequence[Found], published: Published, standing: dict[str, list[str]]) -> str:
    """Name the tags that all images have, in the order in which they are wanted."""
    shared = set.intersection(*(set(standing.get(str(each.expected.repository), ())) for each in found)) if found else set()
    wanted = dict.fromkeys(tag for each in found for tag in each.expected.wanted_tags)
    tags = ", ".join(tag for tag in wanted if tag in shared)
    return f"released as {tags or ', '.join(published.tags)}" if published.moved else f"in the registry as {tags or 'recorded'}"


def _way(settings: "Settings") -> str:
    way_taken = way(settings)
    if way_taken == "none":
        return "no (`via: none`)"
    wait = f", and wait {lasting(settings.wait.total_seconds())} for the Freight" if settings.wait and way_taken != "webhook" else ""
    target = f"Warehouse {settings.warehouse} by {way_taken}" if way_taken != "webhook" else "its webhook receiver"
    return f"{target}{wait}"
