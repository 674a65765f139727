"""What a person reads of a backup and of a restore."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap import abridged
from bootstrap.backup.archive import Archive
from bootstrap.backup.loading import Loaded
from bootstrap.backup.making import Made
from bootstrap.backup.plan import Action, Plan, Step
from plugin_kit.console import Console, counted, size

_NAMED = 5


def show_made(console: Console, made: Made) -> None:
    """Print what was written."""
    index = made.archive.index
    rows = []
    for part in index.parts:
        counts = Counter(entry.ref.kind for entry in index.entries if entry.ref and entry.part is part)
        rows.append((part.value, ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items())) or "nothing"))
    console.table(("part", "objects"), rows)
    if not index.recipients:
        console.warn("no secret was exported: there is no public key to encrypt it for", hint="set `backup.recipients` in platform.yaml")
    for error in made.broken:
        console.warn(f"{error.message}; it was left alone", details=error.details)
    older = f"; {counted(made.kept, 'backup')} kept, {len(made.deleted)} deleted" if made.deleted or made.kept > 1 else ""
    console.info(f"{made.archive.path}: {counted(_objects(made.archive), 'object')}, {size(made.archive.size)}{older}")


def made_json(made: Made) -> Mapping[str, Any]:
    """Return it for programs."""
    index = made.archive.index
    return {
        "path": str(made.archive.path),
        "made": index.made.isoformat(),
        "objects": _objects(made.archive),
        "bytes": made.archive.size,
        "counts": dict(sorted(index.counts.items())),
        "secrets": bool(index.recipients),
        "kept": made.kept,
        "deleted": [str(each.path) for each in made.deleted],
        "broken": [error.message for error in made.broken],
    }


def show_loaded(console: Console, loaded: Loaded) -> None:
    """Print which backups a restore is made from."""
    for error in loaded.passed_over:
        console.warn(f"{error.message}; an older backup is taken", details=error.details)
    for archive in loaded.archives:
        index = archive.index
        console.info(f"{archive.path}: made {index.when} of {index.cluster}, {counted(_objects(archive), 'object')}, all as written")
    if loaded.sealed:
        console.warn(f"{counted(loaded.sealed, 'secret')} left out: `bootstrap up` makes new ones")
    if loaded.is_bare:
        console.warn("no secret is in this backup, which was made without a public key: `bootstrap up` makes new ones")


def show_plan(console: Console, plan: Plan) -> None:
    """Print what would be done, the objects of one kind and namespace on a line."""
    for line in _lines(plan):
        console.info(f"  {line}")
    counts = Counter(step.action for step in plan.steps)
    words = {
        Action.CREATE: "to create",
        Action.FINISH: "to finish",
        Action.SAME: "as in the backup",
        Action.DIFFERS: "not as in the backup",
        Action.GOING: "being deleted",
        Action.LATER: "later",
        Action.LEFT_OUT: "left out",
    }
    console.info(f"Plan: {', '.join(f'{counts[action]} {text}' for action, text in words.items() if counts[action]) or 'nothing'}")


def _objects(archive: Archive) -> int:
    return sum(1 for entry in archive.index.entries if entry.ref)


def _lines(plan: Plan) -> Iterator[str]:
    groups: dict[tuple[Action, str, str, str], list[Step]] = {}
    for step in plan.steps:
        if step.action is not Action.SAME:
            groups.setdefault((step.action, step.ref.kind, step.ref.namespace or "", step.reason), []).append(step)
    for (action, kind, namespace, reason), steps in groups.items():
        names = abridged.names([step.ref.name for step in steps], _NAMED)
        where = f"{namespace}/" if namespace and len(steps) == 1 else f"in {namespace}: " if namespace else ""
        yield f"{action.value:<9} {kind} {where}{names}{f' ({reason})' if reason else ''}"
