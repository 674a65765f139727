"""Commands for a person to copy: what a run never does, and what brings back what a run took away."""

import shlex
from collections.abc import Iterable, Iterator

from github_mirror.plan import Action, RefPlan
from github_mirror.refs import short


def moves_back(row: RefPlan, url: str) -> str:
    """Give the command that takes a ref of the far side back to what the source has, if it still is what was seen."""
    return _push(row.ref, str(row.ours), str(row.theirs), url)


def brings_back(rows: Iterable[RefPlan], url: str) -> Iterator[str]:
    """Give, for each ref that was overwritten or deleted, what it was in full, and the command that makes it so again.

    The old objects may be nowhere else: they are fetched first, which a server allows as long as it has not cleaned up.
    """
    for row in rows:
        old = str(row.theirs)
        yield f"{short(row.ref)} was {old}"
        new = None if row.action is Action.DELETE else row.ours
        yield f"  git fetch {shlex.quote(url)} {old} && {_push(row.ref, old, new, url)}"


def _push(ref: str, wanted: str, seen: str | None, url: str) -> str:
    """Write a push that holds only for what was seen; None: the ref does not exist there."""
    words = ["git", "push", f"--force-with-lease={ref}:{seen or ''}", url, f"{wanted}:{ref}"]
    return shlex.join(words)
