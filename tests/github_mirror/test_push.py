import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from github_mirror import push
from github_mirror.far import Far
from github_mirror.plan import Action, RefPlan
from github_mirror.push import Delivery, Outcome
from github_mirror.refs import Listing
from plugin_kit.errors import PluginError
from tests.support.commit_graph import refs_of
from tests.support.histories import bare, commit, git, repository
from tests.support.local_mirror import far_in, git_in

MAIN, DEV, V1 = "refs/heads/main", "refs/heads/dev", "refs/tags/v1"
NO_LIMIT = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A source with commits on main, oldest first, and a mirror that has the first of them."""

    work: Path
    far: Far
    commits: list[str]

    @property
    def mirror(self) -> Path:
        """The mirror's folder."""
        return Path(self.far.remote.path)

    def hook(self, name: str, script: str) -> None:
        """Give the mirror a hook."""
        path = self.mirror / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def pushed_by_another(self, oid: str, ref: str = MAIN) -> None:
        """Move a ref of the mirror as somebody else's push does."""
        git(self.work, "push", "--quiet", "--force", str(self.mirror), f"{oid}:{ref}")

    def deliver(self, *rows: RefPlan, limit: int = NO_LIMIT) -> dict[str, Outcome]:
        """Push rows that are the same however often they are decided."""
        return run(self.far, lambda _seen, _first: rows, limit)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Make a source and its mirror."""
    work = repository(tmp_path / "work", commits=1)
    commits = [git(work, "rev-parse", "HEAD"), *(commit(work) for _ in range(3))]
    mirror = bare(tmp_path / "mirror.git")
    git(work, "push", "--quiet", str(mirror), f"{commits[0]}:{MAIN}")
    return Pair(work=work, far=far_in(mirror, git_in(work / ".git", tmp_path)), commits=commits)


def run(far: Far, choose: push.Choose, limit: int = NO_LIMIT) -> dict[str, Outcome]:
    """Run a delivery, and give its outcomes by their refs."""
    return {outcome.row.ref: outcome for outcome in Delivery(far, choose, limit=limit).run(far.read())}


def row(action: Action, ours: str | None, theirs: str | None = None, ref: str = MAIN) -> RefPlan:
    """Make a row."""
    return RefPlan(ref=ref, action=action, ours=ours, theirs=theirs)


def stubborn(pair: Pair, oid: str, between: Callable[[], None]) -> push.Choose:
    """Decide for main by what is seen, and let something happen between each decision and its push."""

    def choose(seen: Listing, _first: Listing | None) -> Sequence[RefPlan]:
        theirs = seen.refs.get(MAIN)
        between()
        if theirs == oid:
            return [row(Action.UNCHANGED, oid, theirs)]
        is_step = theirs is None or git(pair.work, "merge-base", theirs, oid) == theirs
        return [row(Action.UPDATE if is_step else Action.KEEP, oid, theirs)]

    return choose


def test_all_kinds_of_changes_go_in_one_push(pair: Pair) -> None:
    """One connection, one answer per ref."""
    first, second, third, fourth = pair.commits
    pair.pushed_by_another(second, DEV)
    pair.pushed_by_another(second, V1)
    pair.hook("post-receive", "echo push >> pushes")
    found = pair.deliver(
        row(Action.UPDATE, fourth, first),
        row(Action.DELETE, None, second, DEV),
        row(Action.FORCE, first, second, V1),
        row(Action.CREATE, third, None, "refs/heads/new"),
    )
    assert refs_of(pair.mirror) == {MAIN: fourth, V1: first, "refs/heads/new": third}
    assert not any(outcome.failed for outcome in found.values())
    assert (pair.mirror / "pushes").read_text().split() == ["push"]


@pytest.mark.parametrize("action", [Action.FORCE, Action.DELETE])
def test_force_and_deletion_hold_only_for_what_was_seen(pair: Pair, action: Action) -> None:
    """The lease: somebody has moved the ref since it was listed."""
    first, second, third, _ = pair.commits
    pair.pushed_by_another(third, DEV)
    found = pair.deliver(row(action, first if action is Action.FORCE else None, second, DEV))
    assert refs_of(pair.mirror)[DEV] == third
    assert found[DEV].problem == "it moved at the far side 3 times while this run tried"


def test_a_push_in_between_is_seen_and_decided_again(pair: Pair) -> None:
    """Somebody takes the mirror a step further; ours contains that and goes on top."""
    waiting = [pair.commits[1]]

    def between() -> None:
        if waiting:
            pair.pushed_by_another(waiting.pop())

    found = run(pair.far, stubborn(pair, pair.commits[3], between))
    assert refs_of(pair.mirror)[MAIN] == pair.commits[3]
    assert not found[MAIN].failed


def test_a_persons_commit_in_between_is_kept(pair: Pair, tmp_path: Path) -> None:
    """It was pushed after the listing, so that only the far side could say."""
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(pair.mirror), str(other))
    theirs = commit(other, "theirs")
    done: list[str] = []

    def between() -> None:
        if not done:
            done.append(git(other, "push", "--quiet", "origin", "HEAD:main"))

    def choose(seen: Listing, _first: Listing | None) -> Sequence[RefPlan]:
        before = seen.refs[MAIN]
        between()
        return [row(Action.UPDATE if before == pair.commits[0] else Action.KEEP, pair.commits[3], before)]

    found = run(pair.far, choose)
    assert refs_of(pair.mirror)[MAIN] == theirs
    assert (found[MAIN].row.action, found[MAIN].row.theirs) == (Action.KEEP, theirs)


def test_another_run_that_was_faster_is_a_success(pair: Pair) -> None:
    """It pushed the very same commit between our listing and our push."""
    found = run(pair.far, stubborn(pair, pair.commits[3], lambda: pair.pushed_by_another(pair.commits[3])))
    assert not found[MAIN].failed
    assert refs_of(pair.mirror)[MAIN] == pair.commits[3]


def test_two_runs_at_once_end_with_the_newer_commit(pair: Pair, tmp_path: Path) -> None:
    """However they overlap, the older one never puts its commit on top."""
    for number in range(6):
        mirror = bare(tmp_path / f"mirror{number}.git")
        pair.pushed_by_another(pair.commits[0])
        git(pair.work, "push", "--quiet", str(mirror), f"{pair.commits[0]}:{MAIN}")
        far = far_in(mirror, pair.far.git)
        ready = threading.Barrier(2)
        outcomes: list[Outcome] = []

        def mirrored(oid: str, far: Far = far, ready: threading.Barrier = ready, outcomes: list[Outcome] = outcomes) -> None:
            def choose(seen: Listing, first: Listing | None) -> Sequence[RefPlan]:
                theirs = seen.refs[MAIN]
                is_newer = git(pair.work, "merge-base", theirs, oid) == oid
                if first is None:
                    ready.wait(10)
                return [row(Action.UNCHANGED if is_newer else Action.UPDATE, oid, theirs)]

            outcomes.extend(run(far, choose).values())

        runs = [threading.Thread(target=mirrored, args=(oid,)) for oid in (pair.commits[2], pair.commits[3])]
        for thread in runs:
            thread.start()
        for thread in runs:
            thread.join(30)
        assert refs_of(mirror)[MAIN] == pair.commits[3]
        assert [outcome.failed for outcome in outcomes] == [False, False]


def test_it_gives_up_after_three_times(pair: Pair) -> None:
    """A mirror that never stands still is said so, and is not tried for ever."""
    pair.hook("update", "echo attempt >> attempts; echo 'cannot lock ref' >&2; exit 1")
    tries: list[int] = []

    def choose(seen: Listing, _first: Listing | None) -> Sequence[RefPlan]:
        tries.append(1)
        # Seen long ago: the lease never holds.
        return [row(Action.FORCE, pair.commits[3], pair.commits[2])] if seen else []

    found = run(pair.far, choose)
    assert len(tries) == push.ATTEMPTS == 3
    assert found[MAIN].failed
    assert refs_of(pair.mirror)[MAIN] == pair.commits[0]


def test_one_refused_ref_does_not_hold_up_the_others(pair: Pair) -> None:
    """A protected branch: GitHub's update hook refuses it alone."""
    pair.hook(
        "update",
        'case "$1" in refs/heads/main) echo "error: GH006: Protected branch update failed for refs/heads/main." >&2; exit 1;; esac',
    )
    found = pair.deliver(row(Action.UPDATE, pair.commits[3], pair.commits[0]), row(Action.CREATE, pair.commits[1], None, DEV))
    assert "main is protected at GitHub" in found[MAIN].problem
    assert found[MAIN].hint
    assert not found[DEV].failed
    assert refs_of(pair.mirror) == {MAIN: pair.commits[0], DEV: pair.commits[1]}


def test_a_hook_that_refuses_all_for_the_sake_of_one(pair: Pair) -> None:
    """A file that is too big in one branch: the others get there without it."""
    pair.hook(
        "pre-receive",
        "while read old new ref; do test $ref != refs/heads/dev || { echo 'error: GH001: Large files detected.' >&2; "
        "echo 'error: File x.bin is 120.00 MB; this exceeds the limit' >&2; exit 1; }; done",
    )
    names = [MAIN, DEV, *(f"refs/heads/other{number}" for number in range(4))]
    found = pair.deliver(*(row(Action.UPDATE if name == MAIN else Action.CREATE, pair.commits[3], None, name) for name in names))
    assert [name for name in names if found[name].failed] == [DEV]
    assert "x.bin (120.00 MB)" in found[DEV].problem
    assert refs_of(pair.mirror) == dict.fromkeys([name for name in names if name != DEV], pair.commits[3])


def test_words_that_nobody_knows_are_quoted(pair: Pair) -> None:
    """A hook of somebody's own."""
    git(pair.mirror, "config", "receive.denyDeletes", "true")
    pair.pushed_by_another(pair.commits[0], DEV)
    found = pair.deliver(row(Action.DELETE, None, pair.commits[0], DEV))
    assert "deletion prohibited" in found[DEV].problem


def test_a_connection_that_breaks_after_the_push_arrived(pair: Pair) -> None:
    """The answer is lost, but the far side has what we wanted: no failure, and told as what it was."""
    pair.hook("post-receive", "kill -9 $PPID")
    found = run(pair.far, stubborn(pair, pair.commits[3], lambda: None))
    assert (found[MAIN].row.action, found[MAIN].failed) == (Action.UPDATE, False)


def test_a_connection_that_always_breaks_is_said_so(pair: Pair) -> None:
    """Three times, and then what git said of it."""
    pair.hook("pre-receive", "echo x >> tries; kill -9 $PPID")
    found = run(pair.far, stubborn(pair, pair.commits[3], lambda: None))
    assert "broke off the connection" in found[MAIN].problem
    assert (pair.mirror / "tries").read_text().split() == ["x"] * 3


def test_a_mirror_that_is_not_there(pair: Pair, tmp_path: Path) -> None:
    """Already the listing says so."""
    far = far_in(tmp_path / "nowhere.git", pair.far.git)
    with pytest.raises(PluginError, match="there is no repository"):
        far.read()


def test_a_hidden_ref_is_explained(pair: Pair) -> None:
    """As GitHub answers for refs/pull."""
    git(pair.mirror, "config", "receive.hideRefs", "refs/heads/hidden")
    found = pair.deliver(row(Action.CREATE, pair.commits[0], None, "refs/heads/hidden/x"))
    assert "keeps for itself" in found["refs/heads/hidden/x"].problem


def test_many_refs_go_in_as_many_pushes_as_a_command_line_needs(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git push` takes refspecs from nowhere else."""
    monkeypatch.setattr(push, "_LONGEST_COMMAND", 1000)
    pair.hook("pre-receive", "echo x >> pushes")
    names = [f"refs/heads/many/{number:03}" for number in range(40)]
    found = pair.deliver(*(row(Action.CREATE, pair.commits[0], None, name) for name in names))
    assert not any(outcome.failed for outcome in found.values())
    assert refs_of(pair.mirror).keys() == {MAIN, *names}
    assert 3 <= len((pair.mirror / "pushes").read_text().split()) <= 6


def test_objects_are_sent_before_the_refs(pair: Pair) -> None:
    """What `before` raises keeps the refs from being pushed, and is told for each."""

    def before(_refspecs: object) -> None:
        raise PluginError("an object of LFS is missing", details=["big.bin"], hint="push it")

    rows = [row(Action.UPDATE, pair.commits[3], pair.commits[0])]
    found = Delivery(pair.far, lambda _seen, _first: rows, limit=NO_LIMIT, before=before).run(pair.far.read())
    assert [(outcome.problem, outcome.details, outcome.hint) for outcome in found] == [
        ("an object of LFS is missing", ("big.bin",), "push it")
    ]
    assert refs_of(pair.mirror)[MAIN] == pair.commits[0]
