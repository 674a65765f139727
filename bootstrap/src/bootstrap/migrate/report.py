"""What a person reads of a migration: why each file changes, the diff, and what is left to them; and the same as JSON."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from bootstrap import abridged
from bootstrap.migrate.diff import diff
from bootstrap.migrate.plan import Action, Change, Plan
from bootstrap.migrate.run import Migration
from bootstrap.migrate.text import Look
from plugin_kit.console import WIDTH, Console, counted, wrapped
from plugin_kit.errors import PluginError
from plugin_kit.redact import Redactor

_COLOURS = {"+": "32", "-": "31", "@": "36"}
_DONE = {Action.EDIT: "changed", Action.DELETE: "deleted", Action.CREATE: "made"}
_TO_DO = {Action.EDIT: "to change", Action.DELETE: "to delete", Action.CREATE: "to make"}
# Of one file; what is behind the others is in the diff.
_MOST_REASONS = 8
_MOST_NAMED = 5
_INDENT = " " * 4
_MAGIC = re.compile(r"^:|[*?\[\\]")
_LEAKED = "a password or token for GHCR stands in the repository, and stays in git's history"
_NEXT = "Nothing was written. The same with --write does it."


def show(console: Console, made: Migration, *, written: bool) -> None:
    """Print what would be done, or was."""
    if made.plan.problems:
        _show_looks(console, "Can't be read:", made.plan.problems)
        console.error(PluginError(f"{counted(len(made.plan.problems), 'file')} can't be read: nothing is changed before all can"))
        return
    redactor = Redactor(made.plan.hidden)
    for change in made.plan.changes:
        console.info(f"{change.path} {_verb(change)}")
        for reason in _reasons(change):
            console.info("\n".join(wrapped(f"  {redactor.text(reason)}", indent="    ")))
        if change.action is not Action.DELETE:
            for line in diff(change, redactor):
                colour = _COLOURS.get(line[:1])
                console.raw(f"\x1b[{colour}m{line}\x1b[0m" if colour else line)
        console.info("")
    _show_looks(console, "Left as it is, look at this yourself:", made.plan.looks)
    if made.plan.hidden:
        console.warn(_LEAKED, hint="delete the token on GitHub: Settings, Developer settings, Personal access tokens")
    for warning in made.warnings():
        console.warn(warning)
    console.info(summary(made.plan, written=written))
    if made.plan.changes:
        for line in _after(made) if written else [_NEXT]:
            console.info(line)


def show_restored(console: Console, restored: Sequence[PurePosixPath]) -> None:
    """Say that a run before this one did not end, and what of it was undone."""
    console.warn(
        "a run of `bootstrap migrate --write` was stopped while it wrote; every file is as it was before it",
        details=[f"put back: {abridged.names(restored, _MOST_NAMED)}"],
    )


def summary(made: Plan, *, written: bool) -> str:
    """Say it in one line."""
    counts = Counter(change.action for change in made.changes)
    words = _DONE if written else _TO_DO
    told = ", ".join(f"{counted(counts[action], 'file')} {words[action]}" for action in Action if counts[action])
    rest = f"; {counted(len(made.looks), 'place')} to look at" if made.looks else ""
    return f"{told or 'nothing to do'}{rest}"


def as_json(made: Migration, *, written: bool) -> dict[str, Any]:
    """Return the plan for programs."""
    found = made.plan
    redactor = Redactor(found.hidden)
    return {
        "outcome": "problems" if found.problems else "nothing" if not found.changes else "written" if written else "changes",
        "changes": [
            {
                "path": str(change.path),
                "action": change.action.value,
                "reasons": [{"line": reason.line or None, "text": redactor.text(reason.text)} for reason in change.reasons],
                "diff": list(diff(change, redactor)),
            }
            for change in found.changes
        ],
        "look_at": [_look(each) for each in found.looks],
        "problems": [_look(each) for each in found.problems],
        "warnings": [*([_LEAKED] if found.hidden else []), *made.warnings()],
    }


def _after(made: Migration) -> Iterator[str]:
    """Say how to see it, to undo it, and what comes next."""
    if made.repository.has_git:
        yield from _undoing(made)
    yield f"Then look again: bootstrap check --repository {made.repository.root}"


def _undoing(made: Migration) -> Iterator[str]:
    """Name each file: `git restore .` would take away what somebody has changed in others, too."""
    git = f"git -C {shlex.quote(str(made.repository.root))}"
    created = [str(change.path) for change in made.plan.changes if change.action is Action.CREATE]
    known = [str(change.path) for change in made.plan.changes if change.before is not None and change.path not in made.repository.untracked]
    deleting = f"delete {', '.join(created)}" if created else ""
    if not known:
        if deleting:
            yield f"To undo it, {deleting}."
        return
    yield f"`{git} diff` shows it. To undo it, {f'{deleting} and ' if deleting else ''}run:"
    # A name with a `*` would else be a pattern, and match other files.
    literal = " --literal-pathspecs" if any(_MAGIC.search(name) for name in known) else ""
    lines = [f"{_INDENT}{git}{literal} restore --", _INDENT * 2]
    for name in map(shlex.quote, known):
        if len(lines[-1]) + len(name) > WIDTH - 2 and lines[-1].strip():
            lines.append(_INDENT * 2)
        lines[-1] += f"{'' if lines[-1].isspace() else ' '}{name}"
    yield " \\\n".join(lines)


def _look(look: Look) -> dict[str, Any]:
    return {"file": look.file, "line": look.line or None, "text": look.text, "hint": look.hint}


def _verb(change: Change) -> str:
    return {Action.EDIT: "changes", Action.CREATE: "is made", Action.DELETE: "goes"}[change.action]


def _reasons(change: Change) -> Iterator[str]:
    counts = Counter(reason.text for reason in change.reasons)
    for text, count in list(counts.items())[:_MOST_REASONS]:
        yield f"{text}{f' ({count} times)' if count > 1 else ''}"
    if len(counts) > _MOST_REASONS:
        yield f"and {len(counts) - _MOST_REASONS} more reasons, see the diff"


def _show_looks(console: Console, title: str, looks: Sequence[Look]) -> None:
    if not looks:
        return
    console.info(title)
    # The same is said once for the lines of a file.
    grouped: dict[tuple[str, str, str], list[int]] = {}
    for look in looks:
        grouped.setdefault((look.file, look.text, look.hint), []).append(look.line)
    for (file, text, hint), numbers in grouped.items():
        where = f"{file}:{numbers[0]}" if numbers[0] else file
        more = f" (and in {counted(len(numbers) - 1, 'line')} below)" if len(numbers) > 1 else ""
        console.info("\n".join(wrapped(f"{_INDENT}{where}: {text}{more}", indent=_INDENT * 2)))
        console.detail("\n".join(wrapped(f"    hint: {hint}", indent=" " * 10)))
    console.info("")
