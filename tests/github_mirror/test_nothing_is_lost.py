"""Random repositories and settings against a simple model: nothing is lost at the far side that the settings did not ask for."""

import random
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from pydantic import SecretStr

from github_mirror import plan, relations
from github_mirror.plan import Ours, RefPlan
from github_mirror.push import Delivery, Outcome
from github_mirror.refs import Listing
from github_mirror.settings import Settings
from plugin_kit.ci import CI, Event
from tests.support.commit_graph import CommitGraph, commit_graph, refs_of
from tests.support.local_mirror import far_in, git_in

SEED = 20_251_123
CASES = 1000
AT_ONCE = 3
# So that the time limit of a test is one for a part of them.
PART = 200

BRANCHES = [f"refs/heads/{name}" for name in ("main", "dev", "release", "a", "a/b", "wip/one", "wip/two")]
TAGS = [f"refs/tags/{name}" for name in ("v1", "v2", "nightly")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A source, a mirror, settings, and what somebody else does at the mirror between the plan and the push."""

    number: int
    source: Mapping[str, str]
    far: Mapping[str, str]
    far_head: str
    settings: Settings
    branch: str
    head: str
    complete: bool
    meanwhile: Mapping[str, str | None]

    def __str__(self) -> str:
        return (
            f"seed {SEED}, case {self.number}: {self.settings.model_dump(exclude_defaults=True, exclude={'remote', 'ssh_key'})}\n"
            f"source {self.source}\nfar {self.far} HEAD {self.far_head}\n"
            f"pipeline {self.branch} {self.head} complete {self.complete}\nmeanwhile {self.meanwhile}"
        )


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> CommitGraph:
    """One graph for all cases."""
    return commit_graph(tmp_path_factory.mktemp("graph") / "all.git", SEED)


def without_conflicts(names: Sequence[str]) -> list[str]:
    """Leave out what can't be beside an earlier name."""
    kept: list[str] = []
    for name in names:
        if not any(name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in kept):
            kept.append(name)
    return kept


def random_case(graph: CommitGraph, number: int) -> Case:
    """Make up a case; each has a chance of its own, so that one can be run again alone."""
    chance = random.Random(f"{SEED}-{number}")

    def side(names: list[str]) -> dict[str, str]:
        chosen = without_conflicts(chance.sample(names, chance.randint(0, len(names))))
        pools = {True: [*graph.oids, *graph.tags.values()], False: list(graph.oids)}
        return {name: chance.choice(pools[name in TAGS]) for name in chosen}

    source = side(BRANCHES) | side(TAGS)
    far = side(BRANCHES) | side(TAGS)
    for name in source:
        # Two sides that have nothing to do with each other are the exception.
        kind = chance.random()
        if kind < 0.2:
            far[name] = source[name]
        elif kind < 0.5 and name in BRANCHES:
            far[name] = chance.choice(sorted(graph.histories[source[name]]))
        elif kind < 0.6 and name in BRANCHES:
            far[name] = chance.choice([oid for oid in graph.oids if graph.contains(oid, source[name])])
    far = {name: far[name] for name in without_conflicts(list(far))}
    whole = chance.random() < 0.7 or not any(name in BRANCHES for name in source)
    patterns = chance.choice([["heads/*", "tags/*"], ["heads/*"], ["heads/wip/*", "tags/v*"], ["heads/main", "heads/a*", "tags/*"]])
    branch = chance.choice([name for name in source if name in BRANCHES] or ["refs/heads/main"])
    settings = Settings(
        remote=["git@far.example:a/b.git"],
        ssh_key=SecretStr("unused"),
        refs=patterns if whole else [],
        exclude=chance.choice([[], [], ["heads/wip/*"], ["heads/main", "tags/nightly"]]),
        prune=chance.choice(["false", "true", "force"]) if whole else "false",
        on_divergence=chance.choice(["keep", "fail", "overwrite"]),
        branch=chance.choice([None, None, "release", "a/b"]) if not whole else None,
    )
    # An older run: its commit is in the history of what the branch is by now, or was, before that was rewritten.
    tip = source.get(branch)
    history = sorted(graph.histories[tip]) if tip else []
    head = chance.choice([tip or graph.oids[0], *history, chance.choice(graph.oids)])
    meanwhile: dict[str, str | None] = {}
    if chance.random() < 0.3 and far:
        name = chance.choice(list(far))
        meanwhile[name] = None if chance.random() < 0.2 else chance.choice([oid for oid in graph.oids if oid != far[name]])
    return Case(
        number=number,
        source=source,
        far=far,
        far_head=chance.choice(["refs/heads/main", "refs/heads/dev"]),
        settings=settings,
        branch=branch,
        head=head,
        complete=whole and chance.random() < 0.8,
        meanwhile=meanwhile,
    )


def mirror(case: Case, graph: CommitGraph, folder: Path) -> tuple[Outcome, ...]:
    """Run the plugin's plan and push from one folder to the other, with somebody's push in between."""
    clone = graph.make(folder / "source.git", case.source)
    graph.lend(clone, [case.head])
    far_folder = graph.make(folder / "far.git", case.far, case.far_head)
    git = git_in(clone, folder)
    far = far_in(far_folder, git)
    ours = Ours(
        listing=Listing(refs=case.source if case.settings.refs else {case.branch: case.head}),
        complete=case.complete,
        head=case.head,
        tip=case.source.get(case.branch),
        gone=case.branch not in case.source,
    )
    ci = CI(
        event=Event.PUSH,
        workspace=folder,
        in_woodpecker=True,
        default_branch="main",
        sha=case.head,
        ref=case.branch,
        branch=case.branch.removeprefix("refs/heads/"),
    )
    wanted = plan.wishes(case.settings, ci, ours)

    def choose(seen: Listing, first: Listing | None) -> Sequence[RefPlan]:
        facts = relations.gather(git, plan.questions(wanted, seen), far, seen)
        rows = plan.decide(wanted, ours, seen, facts, case.settings, seen_first=first)
        if first is None:
            somebody_pushes(case, graph, far_folder)
        return rows

    first = Listing(refs=dict(case.far), head=case.far_head if case.far_head in case.far else None)
    return Delivery(far, choose, limit=case.settings.push_limit).run(first)


def somebody_pushes(case: Case, graph: CommitGraph, folder: Path) -> None:
    """Move a ref of the far side as another push would."""
    for name, oid in case.meanwhile.items():
        refs = {**case.far, name: oid}
        graph.lend(folder, [oid] if oid else [])
        (folder / "packed-refs").write_text("".join(f"{value} {key}\n" for key, value in sorted(refs.items()) if value))


def is_chosen(name: str, settings: Settings) -> bool:
    """Say what the patterns mean, in other words than the plugin's."""
    short = name.removeprefix("refs/")
    return any(fnmatchcase(short, text) for text in settings.refs) and not any(fnmatchcase(short, text) for text in settings.exclude)


def model(case: Case, graph: CommitGraph) -> dict[str, str]:
    """Say what the far side must be in the end, when nobody else is there."""
    settings = case.settings
    result = dict(case.far)
    if settings.refs:
        wishes = {name: oid for name, oid in case.source.items() if is_chosen(name, settings)}
        extra = [name for name in case.far if name not in case.source and is_chosen(name, settings)]
        if case.complete and settings.prune != "false":
            lost = [name for name in extra if name in BRANCHES]
            if settings.prune != "force":
                half = len([name for name in case.far if name in BRANCHES]) / 2
                extra = [name for name in extra if name != case.far_head] if len(lost) <= half else []
            for name in extra:
                del result[name]
    else:
        target = f"refs/heads/{settings.branch}" if settings.branch else case.branch
        names = {target.removeprefix("refs/"), case.branch.removeprefix("refs/")}
        is_left_out = any(fnmatchcase(name, text) for name in names for text in settings.exclude)
        tip = case.source.get(case.branch)
        is_current = tip is not None and graph.contains(tip, case.head) and case.far.get(target) != tip
        wishes = {target: case.head} if is_current and not is_left_out else {}
    staying = list(result)
    for name, wanted in wishes.items():
        there = case.far.get(name)
        if there is None:
            if not any(name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in staying):
                result[name] = wanted
        elif (name in BRANCHES and graph.contains(wanted, there)) or (
            settings.on_divergence == "overwrite" and (name in TAGS or not graph.contains(there, wanted))
        ):
            result[name] = wanted
    return result


def check(case: Case, graph: CommitGraph, folder: Path) -> None:
    """Mirror a case and compare with the model."""
    folder.mkdir()
    outcomes = mirror(case, graph, folder)
    after = refs_of(folder / "far.git")
    expected = model(case, graph)
    for name, oid in case.meanwhile.items():
        # Whoever pushed in between keeps what he pushed, unless we have something that contains it.
        ends = {oid, case.far.get(name), expected.get(name)} if oid is None else {oid}
        wanted = case.source.get(name) if case.settings.refs else case.head
        if oid and wanted and name in BRANCHES and graph.contains(wanted, oid):
            ends.add(wanted)
        assert after.get(name) in ends, f"{case}\n{name} was {oid}, and is {after.get(name)}"
    moved = case.meanwhile.keys()
    got = {name: oid for name, oid in after.items() if name not in moved and not beside(name, moved)}
    want = {name: oid for name, oid in expected.items() if name not in moved and not beside(name, moved)}
    assert got == want, f"{case}\nis {after}\nmust be {expected}"
    told = {outcome.row.ref for outcome in outcomes}
    changed = {name for name in {*after, *case.far} if after.get(name) != case.far.get(name)} - moved
    assert changed <= told, f"{case}\n{changed - told} changed without a word"
    shutil.rmtree(folder)


def beside(name: str, others: object) -> bool:
    """Tell whether a name can't be where one of the others is."""
    assert isinstance(others, Mapping | type({}.keys()))
    return any(name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in others)


@pytest.mark.parametrize("begin", range(0, CASES, PART))
def test_random_pairs_end_as_the_model_says(graph: CommitGraph, tmp_path: Path, begin: int) -> None:
    """Branches and tags that moved, went, diverged or are unrelated; patterns, prune, overwrite; pushes in between."""

    def work(number: int) -> None:
        check(random_case(graph, number), graph, tmp_path / str(number))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(work, range(begin, begin + PART)):
            pass
