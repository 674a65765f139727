"""What a person reads: the plan, the table at the end."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_kit.console import Console, counted, size
from plugin_kit.latest import SAME_COMMIT
from plugin_kit.release import Release, candidate_tag
from registry_push import record
from registry_push.builder import describe
from registry_push.plan import Plan, Target
from registry_push.progress import Outcome
from registry_push.released import Decision

if TYPE_CHECKING:
    from registry_push.settings import Settings

_SHOWN_DIGEST = len("sha256:") + 12


def plan(plan: Plan, settings: "Settings", workspace: Path, console: Console) -> None:
    """Print the plan, as `--dry-run` shows it."""
    console.info(f"commit {plan.revision}{f' of {plan.source}' if plan.source else ''}")
    rows = [[target.name, _origin(target, workspace), _destination(plan, target)] for target in plan.targets]
    bases = len(plan.targets) - len(plan.pushed)
    title = counted(len(plan.pushed), "image") + (f" and {counted(bases, 'base')}" if bases else "")
    console.table(["image", "from", "repository"], rows, title=title)
    console.info(f"builder: {describe(plan.builders)}; cache: {_cache(plan, settings)}")
    if not plan.push:
        console.info(f"nothing is pushed: {plan.tags.reason or '`dry_run: true` builds only'}")
        return
    tags = ", ".join(plan.tags.wanted)
    console.info(f"tags: {candidate_tag(plan.revision)}; held for kargo-notify: {tags}" if plan.hold else f"tags: {tags}")
    if plan.releases:
        console.info(f"release record: {plan.releases}")


def decision(decision: Decision, plan: Plan, console: Console) -> None:
    """Print what the registry's state changes in the plan, as `--dry-run` shows it."""
    if not decision.build:
        console.info("the commit is built already: nothing would be built")
    elif decision.keep:
        console.info(f"in the registry already, and kept: {counted(len(decision.keep), 'image')} of this commit")
    if plan.tags.forward:
        name = plan.tags.forward[0]
        if decision.forward.reason == SAME_COMMIT:
            console.info(f"{name} stays: it is this commit already")
            return
        console.info(f"{name} would {'move' if decision.forward.moves else 'stay'}: {decision.forward.reason}")


def built(plan: Plan, outcomes: Mapping[str, Outcome], console: Console) -> None:
    """Print how a build without push went."""
    rows = [[target.name, record.state(outcomes[target.id]), _seconds(outcomes[target.id])] for target in plan.targets]
    console.table(["image", "", "time"], rows, align="llr")
    console.info(f"{counted(len(rows), 'image')} ({_counted(row[1] for row in rows)}), nothing pushed")


def released(release: Release, outcomes: Mapping[str, Outcome], plan: Plan, console: Console) -> None:
    """Print the table of images and one line of totals; `outcomes` are those of this run, the rest was kept."""
    ids = {str(target.repository): target.id for target in plan.pushed}
    rows = []
    for image in release.images:
        outcome = outcomes.get(ids.get(image.repository, ""))
        rows.append([image.name, record.state(outcome), image.digest[:_SHOWN_DIGEST], size(image.size), _seconds(outcome)])
    console.table(["image", "", "digest", "size", "time"], rows, align="lllrr")
    tag = release.images[0].tag if release.images else ""
    console.info(f"{counted(len(rows), 'image')} ({_counted(row[1] for row in rows)}) in the registry as {tag}")


def _counted(states: Iterable[str]) -> str:
    counts = Counter(states)
    return ", ".join(f"{counts[name]} {name}" for name in ("built", "cached", "kept") if name in counts)


def _seconds(outcome: Outcome | None) -> str:
    return f"{outcome.seconds:.1f}s" if outcome else "-"


def _cache(plan: Plan, settings: "Settings") -> str:
    if settings.cache_from or settings.cache_to or settings.cache_images:
        return "as set"
    if plan.export_cache:
        return "registry, tag `buildcache` beside each image"
    return "none" if plan.embedded else "the builder's own"


def _origin(target: Target, workspace: Path) -> str:
    origin = target.source.dockerfile or target.source.context
    return os.path.relpath(origin, workspace.resolve()) if origin.startswith("/") else origin


def _destination(plan: Plan, target: Target) -> str:
    if target.repository is None:
        return "(base of other images, not pushed)"
    return str(target.repository) if plan.push else "(not pushed)"
