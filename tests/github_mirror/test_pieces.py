import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from github_mirror import pieces
from github_mirror.plan import Action, RefPlan
from github_mirror.push import Delivery
from github_mirror.refs import Listing
from tests.support.commit_graph import refs_of
from tests.support.histories import bare, git, repository
from tests.support.local_mirror import far_in, git_in

MAIN = "refs/heads/main"
KB = 1000
LIMIT = 100 * KB
# Trees, commits and the head of a pack beside the files.
SLACK = 10 * KB


def noise(number: int, size: int = 20 * KB) -> str:
    """Give text that does not get smaller when it is packed."""
    chance = random.Random(number)
    return "".join(chance.choices("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/", k=size * 4 // 3))


def add(work: Path, number: int, size: int = 20 * KB) -> str:
    """Commit a file of about that size in the pack."""
    (work / f"file{number}").write_text(noise(number, size))
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", f"file {number}")
    return git(work, "rev-parse", "HEAD")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Make a source of 12 commits of 20 kB each."""
    folder = repository(tmp_path / "work", commits=0)
    for number in range(12):
        add(folder, number)
    return folder


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Make a mirror that writes down what it gets, and takes only steps forward."""
    folder = bare(tmp_path / "mirror.git")
    git(folder, "config", "receive.denyNonFastForwards", "true")
    git(folder, "config", "receive.unpackLimit", "1")
    hook = folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        '#!/bin/sh\nbytes=$(cat "$GIT_QUARANTINE_PATH"/pack/*.pack 2>/dev/null | wc -c)\n'
        'refs=$(cut -d" " -f3 | tr "\\n" ",")\necho "$bytes $refs" >> pushes\n'
    )
    hook.chmod(0o755)
    return folder


def pushes(mirror: Path) -> list[tuple[int, list[str]]]:
    """Give the size and the refs of each push that has arrived."""
    lines = [line.split() for line in (mirror / "pushes").read_text().splitlines()]
    return [(int(size), names.strip(",").split(",")) for size, names in lines]


def deliver(work: Path, mirror: Path, rows: Sequence[RefPlan], limit: int = LIMIT) -> None:
    """Push the rows in pieces; each must arrive."""
    far = far_in(mirror, git_in(work / ".git", work.parent))
    outcomes = Delivery(far, lambda _seen, _first: rows, limit=limit).run(far.read())
    assert [outcome.problem for outcome in outcomes] == [""] * len(rows)


def create(work: Path, *names: str) -> list[RefPlan]:
    """Make rows for refs of the source that the mirror lacks."""
    return [RefPlan(ref=name, action=Action.CREATE, ours=git(work, "rev-parse", name)) for name in names]


def test_a_first_push_goes_in_pieces_and_ends_with_the_same_refs(work: Path, mirror: Path) -> None:
    """240 kB in pushes of at most 100 kB, all of them to the branch itself."""
    deliver(work, mirror, create(work, MAIN))
    assert refs_of(mirror) == {MAIN: git(work, "rev-parse", MAIN)}
    assert [names for _, names in pushes(mirror)] == [[MAIN]] * 3
    assert all(size <= LIMIT + SLACK for size, _ in pushes(mirror))
    assert git(mirror, "fsck", "--full", "--strict") == ""


def test_what_is_small_goes_in_one_push(work: Path, mirror: Path) -> None:
    """All that the clone stores is smaller, so that history isn't even looked at."""
    deliver(work, mirror, create(work, MAIN), limit=2**31)
    assert len(pushes(mirror)) == 1


def test_many_branches_share_pieces(work: Path, mirror: Path) -> None:
    """What one piece brought need not be sent again with the next branch; small ones go together."""
    names = [MAIN]
    for number in range(6):
        git(work, "branch", f"b{number}", f"main~{number * 2}")
        names.append(f"refs/heads/b{number}")
    git(work, "tag", "--annotate", "--message", "v1", "v1", "main")
    names.append("refs/tags/v1")
    deliver(work, mirror, create(work, *names))
    assert refs_of(mirror) == {name: git(work, "rev-parse", name) for name in names}
    assert sum(size for size, _ in pushes(mirror)) < 13 * 20 * KB + SLACK
    assert all(size <= LIMIT + SLACK for size, _ in pushes(mirror))
    assert {name for _, refs in pushes(mirror) for name in refs} == set(names)


def test_a_heavy_side_branch_is_split_too(work: Path, mirror: Path) -> None:
    """The pieces follow the longest line of commits, not the first parents."""
    git(work, "checkout", "--quiet", "-b", "side", "main~11")
    for number in range(100, 120):
        add(work, number)
    git(work, "checkout", "--quiet", "main")
    git(work, "reset", "--quiet", "--hard", "main~10")
    git(work, "merge", "--quiet", "--no-ff", "--message", "merge", "side")
    deliver(work, mirror, create(work, MAIN))
    assert refs_of(mirror) == {MAIN: git(work, "rev-parse", MAIN)}
    assert all(size <= LIMIT + SLACK for size, _ in pushes(mirror))


def test_a_branch_that_is_there_goes_on_in_steps_forward(work: Path, mirror: Path) -> None:
    """Also where other lines of history are merged; the mirror takes no step back."""
    old = git(work, "rev-parse", "main~10")
    git(work, "push", "--quiet", str(mirror), f"{old}:{MAIN}")
    git(work, "checkout", "--quiet", "-b", "side", "main~11")
    for number in range(200, 215):
        add(work, number)
    git(work, "checkout", "--quiet", "main")
    git(work, "merge", "--quiet", "--no-ff", "--message", "merge", "side")
    ours = git(work, "rev-parse", "main")
    deliver(work, mirror, [RefPlan(ref=MAIN, action=Action.UPDATE, ours=ours, theirs=old)])
    assert refs_of(mirror) == {MAIN: ours}


def test_a_forced_branch_keeps_its_lease_for_the_first_piece(work: Path, mirror: Path) -> None:
    """The pieces after it are steps forward from what the first one has made of the branch."""
    git(mirror, "config", "receive.denyNonFastForwards", "false")
    other = repository(work.parent / "other", commits=1)
    theirs = git(other, "rev-parse", "HEAD")
    git(other, "push", "--quiet", str(mirror), f"main:{MAIN}")
    ours = git(work, "rev-parse", "main")
    deliver(work, mirror, [RefPlan(ref=MAIN, action=Action.FORCE, ours=ours, theirs=theirs)])
    assert refs_of(mirror) == {MAIN: ours}
    assert len(pushes(mirror)) == 1 + 3


def test_a_commit_that_is_too_big_by_itself_goes_alone(work: Path, mirror: Path) -> None:
    """Less than a commit can't be sent; whether that is too much is for the far side to say."""
    add(work, 300, size=3 * LIMIT)
    deliver(work, mirror, create(work, MAIN))
    assert refs_of(mirror) == {MAIN: git(work, "rev-parse", MAIN)}
    assert sum(size > LIMIT + SLACK for size, _ in pushes(mirror)) == 1


def test_a_run_that_breaks_off_has_not_worked_in_vain(work: Path, mirror: Path) -> None:
    """The next one sends only what is still missing."""
    git_ = git_in(work / ".git", work.parent)
    rows = create(work, MAIN)
    first = next(pieces.cut(git_, rows, Listing(refs={}), LIMIT))
    git(work, "push", "--quiet", str(mirror), *(refspec.argument for refspec in first))
    sent = str(first[0].oid)
    assert git(work, "merge-base", sent, "main") == sent
    deliver(work, mirror, [RefPlan(ref=MAIN, action=Action.UPDATE, ours=rows[0].ours, theirs=sent)])
    assert len(pushes(mirror)) == 3
    assert refs_of(mirror) == {MAIN: rows[0].ours}


def test_a_deletion_that_stands_in_the_way_goes_first(work: Path) -> None:
    """`a` must be gone before `a/b` can come; other deletions go with the rest."""
    oid = git(work, "rev-parse", "main")
    rows = [
        RefPlan(ref="refs/heads/a", action=Action.DELETE, theirs=oid),
        RefPlan(ref="refs/heads/a/b", action=Action.CREATE, ours=oid),
        RefPlan(ref="refs/heads/c", action=Action.DELETE, theirs=oid),
    ]
    found = list(pieces.cut(git_in(work / ".git", work.parent), rows, Listing(refs={}), 2**31))
    assert [[refspec.argument for refspec in piece] for piece in found] == [
        [":refs/heads/a"],
        [f"{oid}:refs/heads/a/b", ":refs/heads/c"],
    ]
