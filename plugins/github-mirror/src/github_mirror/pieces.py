"""A push that is too big for the far side goes in pieces along the history.

Each piece moves the ref itself a part of the way, so that no other ref is ever made at the far side, and a run that is interrupted has
not worked in vain.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from github_mirror.git import Git
from github_mirror.plan import Action, RefPlan
from github_mirror.refs import BRANCHES, Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Refspec:
    """A ref of the far side and the object that it gets, None to delete it; with a lease only if it still is what the lease says."""

    ref: str
    oid: str | None
    lease: str | None = None

    @property
    def argument(self) -> str:
        """The refspec as git takes it; without a `+`, since force is the lease's business."""
        return f"{self.oid or ''}:{self.ref}"

    @property
    def lease_argument(self) -> str:
        """The option for the lease, or nothing."""
        return f"--force-with-lease={self.ref}:{self.lease}" if self.lease else ""


def cut(git: Git, rows: Sequence[RefPlan], listing: Listing, limit: int) -> Iterator[tuple[Refspec, ...]]:
    """Give the pushes that do what the rows say, one after the other; none sends more than `limit` bytes if history lets one split it."""
    deletions = [row for row in rows if row.action is Action.DELETE]
    updates = [row for row in rows if row.action.is_push and row.action is not Action.DELETE]
    # `a` has to go before `a/b` can come.
    first = [row for row in deletions if any(_in_the_way(row.ref, new.ref) for new in updates if new.action is Action.CREATE)]
    if first:
        yield tuple(map(_refspec, first))
    last = tuple(_refspec(row) for row in deletions if row not in first)
    if updates and _stored_bytes(git) > limit:
        there = _present(git, set(listing.refs.values()))
        yield from _pieces(git, updates, there, limit)
        if last:
            yield last
    elif updates or last:
        yield (*map(_refspec, updates), *last)


def _refspec(row: RefPlan) -> Refspec:
    forced = row.action in {Action.FORCE, Action.DELETE}
    return Refspec(ref=row.ref, oid=row.ours if row.action is not Action.DELETE else None, lease=row.theirs if forced else None)


def _in_the_way(old: str, new: str) -> bool:
    return new.startswith(f"{old}/") or old.startswith(f"{new}/")


def _pieces(git: Git, rows: Sequence[RefPlan], there: list[str], limit: int) -> Iterator[tuple[Refspec, ...]]:
    """Halve the refs until each part is small enough, and a ref that is too big by itself along its history; `there` grows."""
    if _bytes(git, _heads(rows), there) <= limit:
        there += _heads(rows)
        yield tuple(map(_refspec, rows))
    elif len(rows) > 1:
        middle = len(rows) // 2
        yield from _pieces(git, rows[:middle], there, limit)
        yield from _pieces(git, rows[middle:], there, limit)
    else:
        yield from _steps(git, rows[0], there, limit)


def _steps(git: Git, row: RefPlan, there: list[str], limit: int) -> Iterator[tuple[Refspec, ...]]:
    lease = _refspec(row).lease
    way = _way(git, row, there) if row.ref.startswith(BRANCHES) else _heads([row])
    done = 0
    while done < len(way):
        # The furthest commit that still fits: at least one step, since less than a commit can't be sent.
        fits, beyond = done + 1, len(way) + 1
        while beyond - fits > 1:
            middle = (fits + beyond) // 2
            if _bytes(git, [way[middle - 1]], there) <= limit:
                fits = middle
            else:
                beyond = middle
        there.append(way[fits - 1])
        yield (Refspec(ref=row.ref, oid=way[fits - 1], lease=lease),)
        done, lease = fits, None


def _way(git: Git, row: RefPlan, there: Sequence[str]) -> list[str]:
    """Give a line of commits to the wanted one, each a child of the one before: of all such lines the longest.

    Where the ref is moved forward, the line begins at what it is.
    """
    wanted = str(row.ours)
    lines = [wanted, *(f"^{oid}" for oid in there)]
    options = [f"--ancestry-path={row.theirs}"] if row.action is Action.UPDATE else []
    new = git.lines("rev-list", "--parents", "--topo-order", "--reverse", *options, "--stdin", input=_input(lines))
    length: dict[str, int] = {}
    parent: dict[str, str] = {}
    for line in new:
        oid, *before = line.split()
        known = [(length[other], other) for other in before if other in length]
        longest, best = max(known, default=(0, ""))
        length[oid] = longest + 1
        if best:
            parent[oid] = best
    way = [wanted]
    while way[-1] in parent:
        way.append(parent[way[-1]])
    return way[::-1]


def _heads(rows: Iterable[RefPlan]) -> list[str]:
    return [row.ours for row in rows if row.ours]


def _bytes(git: Git, wanted: Iterable[str], there: Iterable[str]) -> int:
    """Measure what a push would send, by the room that the objects take in the clone."""
    lines = [*wanted, *(f"^{oid}" for oid in there)]
    return int(git.run("rev-list", "--objects", "--disk-usage", "--stdin", input=_input(lines)).stdout)


def _stored_bytes(git: Git) -> int:
    """Measure all objects of the clone: a push can't be bigger, and for this nothing has to be walked."""
    folders = [git.folder / "objects"]
    alternates = folders[0] / "info" / "alternates"
    if alternates.is_file():
        folders += [folders[0] / line for line in alternates.read_text(encoding="utf-8").splitlines()]
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())


def _present(git: Git, oids: Iterable[str]) -> list[str]:
    """Choose the objects that the clone has, since others can't be named to git."""
    lines = git.lines("cat-file", "--batch-check=%(objectname) %(objecttype)", input=_input(oids))
    return [oid for oid, _, kind in (line.partition(" ") for line in lines) if kind != "missing"]


def _input(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
