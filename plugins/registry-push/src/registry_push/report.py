"""What a person reads: the plan, the table at the end."""

from collections import Counter

from plugin_kit.console import Console
from plugin_kit.release import Release
from registry_push.builder import describe
from registry_push.plan import Plan, Target
from registry_push.released import Decision

_KIB = 1024
_SHOWN_DIGEST = len("sha256:") + 12


def plan(plan: Plan, console: Console, *, cache: str) -> None:
    """Print the plan, as `--dry-run` shows it."""
    console.info(f"commit {plan.revision}{f' of {plan.source}' if plan.source else ''}")
    console.table(
        ["image", "from", "repository"],
        [[target.name, _origin(target), _destination(plan, target)] for target in plan.targets],
        title=f"{len(plan.targets)} images",
    )
    console.info(f"builder: {describe(plan.builders)}, cache: {cache}")
    if not plan.push:
        console.info(f"nothing is pushed: {plan.tags.reason or '`dry_run: true` builds only'}")
        return
    tags = ", ".join(plan.tags.wanted)
    console.info(f"tags: candidate-{plan.revision} now; held for kargo-notify: {tags}" if plan.hold else f"tags: {tags}")
    if plan.releases:
        console.info(f"release record: {plan.releases}")


def decision(decision: Decision, plan: Plan, console: Console) -> None:
    """Print what the registry's state changes in the plan, as `--dry-run` shows it."""
    if decision.complete:
        console.info("the commit is released already: nothing would be built")
    elif decision.keep:
        console.info(f"{len(decision.keep)} images of this commit are in the registry already and would be kept")
    if plan.tags.forward:
        name = plan.tags.forward[0]
        console.info(f"{name} would {'move' if decision.forward.moves else 'stay'}: {decision.forward.reason}")


def release(release: Release, console: Console) -> None:
    """Print the table of images and one line of totals."""
    rows = [
        [
            image.name,
            image.state,
            image.digest[:_SHOWN_DIGEST],
            size(image.size),
            f"{image.seconds:.1f}s" if image.seconds is not None else "-",
        ]
        for image in release.images
    ]
    console.table(["image", "", "digest", "size", "time"], rows, align="lllrr")
    states = Counter(image.state for image in release.images)
    parts = [f"{states[name]} {name}" for name in ("built", "cached", "kept") if name in states]
    tag = release.images[0].tag if release.images else ""
    console.info(f"{len(release.images)} images ({', '.join(parts)}) are in the registry as {tag}")


def size(count: int) -> str:
    """Write a number of bytes for people."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < _KIB:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _KIB
    return f"{amount:.1f} GiB"


def _origin(target: Target) -> str:
    return target.source.dockerfile or target.source.context


def _destination(plan: Plan, target: Target) -> str:
    if target.repository is None:
        return "(base of other images, not pushed)"
    return str(target.repository) if plan.push else "(not pushed)"
