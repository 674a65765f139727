"""How the commits of many pairs relate: one process for all that are plain steps forward, one more for each that is not."""

import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from github_mirror.errors import GitFailed
from github_mirror.far import Far
from github_mirror.git import Git, make_bare
from github_mirror.plan import Facts, Pair, Relation
from github_mirror.refs import BRANCHES, Listing
from plugin_kit.parallel import each

_AT_ONCE = 4
_SHA256_DIGITS = 64


def gather(git: Git, pairs: Collection[Pair], far: Far, listing: Listing) -> Facts:
    """Find out how the commits relate; what only the far side has is read from there, into a folder that is then thrown away."""
    if not pairs:
        return Facts()
    have = commits(git, {oid for pair in pairs for oid in pair})
    lacking = {theirs for _, theirs in pairs if theirs not in have} & set(listing.refs.values())
    with tempfile.TemporaryDirectory(prefix="mirror-") as folder:
        reader = git
        if lacking:
            reader = _quarantine(git, Path(folder), {ours for ours, theirs in pairs if theirs in lacking})
            _fetch(far, reader, [name for name, oid in listing.refs.items() if oid in lacking])
            have |= commits(reader, lacking)
        known = [pair for pair in pairs if have.issuperset(pair)]
        return _relate(reader, known)


def commits(git: Git, oids: Iterable[str]) -> set[str]:
    """Choose those that are commits of the clone."""
    lines = git.lines("cat-file", "--batch-check=%(objectname) %(objecttype)", input="".join(f"{oid}\n" for oid in oids))
    return {oid for oid, _, kind in (line.partition(" ") for line in lines) if kind == "commit"}


def reachable(git: Git, oids: Collection[str], heads: Collection[str]) -> frozenset[str]:
    """Choose those that are commits of the clone in the history of one of the heads."""
    present = commits(git, oids)
    lines = [*present, *(f"^{head}" for head in heads)]
    outside = git.lines("rev-list", "--stdin", input="".join(f"{line}\n" for line in lines))
    return frozenset(present.difference(outside))


def _quarantine(git: Git, folder: Path, tips: Collection[str]) -> Git:
    """Give a git that puts new objects into a folder of their own: what somebody pushed to the mirror has no place in the clone.

    It sees the clone's objects, and of its refs only these commits: git tells the far side one by one of what it has.
    """
    quarantine = make_bare(folder, git.deadline, git.environment, sha256=any(len(oid) == _SHA256_DIGITS for oid in tips))
    place = folder / "objects" / "info"
    place.mkdir(exist_ok=True)
    (place / "alternates").write_text(f"{(git.folder / 'objects').resolve()}\n", encoding="utf-8")
    (folder / "packed-refs").write_text("".join(f"{oid} {BRANCHES}{oid}\n" for oid in sorted(tips)), encoding="ascii")
    return quarantine.using(config={**dict(git.config), "core.alternateRefsCommand": "true"})


def _fetch(far: Far, reader: Git, names: Iterable[str]) -> None:
    """Read commits of the mirror without their trees; what can't be read stays unknown, which no decision takes for anything else."""
    git = reader.using(far.git.environment)
    # The plumbing: `git fetch --filter` would turn the clone into a partial one.
    argv = ["fetch-pack", "--quiet", "--no-progress", "--filter=tree:0", "--stdin", far.remote.url]
    try:
        git.run(*argv, input="".join(f"{name}\n" for name in names))
    except GitFailed:
        return


def _relate(git: Git, pairs: Collection[Pair]) -> Facts:
    forward = dict.fromkeys(_steps_forward(git, pairs), Relation.AHEAD) if len(pairs) > 1 else {}
    others = [pair for pair in pairs if pair not in forward]
    counts = dict(zip(others, each(lambda pair: _count(git, *pair), others, at_once=_AT_ONCE), strict=True))
    compared = {pair: _relation(*count) for pair, count in counts.items()}
    return Facts(relations=forward | compared, extra={pair: theirs for pair, (_, theirs) in counts.items()})


def _steps_forward(git: Git, pairs: Collection[Pair]) -> list[Pair]:
    """Find the pairs where ours contains theirs, by one walk over what is new in any of them.

    A pair whose way leads over the history of another pair's far side is not found: the walk stops there.
    """
    lines = [line for ours, theirs in pairs for line in (ours, f"^{theirs}")]
    new = git.lines("rev-list", "--parents", "--stdin", input="".join(f"{line}\n" for line in lines))
    parents = {oid: before for oid, *before in (line.split() for line in new)}
    return [(ours, theirs) for ours, theirs in pairs if _reaches(ours, theirs, parents)]


def _reaches(start: str, goal: str, parents: Mapping[str, list[str]]) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        # The first parent last, so that it is followed first: it is the way that most branches have taken.
        for parent in reversed(parents.get(waiting.pop(), ())):
            if parent == goal:
                return True
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return False


def _count(git: Git, ours: str, theirs: str) -> tuple[int, int]:
    """Count the commits that each of the two has and the other lacks."""
    mine, yours = git.run("rev-list", "--left-right", "--count", f"{ours}...{theirs}").stdout.split()
    return int(mine), int(yours)


def _relation(only_ours: int, only_theirs: int) -> Relation:
    if only_theirs == 0:
        return Relation.AHEAD
    return Relation.BEHIND if only_ours == 0 else Relation.DIVERGED
