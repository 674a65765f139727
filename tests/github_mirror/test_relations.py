from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from github_mirror import relations
from github_mirror.git import Git
from github_mirror.plan import Facts, Pair, Relation
from github_mirror.refs import Listing
from plugin_kit import process
from tests.support.commit_graph import CommitGraph, commit_graph
from tests.support.histories import bare, git, repository
from tests.support.local_mirror import far_in, git_in


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> CommitGraph:
    """Make a graph with merges, several roots and wrong clocks."""
    return commit_graph(tmp_path_factory.mktemp("graph") / "all.git", seed=7, commits=40)


def expected(graph: CommitGraph, pair: Pair) -> Relation:
    """Say how two commits relate."""
    ours, theirs = pair
    if graph.contains(ours, theirs):
        return Relation.AHEAD
    return Relation.BEHIND if graph.contains(theirs, ours) else Relation.DIVERGED


def gather(reader: Git, far_folder: Path, pairs: Iterable[Pair], theirs: Iterable[str]) -> Facts:
    """Gather facts about pairs with a far side that has refs of its own."""
    listing = Listing(refs={f"refs/heads/x{number}": oid for number, oid in enumerate(theirs)})
    return relations.gather(reader, list(pairs), far_in(far_folder, reader), listing)


def test_all_pairs_at_once(graph: CommitGraph, tmp_path: Path) -> None:
    """Whether they come in one batch, where the way of one leads over another's, or one by one."""
    reader = git_in(graph.folder, tmp_path)
    pairs = [(ours, theirs) for ours in graph.oids[::3] for theirs in graph.oids[1::3] if ours != theirs]
    assert gather(reader, graph.folder, pairs, []).relations == {pair: expected(graph, pair) for pair in pairs}
    for pair in pairs[::7]:
        assert gather(reader, graph.folder, [pair], []).relations == {pair: expected(graph, pair)}


def test_steps_forward_take_no_process_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 branches that each moved on: one look for their objects, and one walk."""
    work = repository(tmp_path / "work", commits=2)
    old = git(work, "rev-parse", "HEAD~1")
    tree = git(work, "rev-parse", "HEAD^{tree}")
    pairs = [(git(work, "commit-tree", tree, "-p", old, "-m", str(number)), old) for number in range(30)]
    commands: list[str] = []
    start = process.run

    def counted(argv: Sequence[str], **options: Any) -> process.Result:  # noqa: ANN401  passed on as it came
        commands.append(argv[1])
        return start(argv, **options)

    monkeypatch.setattr(process, "run", counted)
    found = gather(git_in(work / ".git", tmp_path), work, pairs, [])
    assert set(found.relations.values()) == {Relation.AHEAD}
    assert commands == ["cat-file", "rev-list"]


def test_what_only_the_far_side_has_is_read_from_there_and_thrown_away(graph: CommitGraph, tmp_path: Path) -> None:
    """A person's commits: counted, and never kept in the clone."""
    theirs = max(graph.oids, key=lambda oid: len(graph.histories[oid]))
    ours = next(oid for oid in graph.oids if graph.contains(theirs, oid) and len(graph.histories[oid]) > 3)
    other = next(oid for oid in graph.oids if not graph.contains(theirs, oid) and not graph.contains(oid, theirs))
    clone = graph.make(tmp_path / "clone.git", {"refs/heads/main": ours, "refs/heads/other": other})
    far = graph.make(tmp_path / "far.git", {"refs/heads/x0": theirs})
    reader = git_in(clone, tmp_path)
    before = sorted(path for path in clone.rglob("*"))
    found = gather(reader, far, [(ours, theirs), (other, theirs)], [theirs])
    assert found.relations == {(ours, theirs): Relation.BEHIND, (other, theirs): Relation.DIVERGED}
    assert found.extra == {(mine, theirs): len(graph.histories[theirs] - graph.histories[mine]) for mine in (ours, other)}
    assert sorted(path for path in clone.rglob("*")) == before


def test_only_commits_are_read_from_the_far_side(tmp_path: Path) -> None:
    """Somebody's big files at the mirror are nothing that has to be downloaded to see that he pushed."""
    work = repository(tmp_path / "work", commits=2)
    git(work, "clone", "--quiet", "--bare", str(work), str(tmp_path / "clone.git"))
    ours = git(work, "rev-parse", "HEAD")
    (work / "big").write_bytes(bytes(range(256)) * 4000)
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", "big")
    theirs = git(work, "rev-parse", "HEAD")
    reader = git_in(tmp_path / "clone.git", tmp_path)
    folder = tmp_path / "quarantine"
    quarantined = relations._quarantine(reader, folder, [ours])
    relations._fetch(far_in(work, reader), quarantined, ["refs/heads/main"])
    assert relations.commits(quarantined, [theirs, ours]) == {theirs, ours}
    assert sum(path.stat().st_size for path in (folder / "objects").rglob("*") if path.is_file()) < 10_000


def test_the_far_side_is_told_only_of_the_branches_in_question(tmp_path: Path) -> None:
    """Of thousands of branches each would be named to it in turn."""
    work = repository(tmp_path / "work", commits=30)
    for number in range(20):
        git(work, "branch", f"old/{number}", f"HEAD~{number}")
    far = bare(tmp_path / "far.git")
    base, tree = git(work, "rev-parse", "HEAD~25"), git(work, "rev-parse", "HEAD^{tree}")
    git(work, "push", "--quiet", str(far), f"{git(work, 'commit-tree', tree, '-p', base, '-m', 'theirs')}:refs/heads/x")
    ours = git(work, "commit-tree", tree, "-p", base, "-m", "ours")
    reader = git_in(work / ".git", tmp_path)
    quarantined = relations._quarantine(reader, tmp_path / "quarantine", [ours])
    trace = tmp_path / "trace"
    relations._fetch(far_in(far, reader), quarantined.using({"GIT_TRACE_PACKET": str(trace)}), ["refs/heads/x"])
    assert relations.commits(quarantined, [git(far, "rev-parse", "x")])
    told = {line.split("> have ")[1] for line in trace.read_text().splitlines() if "fetch-pack> have " in line}
    assert told <= {ours, *git(work, "rev-list", base).split()}
    assert told


def test_a_far_side_that_cannot_be_read_leaves_the_relation_open(graph: CommitGraph, tmp_path: Path) -> None:
    """Nothing is taken for granted of what could not be looked at."""
    clone = graph.make(tmp_path / "clone.git", {"refs/heads/main": graph.oids[0]})
    pair = (graph.oids[0], graph.oids[-1])
    found = gather(git_in(clone, tmp_path), tmp_path / "nowhere.git", [pair], [graph.oids[-1]])
    assert found.relation(*pair) is Relation.UNKNOWN


def test_reachable_tags(graph: CommitGraph, tmp_path: Path) -> None:
    """Those whose commit is in the history of a head; what the clone lacks is in none."""
    head = graph.oids[20]
    found = relations.reachable(git_in(graph.folder, tmp_path), [*graph.oids, "f" * 40], [head])
    assert found == {oid for oid in graph.oids if graph.contains(head, oid)}
