"""What a person reads of `--prune`: what went, what is old and stays and why, and where the disk space is."""

from collections.abc import Sequence
from datetime import UTC

from kargo_notify import housekeeping, stock
from kargo_notify.housekeeping import LONG_AGO, Commit, Plan, Shelf, revision_of
from plugin_kit.console import Console, counted
from plugin_kit.reference import Repository

# More commits that went say nothing that their number doesn't.
MOST_LINES = 40


def report(plan: Plan, shelves: Sequence[Shelf], releases: Repository, console: Console, *, dry_run: bool, by_tag: bool) -> None:
    """Print the tables; `shelves` are the repositories as they were before."""
    removed = "would go" if dry_run else "removed"
    going = frozenset().union(*(unit.revisions for unit in plan.going))
    old = going | frozenset().union(*(entry.unit.revisions for entry in plan.protected))
    project = stock.project(releases)
    _commits(plan, console, removed=removed)
    ordered = sorted(shelves, key=lambda shelf: shelf.repository.path)
    rows = [_counts(shelf, going, old, releases) for shelf in ordered]
    sums = [sum(column) for column in zip(*(counts for _, *counts in rows), strict=True)]
    # Dead tags are rare, and an empty column makes people wonder.
    width = 5 if sums[-1] else 4
    heads = ["tags of", "kept", "protected", removed, "no manifest"]
    console.table(heads[:width], ([str(cell or "") for cell in row[:width]] for row in [*rows, ("", *sums)]), align="lrrrr"[:width])
    if plan.unknown:
        console.info(f"left alone: tags of {counted(len(plan.unknown), 'commit')} without a release record, of unknown age")
    kept, stay = counted(len(plan.kept), "commit"), sum(len(entry.unit.commits) for entry in plan.protected)
    console.info(f"{project}: {kept} kept, {stay} protected, {len(going)} {'would be removed' if dry_run else 'removed'}")
    if going and not dry_run:
        console.info(_space(by_tag=by_tag))


def _commits(plan: Plan, console: Console, *, removed: str) -> None:
    """Print what is old: all that stays with the reason, and what goes as far as a person will read."""
    stays = [(commit, "protected", ", ".join(entry.reasons)) for entry in plan.protected for commit in entry.unit.commits]
    going = [commit for unit in plan.going for commit in unit.commits]
    goes = [(commit, removed, "") for commit in going[:MOST_LINES]]
    if stays or goes:
        console.info(f"Older than the newest {len(plan.kept)}:")
    for commit, what, why in sorted([*stays, *goes], key=lambda row: row[0].age):
        # No table: it would cut what is long, and the reasons are what people look for.
        console.info(f"  {commit.revision}  {_day(commit):<16}  {what}{why and ': '}{why}")
    if len(going) > MOST_LINES:
        console.detail(f"and {counted(len(going) - MOST_LINES, 'commit')} more {removed}")


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
