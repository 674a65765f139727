"""What a person reads of `--prune`: what went, what is old and stays and why, and where the disk space is."""

from collections.abc import Iterable, Sequence
from datetime import UTC

from kargo_notify import housekeeping, stock
from kargo_notify.housekeeping import LONG_AGO, Commit, Plan, Reason, Shelf, revision_of
from plugin_kit.console import Console, counted
from plugin_kit.reference import Repository

# More commits that went say nothing that their number doesn't.
MOST_LINES = 40
SHORT = 12


def report(plan: Plan, shelves: Sequence[Shelf], releases: Repository, console: Console, *, dry_run: bool, by_tag: bool) -> None:
    """Print the tables; `shelves` are the repositories as they were before."""
    removed = "would go" if dry_run else "removed"
    going = frozenset().union(*(unit.revisions for unit in plan.going))
    old = going | frozenset().union(*(entry.unit.revisions for entry in plan.protected))
    project = stock.project(releases)
    _commits(plan, console, removed=removed)
    _waiting(plan, console)
    ordered = sorted(shelves, key=lambda shelf: shelf.repository.path)
    rows = [_counts(shelf, going, old, releases) for shelf in ordered]
    sums = [sum(column) for column in zip(*(counts for _, *counts in rows), strict=True)]
    # Dead tags are rare, and an empty column makes people wonder.
    width = 5 if sums[-1] else 4
    heads = ["tags of", "kept", "protected", removed, "no manifest"]
    console.table(heads[:width], ([str(cell or "") for cell in row[:width]] for row in [*rows, ("total", *sums)]), align="lrrrr"[:width])
    if plan.unknown:
        console.info(f"left alone: tags of {counted(len(plan.unknown), 'commit')} without a release record, of unknown age")
    stay = sum(len(entry.unit.commits) for entry in plan.protected)
    kept = (
        f"{len(plan.kept)} released and {len(plan.waiting)} unreleased commits"
        if plan.waiting
        else counted(len(plan.kept), "released commit")
    )
    console.info(f"{project}: {kept} kept, {stay} protected, {len(going)} {'would be removed' if dry_run else 'removed'}")
    if going and not dry_run:
        console.info(_space(by_tag=by_tag))


def in_words(reasons: Iterable[Reason]) -> str:
    """Say why a commit stays: of each kind the first reason, and how many more there are."""
    kinds: dict[str, list[Reason]] = {}
    for reason in reasons:
        kinds.setdefault(reason.kind, []).append(reason)
    return "; ".join(f"{first}{f' and {len(others)} more' if others else ''}" for first, *others in kinds.values())


def _commits(plan: Plan, console: Console, *, removed: str) -> None:
    """Print what is old: all that stays with the reason, and what goes as far as a person will read."""
    stays = [(commit, "protected", in_words(entry.reasons)) for entry in plan.protected for commit in entry.unit.commits]
    going = [commit for unit in plan.going for commit in unit.commits]
    goes = [(commit, removed, "") for commit in going[:MOST_LINES]]
    columns = 5 if stays else 4
    ordered = sorted([*stays, *goes], key=lambda row: row[0].age)
    console.table(
        ["commit", "created (UTC)", "state", "what", "why"][:columns],
        [(commit.revision[:SHORT], _day(commit), commit.state, what, why)[:columns] for commit, what, why in ordered],
        title=f"Older than the newest {counted(len(plan.kept), 'released commit')}:",
    )
    if len(going) > MOST_LINES:
        console.detail(f"and {counted(len(going) - MOST_LINES, 'commit')} more {removed}")


def _waiting(plan: Plan, console: Console) -> None:
    """Print what is not released and stays for now."""
    console.table(
        ["commit", "created (UTC)", "state"],
        [(commit.revision[:SHORT], _day(commit), commit.state) for commit in plan.waiting[:MOST_LINES]],
        title="Unreleased, which --keep does not count; each goes with the released commits of its time:",
    )
    if len(plan.waiting) > MOST_LINES:
        console.detail(f"and {counted(len(plan.waiting) - MOST_LINES, 'commit')} more")


def _counts(shelf: Shelf, going: frozenset[str], old: frozenset[str], releases: Repository) -> tuple[str, int, int, int, int]:
    name = shelf.repository.path.removeprefix(releases.path.rpartition("/")[0]).strip("/")
    gone = sum(revision_of(tag) in going for tag in shelf.tags)
    protected = sum(revision_of(tag) in old for tag in shelf.tags) - gone
    return name, len(shelf.tags) - gone - protected, protected, gone, len(housekeeping.dead([shelf]))


def _day(commit: Commit) -> str:
    return "" if commit.created == LONG_AGO else f"{commit.created.astimezone(UTC):%Y-%m-%d %H:%M}"


def _space(*, by_tag: bool) -> str:
    if by_tag:
        return (
            "The disk space comes back with the registry's own garbage collection. Distribution 3, while it is stopped or read-only:\n"
            "  registry garbage-collect --delete-untagged /etc/distribution/config.yml"
        )
    return (
        "The disk space comes back with the registry's garbage collection. Nothing may be pushed meanwhile, so stop the registry or set\n"
        "`storage.maintenance.readonly.enabled: true`, and start it anew afterwards, since it remembers what it had:\n"
        "  docker-registry garbage-collect /etc/docker/registry/config.yml      (image registry:2: registry garbage-collect ...)\n"
        "Without --delete-untagged: in docker-registry 2.8 that option destroys images of several platforms."
    )
