"""What --prune may take away: tables for the rules, and random registries for what must always hold."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from kargo_notify import housekeeping
from kargo_notify.freight import Artifact, Freight
from kargo_notify.housekeeping import Claim, Commit, Plan, Shelf, Tagged, revision_of
from kargo_notify.kargo import Stage
from plugin_kit.reference import Repository
from tests.support.project_store import NOON, sha

HOST = "registry.lan:5000"
API, WEB, RELEASES = (Repository(host=HOST, path=f"shop/{name}") for name in ("api", "web", "releases"))


def digest(name: str) -> str:
    """Return the digest of a manifest that the test calls so."""
    return f"sha256:{name}"


def commit(number: int, **changes: object) -> Commit:
    """Return a recorded commit, as many minutes after noon as its number."""
    made = Commit(revision=sha(number), created=NOON + timedelta(minutes=number), pipeline=number, digests=frozenset())
    return replace(made, **changes)  # type: ignore[arg-type]  # the fields of Commit


def shelf(repository: Repository, *numbers: int, more: dict[str, Tagged] | None = None) -> Shelf:
    """Return a repository with a tag, and a candidate, for each commit."""
    named = {number: Tagged(digest=digest(f"{repository.name}-{number}"), created=NOON, revision=sha(number)) for number in numbers}
    tags = {front + sha(number): tagged for number, tagged in named.items() for front in ("", "candidate-")}
    return Shelf(repository=repository, tags={**tags, **(more or {})})


def freight(tag: str = "", of: str = "", alias: str = "full-marmot", commits: tuple[str, ...] = ()) -> Freight:
    """Return a Freight of one image."""
    image = Artifact(repo_url="192.168.1.5:5000/shop/api", tag=tag, digest=of)
    return Freight(
        name="92be33f0e96a70d7", alias=alias, warehouse="images", images=(image,) if tag else (), discovered_at=None, commits=commits
    )


def stage(name: str, *artifacts: Artifact) -> Stage:
    """Return a Stage that runs these."""
    return Stage(name=name, warehouses=("images",), direct=("images",), freights=(), artifacts=artifacts, holds=())


def made(
    shelves: Sequence[Shelf], numbers: Iterable[int] = range(1, 6), held: Sequence[Claim] = (), *, keep: int = 2, by_tag: bool = False
) -> Plan:
    """Plan for these commits, of which two are kept."""
    return housekeeping.plan(shelves, [commit(number) for number in numbers], held, keep=keep, by_tag=by_tag)


def going(plan: Plan) -> list[int]:
    """Return the numbers of the commits that go, in their order."""
    return [int(commit.revision[:4], 16) for unit in plan.going for commit in unit.commits]


def reasons(plan: Plan) -> dict[int, tuple[str, ...]]:
    """Return why old commits stay, by number."""
    return {int(commit.revision[:4], 16): tuple(map(str, entry.reasons)) for entry in plan.protected for commit in entry.unit.commits}


@pytest.mark.parametrize(
    ("tag", "revision"),
    [
        (sha(1), sha(1)),
        (f"candidate-{sha(1)}", sha(1)),
        (f"feature-fast_ledger-{sha(1)}", sha(1)),
        (f"main-{sha(1)}", sha(1)),
        ("latest", None),
        ("1.4.2", None),
        ("buildcache", None),
        (sha(1)[:12], None),
        (f"x{sha(1)}", None),
        (f"{sha(1)}-arm64", None),
        (sha(1).replace("0", "A"), None),
        (f"sha256-{'ab' * 32}", None),
        (f"sha256-{'ab' * 32}.sig", None),
    ],
)
def test_tags_that_name_a_commit(tag: str, revision: str | None) -> None:
    """Signatures, caches, versions and whatever else there is are none."""
    assert revision_of(tag) == revision


def test_the_oldest_go_first() -> None:
    """And the newest are kept, by the time of their record."""
    plan = made([shelf(API, 1, 2, 3, 4, 5)], [3, 1, 5, 2, 4])
    assert (going(plan), [commit.pipeline for commit in plan.kept]) == ([1, 2, 3], [5, 4])


def test_one_second_is_ordered_by_pipeline() -> None:
    """As the rule for latest has it."""
    commits = [commit(number, created=NOON) for number in (3, 1, 2)]
    assert going(housekeeping.plan([shelf(API, 1, 2, 3)], commits, [], keep=1, by_tag=True)) == [1, 2]


def test_few_commits_are_all_kept() -> None:
    """Then nothing is old, whatever it looks like."""
    stranger = Tagged(digest=digest("x"), created=NOON - timedelta(days=900), revision=sha(9))
    assert going(made([shelf(API, 1, more={sha(9): stranger})], [1])) == []
    assert going(made([shelf(API, 1, 2, more={sha(9): stranger})], [1, 2])) == [9]


def test_only_released_commits_count() -> None:
    """A night of failing tests must not push the commits out that one can roll back to."""
    commits = [commit(number, state="held" if number in {1, 3, 5, 6, 7} else "released") for number in range(1, 9)]
    plan = housekeeping.plan([shelf(API, *range(1, 9))], commits, [], keep=2, by_tag=True)
    assert [each.pipeline for each in plan.kept] == [8, 4]
    assert going(plan) == [1, 2, 3]
    assert [each.pipeline for each in plan.waiting] == [7, 6, 5]


def test_branches_count() -> None:
    """As they always did."""
    commits = [commit(number, state="branch" if number > 2 else "released") for number in range(1, 5)]
    assert going(housekeeping.plan([shelf(API, *range(1, 5))], commits, [], keep=2, by_tag=True)) == [1, 2]


@pytest.mark.parametrize("state", ["held", "incomplete"])
def test_commits_that_were_never_released_stay_while_few_are(state: housekeeping.State) -> None:
    """Their test may be running: only a full window tells what is old."""
    commits = [*(commit(number, state=state) for number in (1, 2, 3, 5)), commit(4)]
    plan = housekeeping.plan([shelf(API, *range(1, 6))], commits, [], keep=2, by_tag=True)
    assert (going(plan), len(plan.waiting)) == ([], 4)
    assert going(housekeeping.plan([shelf(API, *range(1, 6))], commits, [], keep=1, by_tag=True)) == [1, 2, 3]


def test_a_held_commit_that_shares_a_digest_protects_it() -> None:
    """It may be released yet."""
    same = {f"candidate-{sha(number)}": Tagged(digest=digest("same")) for number in (1, 5)}
    commits = [*(commit(number) for number in range(1, 5)), commit(5, state="held")]
    plan = housekeeping.plan([Shelf(repository=API, tags=same)], commits, [], keep=1, by_tag=False)
    assert reasons(plan)[1] == (f"the same digest as api:candidate-{sha(5)}",)


@pytest.mark.parametrize(
    ("tags", "held", "state"),
    [
        ([f"candidate-{sha(1)}"], True, "held"),
        ([f"candidate-{sha(1)}"], False, "incomplete"),
        ([], True, "held"),
        ([f"candidate-{sha(1)}", sha(1)], True, "released"),
        ([sha(1), f"main-{sha(1)}"], False, "released"),
        ([f"candidate-{sha(1)}", f"feature-x-{sha(1)}"], True, "branch"),
        ([f"feature-x-{sha(1)}", "1.4.2"], False, "released"),
        (["latest"], False, "released"),
    ],
)
def test_tags_tell_how_far_a_commit_came(tags: list[str], state: str, *, held: bool) -> None:
    """A record that says `held` is never written again: its tags say what became of it."""
    assert housekeeping.state_of(sha(1), tags, held=held) == state


def test_freight_protects_all_images_of_its_commit() -> None:
    """It names the one image that the Warehouse watches, by whatever name Kargo calls the registry, and stands for all."""
    held = housekeeping.claims([freight(tag=sha(2))], [])
    plan = made([shelf(API, 1, 2, 3, 4, 5), shelf(WEB, 1, 2, 3, 4, 5)], held=held)
    assert (going(plan), reasons(plan)) == ([1, 3], {2: ("Freight full-marmot (92be33f0e96a)",)})


@pytest.mark.parametrize("by_tag", [True, False])
def test_freight_protects_by_digest(*, by_tag: bool) -> None:
    """Its tag may be one that has moved on."""
    held = housekeeping.claims([freight(tag="stable", of=digest("web-2"))], [])
    assert reasons(made([shelf(API, *range(1, 6)), shelf(WEB, *range(1, 6))], held=held, by_tag=by_tag)).keys() == {2}


def test_freight_of_a_git_repository_protects_its_commit() -> None:
    """A Warehouse may watch git, and its Stages deploy images by the commit's SHA."""
    assert reasons(made([shelf(API, *range(1, 6))], held=housekeeping.claims([freight(commits=(sha(3),))], []))).keys() == {3}


def test_a_stage_protects_what_it_runs() -> None:
    """Also where Kargo has forgotten the Freight."""
    held = housekeeping.claims([], [stage("live", Artifact(repo_url="x/shop/api", tag=sha(1), digest=""))])
    assert reasons(made([shelf(API, *range(1, 6))], held=held)) == {1: ("Stage live",)}


def test_a_digest_that_a_kept_tag_names_stays_where_only_digests_go() -> None:
    """And with it the whole commit, so that no half of one is left."""
    version = {"1.4.2": Tagged(digest=digest("api-2")), "latest": Tagged(digest=digest("api-5"))}
    shelves = [shelf(API, *range(1, 6), more=version), shelf(WEB, *range(1, 6))]
    plan = made(shelves)
    assert (going(plan), reasons(plan)) == ([1, 3], {2: ("the same digest as api:1.4.2",)})
    assert going(made(shelves, by_tag=True)) == [1, 2, 3]


def test_what_a_kept_index_lists_stays_where_only_digests_go() -> None:
    """Its platform's image has a tag of its own sometimes."""
    index = {"stable": Tagged(digest=digest("index"), children=frozenset({digest("api-1")}))}
    plan = made([shelf(API, *range(1, 6), more=index)])
    assert reasons(plan) == {1: ("part of the index api:stable",)}


def test_what_an_index_lists_that_kargo_holds_stays() -> None:
    """The index has no tag any more; its Freight has its digest."""
    held = Tagged(digest=digest("index"), children=frozenset({digest("api-1")}))
    shelves = [replace(shelf(API, *range(1, 6)), untagged=(held,))]
    assert reasons(made(shelves)) == {1: ("part of an index that Kargo holds of api",)}


def test_commits_of_one_digest_go_together_or_not_at_all() -> None:
    """A builder that puts no commit into its images gives several the same digest."""
    same = {sha(number): Tagged(digest=digest("same")) for number in (1, 2, 3)}
    shelves = [Shelf(repository=API, tags=same), shelf(WEB, *range(1, 6))]
    plan = made(shelves)
    assert [sorted(unit.revisions) for unit in plan.going] == [[sha(1), sha(2), sha(3)]]
    assert reasons(made(shelves, held=housekeeping.claims([freight(tag=sha(2))], []))).keys() == {1, 2, 3}
    assert going(made(shelves, held=housekeeping.claims([freight(tag=sha(2))], []), by_tag=True)) == [1, 3]


def test_what_has_no_record_goes_when_it_says_that_it_is_older() -> None:
    """By the annotations of that very commit; without them nothing is known, and nothing is done."""
    more = {
        sha(0x10): Tagged(digest=digest("a"), created=NOON, revision=sha(0x10)),
        sha(0x11): Tagged(digest=digest("b"), created=NOON + timedelta(days=1), revision=sha(0x11)),
        sha(0x12): Tagged(digest=digest("c"), created=NOON, revision=sha(0x13)),
        sha(0x14): Tagged(digest=digest("d")),
        sha(0x15): Tagged(digest=None),
    }
    plan = made([shelf(API, *range(1, 6), more=more)])
    assert going(plan) == [0x10, 1, 2, 3]
    assert plan.unknown == {sha(0x12), sha(0x14), sha(0x15)}


def test_a_commit_whose_record_is_broken_stays() -> None:
    """Nobody knows what it is made of."""
    commits = [commit(1, fault="its release record can't be read: no JSON"), *(commit(number) for number in range(2, 6))]
    plan = housekeeping.plan([shelf(API, *range(1, 6))], commits, [], keep=2, by_tag=True)
    assert reasons(plan) == {1: ("its release record can't be read: no JSON",)}


def test_an_index_goes_before_what_it_lists() -> None:
    """And takes along what no other index lists."""
    own, shared = digest("own"), digest("shared")
    tags = {
        sha(1): Tagged(digest=digest("index-1"), children=frozenset({own, shared, digest("child")})),
        f"main-{sha(1)}": Tagged(digest=digest("child")),
        sha(5): Tagged(digest=digest("index-5"), children=frozenset({shared})),
    }
    place = Shelf(repository=API, tags=tags)
    (unit,) = made([place], [1, 4, 5]).going
    cut = housekeeping.cut(unit, place, by_tag=False)
    assert (cut.digests, cut.children) == ((digest("index-1"), digest("child")), (own,))


def test_what_kargo_watches_loses_a_commit_first_and_the_record_last() -> None:
    """An interrupted run leaves nothing that Kargo could offer, and everything that the next run needs."""
    query = Repository(host=HOST, path="shop/query-api")
    shelves = [Shelf(repository=place, tags={}) for place in (RELEASES, API, query, WEB)]
    assert [shelf.repository for shelf in housekeeping.in_order(shelves, {query})] == [query, API, WEB, RELEASES]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A random registry, and what Kargo holds of it."""

    shelves: tuple[Shelf, ...]
    commits: tuple[Commit, ...]
    held: tuple[Claim, ...]
    keep: int


def world(seed: int) -> World:
    """Make commits, some of which share digests, are indexes of each other's parts, are half there or not recorded."""
    chance = random.Random(seed)
    numbers = range(1, chance.randint(3, 16))
    shelves = []
    for repository in (API, WEB, RELEASES):
        pool = [digest(f"{repository.name}-{number}") for number in numbers] + [digest(f"{repository.name}-common")]
        tags: dict[str, Tagged] = {}
        for number in numbers:
            for front in ("", "candidate-", "feature-x-"):
                if chance.random() < 0.5:
                    tags[front + sha(number)] = _random_tagged(chance, pool, number)
        for other in ("latest", "1.4.2", "buildcache", f"{sha(0x99)}"):
            if chance.random() < 0.4:
                tags[other] = _random_tagged(chance, pool, 0x99)
        untagged = tuple(_random_tagged(chance, pool, 0) for _ in range(chance.randint(0, 1)))
        shelves.append(Shelf(repository=repository, tags=tags, untagged=untagged))
    states = ("released", "released", "branch", "held", "incomplete")
    recorded = tuple(commit(number, state=chance.choice(states)) for number in numbers if chance.random() < 0.85)
    freights = [freight(tag=sha(number), alias=f"f{number}") for number in numbers if chance.random() < 0.15]
    freights += [freight(tag="latest", of=digest(f"api-{number}"), alias=f"d{number}") for number in numbers if chance.random() < 0.1]
    return World(shelves=tuple(shelves), commits=recorded, held=housekeeping.claims(freights, []), keep=chance.randint(1, 6))


def _random_tagged(chance: random.Random, pool: Sequence[str], number: int) -> Tagged:
    if chance.random() < 0.05:
        return Tagged(digest=None)
    own = next((each for each in pool if each.endswith(f"-{number}")), pool[-1])
    named = own if chance.random() < 0.8 else chance.choice(pool)
    if chance.random() < 0.2:
        children = frozenset({chance.choice(pool), f"{own}-part"}) - {f"{named}-index"}
        return Tagged(
            digest=f"{named}-index-{chance.randint(1, 2)}-{sorted(children)}", children=children, created=NOON, revision=sha(number)
        )
    return Tagged(digest=named, created=NOON + timedelta(minutes=number), revision=sha(number))


def carried_out(plan: Plan, shelves: Sequence[Shelf], *, by_tag: bool, skipped: Iterable[int] = ()) -> dict[Repository, dict[str, Tagged]]:
    """Do to the repositories what such a registry does; returns the tags that are left, dead where a part of them is gone."""
    skip = set(skipped)
    places = {shelf.repository: shelf for shelf in shelves}
    gone: dict[Repository, set[str]] = {shelf.repository: set() for shelf in shelves}
    for place, unit in enumerate(plan.going):
        if place in skip:
            continue
        for repository, shelf in places.items():
            cut = housekeeping.cut(unit, shelf, by_tag=by_tag)
            deleted = {*cut.digests, *cut.children}
            gone[repository] |= deleted
            lost = {tag for tag, tagged in shelf.tags.items() if tagged.digest in deleted}
            assert by_tag or lost == set(cut.tags), "a digest takes exactly the tags along that were to go"
            places[repository] = shelf.without(cut.gone)
    return {
        repository: {
            tag: replace(tagged, digest=None) if {tagged.digest, *tagged.children} & gone[repository] else tagged
            for tag, tagged in shelf.tags.items()
        }
        for repository, shelf in places.items()
    }


@pytest.mark.parametrize("by_tag", [True, False])
def test_whatever_a_registry_holds(*, by_tag: bool) -> None:
    """What is kept, held or unknown stays and can be pulled; a commit goes as a whole or not at all."""
    for seed in range(300):
        there = world(seed)
        plan = housekeeping.plan(there.shelves, there.commits, there.held, keep=there.keep, by_tag=by_tag)
        # Some are claimed after the plan was made, and are left out on the way.
        skipped = random.Random(seed).sample(range(len(plan.going)), k=len(plan.going) // 3)
        left = carried_out(plan, there.shelves, by_tag=by_tag, skipped=skipped)
        removed = frozenset().union(*(unit.revisions for place, unit in enumerate(plan.going) if place not in skipped))
        newest = sorted((commit for commit in there.commits if commit.released), key=lambda commit: commit.created)[-there.keep :]
        since = newest[0].created if len(newest) == there.keep else housekeeping.LONG_AGO
        assert not removed & {commit.revision for commit in there.commits if commit.created >= since}, seed
        assert not removed & frozenset().union(*(claim.revisions for claim in there.held)), seed
        claimed = frozenset().union(*(claim.digests for claim in there.held))
        for shelf in there.shelves:
            before, after = shelf.tags, left[shelf.repository]
            assert {tag for tag in before if tag not in after} == {tag for tag in before if revision_of(tag) in removed}, seed
            assert all(after[tag].digest == before[tag].digest for tag in after), f"{seed}: what is left can be pulled"
            assert not claimed & {tagged.digest for tag, tagged in before.items() if revision_of(tag) in removed}, seed


def test_a_second_run_finds_nothing_to_do() -> None:
    """What is left of the first one is what has to stay."""
    for seed in range(300):
        there = world(seed)
        plan = housekeeping.plan(there.shelves, there.commits, there.held, keep=there.keep, by_tag=False)
        left = carried_out(plan, there.shelves, by_tag=False)
        removed = frozenset().union(*(unit.revisions for unit in plan.going))
        shelves = [replace(shelf, tags=left[shelf.repository]) for shelf in there.shelves]
        recorded = [commit for commit in there.commits if commit.revision not in removed]
        assert going(housekeeping.plan(shelves, recorded, there.held, keep=there.keep, by_tag=False)) == [], seed
