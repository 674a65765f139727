from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from github_mirror.plan import Action, Concern, Facts, Ours, Pair, RefPlan, Relation, Wishes, decide, questions, unmatched, wishes
from github_mirror.refs import Listing
from github_mirror.settings import Settings
from plugin_kit.ci import CI, Event

OLD, NEW, TIP, OTHER, TAG = (letter * 40 for letter in "abcde")
MAIN, DEV, V1 = "refs/heads/main", "refs/heads/dev", "refs/tags/v1"


def settings(**values: Any) -> Settings:  # noqa: ANN401  whatever a field takes
    """Make settings with what every step has."""
    return Settings(remote=["git@github.com:acme/shop.git"], ssh_key=SecretStr("unused"), **values)


def ci(event: Event = Event.PUSH, branch: str | None = "main", tag: str | None = None) -> CI:
    """Make a pipeline for NEW."""
    ref = f"refs/tags/{tag}" if tag else f"refs/heads/{branch}" if branch else None
    return CI(event=event, workspace=Path(), in_woodpecker=True, default_branch="main", sha=NEW, ref=ref, branch=branch, tag=tag)


def ours(refs: Mapping[str, str] | None = None, *, complete: bool = True, **values: Any) -> Ours:  # noqa: ANN401  see above
    """Make the source's side."""
    peeled = values.pop("peeled", {})
    return Ours(listing=Listing(refs={MAIN: NEW} if refs is None else refs, peeled=peeled), complete=complete, head=NEW, **values)


def rows(
    side: Ours,
    far: Mapping[str, str],
    relations: Mapping[Pair, Relation] | None = None,
    *,
    pipeline: CI | None = None,
    extra: Mapping[Pair, int] | None = None,
    first: Mapping[str, str] | None = None,
    **values: Any,  # noqa: ANN401  see above
) -> dict[str, RefPlan]:
    """Decide, and give the rows by their refs."""
    chosen = settings(**values)
    wanted = wishes(chosen, pipeline or ci(), side)
    listing = Listing(refs=far, head=MAIN)
    facts = Facts(relations=relations or {}, extra=extra or {})
    seen = None if first is None else Listing(refs=first, head=MAIN)
    return {row.ref: row for row in decide(wanted, side, listing, facts, chosen, seen_first=seen)}


AHEAD, BEHIND, DIVERGED = Relation.AHEAD, Relation.BEHIND, Relation.DIVERGED


@pytest.mark.parametrize(
    ("theirs", "relation", "divergence", "action", "concern"),
    [
        (None, None, "keep", Action.CREATE, Concern.NONE),
        (NEW, None, "keep", Action.UNCHANGED, Concern.NONE),
        (OLD, AHEAD, "keep", Action.UPDATE, Concern.NONE),
        (OLD, AHEAD, "overwrite", Action.UPDATE, Concern.NONE),
        (OTHER, BEHIND, "keep", Action.UNCHANGED, Concern.NONE),
        (OTHER, BEHIND, "fail", Action.UNCHANGED, Concern.NONE),
        (OTHER, BEHIND, "overwrite", Action.UNCHANGED, Concern.NONE),
        (OTHER, DIVERGED, "keep", Action.KEEP, Concern.NOTICE),
        (OTHER, DIVERGED, "fail", Action.KEEP, Concern.FAILURE),
        (OTHER, DIVERGED, "overwrite", Action.FORCE, Concern.NONE),
        (OTHER, None, "keep", Action.REFUSE, Concern.FAILURE),
        (OTHER, None, "overwrite", Action.REFUSE, Concern.FAILURE),
    ],
)
def test_a_branch(theirs: str | None, relation: Relation | None, divergence: str, action: Action, concern: Concern) -> None:
    """By what the far side has, how the two relate, and what may happen where they have diverged."""
    known = {(NEW, theirs): relation} if theirs and relation else {}
    row = rows(ours(), {MAIN: theirs} if theirs else {}, known, on_divergence=divergence)[MAIN]
    assert (row.action, row.concern, row.ours, row.theirs) == (action, concern, NEW, theirs)


@pytest.mark.parametrize("side", [ours(tip=NEW), ours(tip=TIP)], ids=["latest", "older"])
@pytest.mark.parametrize(("divergence", "concern"), [("keep", Concern.NOTICE), ("overwrite", Concern.NOTICE), ("fail", Concern.FAILURE)])
def test_commits_on_top_that_the_source_lacks_are_kept_and_told(side: Ours, divergence: str, concern: Concern) -> None:
    """Somebody pushed to the mirror, or the source was taken back; a ref is not even moved backwards by `overwrite`."""
    known = {(NEW, OTHER): BEHIND, (TIP, NEW): AHEAD, (TIP, OTHER): DIVERGED}
    row = rows(side, {MAIN: OTHER}, known, on_divergence=divergence)[MAIN]
    assert (row.action, row.concern, row.backwards) == (Action.KEEP, concern, True)
    assert "all that the source has, and more" in row.why
    assert "command above" in str(row.hint)


def test_with_patterns_commits_on_top_are_told_where_the_source_is_known() -> None:
    """A workspace tells what the source was when it was cloned: what is more at the mirror may be of a run that was faster."""
    known = {(NEW, OTHER): BEHIND}
    assert rows(ours(), {MAIN: OTHER}, known, refs=["heads/*"])[MAIN].action is Action.KEEP
    assert rows(ours(complete=False), {MAIN: OTHER}, known, refs=["heads/*"])[MAIN].action is Action.UNCHANGED


def test_what_the_source_has_by_now_is_no_foreign_commit() -> None:
    """A run of a newer commit was faster, and the source has moved on since."""
    known = {(NEW, OTHER): BEHIND, (TIP, NEW): AHEAD, (TIP, OTHER): AHEAD}
    row = rows(ours(tip=TIP), {MAIN: OTHER}, known, on_divergence="fail")[MAIN]
    assert (row.action, row.why) == (Action.UNCHANGED, "the far side is newer")


@pytest.mark.parametrize(
    ("ref", "known", "words"),
    [
        (MAIN, {(NEW, OTHER): DIVERGED}, ["pushed there", "`on_divergence: overwrite` for one run"]),
        (MAIN, {(NEW, OTHER): BEHIND}, ["the command above in a clone of the source", "not even with `on_divergence: overwrite`"]),
        (V1, {}, ["put the far side's tag into the source", "`on_divergence: overwrite` for one run"]),
    ],
)
def test_each_kind_of_difference_has_its_own_advice(ref: str, known: Mapping[Pair, Relation], words: Sequence[str]) -> None:
    """Commits can be brought home, a tag can't; and what `overwrite` does not do is not advised."""
    row = rows(ours({ref: NEW}), {ref: OTHER}, known, refs=["heads/*", "tags/*"])[ref]
    assert row.action is Action.KEEP
    for part in words:
        assert part in str(row.hint)


@pytest.mark.parametrize(
    ("count", "why"),
    [
        ({(NEW, OTHER): 1}, "`on_divergence: overwrite`, drops 1 commit"),
        ({(NEW, OTHER): 12}, "`on_divergence: overwrite`, drops 12 commits"),
        ({}, "`on_divergence: overwrite`"),
    ],
)
def test_a_forced_branch_says_how_many_commits_it_drops(count: Mapping[Pair, int], why: str) -> None:
    """Where they were counted."""
    row = rows(ours(), {MAIN: OTHER}, {(NEW, OTHER): DIVERGED}, extra=count, on_divergence="overwrite")[MAIN]
    assert (row.why, row.is_loss) == (why, True)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"refs": ["heads/*", "tags/v*"]}, ()),
        ({"refs": ["heads/*", "heads/relase/*"]}, ("`refs`: heads/relase/*",)),
        ({"refs": ["heads/*"], "exclude": ["heads/secert"]}, ("`exclude`: heads/secert",)),
        ({"refs": ["refs/heads/only-there", "tags/**"]}, ()),
        ({"refs": ["heads/*", "refs/tags/*"], "exclude": ["tags/*"]}, ()),
        ({"exclude": ["heads/secert"]}, ()),
    ],
)
def test_patterns_that_stand_for_nothing(values: Mapping[str, Any], found: tuple[str, ...]) -> None:
    """On neither side; all branches or all tags may be none."""
    sides = [Listing(refs={MAIN: NEW, V1: TAG}), Listing(refs={"refs/heads/only-there": OLD})]
    assert unmatched(settings(**values), sides) == found


def test_a_repository_without_tags_is_no_misspelling() -> None:
    """`tags/*` is in the settings from the first day."""
    assert unmatched(settings(refs=["heads/*", "tags/*"]), [Listing(refs={MAIN: NEW})]) == ()


@pytest.mark.parametrize(
    ("theirs", "divergence", "action"),
    [
        (None, "keep", Action.CREATE),
        (TAG, "keep", Action.UNCHANGED),
        (OTHER, "keep", Action.KEEP),
        (OTHER, "overwrite", Action.FORCE),
    ],
)
def test_a_tag_that_moved_is_divergence(theirs: str | None, divergence: str, action: Action) -> None:
    """Also where the commits that it was and is on are in line."""
    side = ours({V1: TAG})
    row = rows(side, {V1: theirs} if theirs else {}, {(TAG, OTHER): AHEAD}, refs=["tags/*"], on_divergence=divergence)[V1]
    assert row.action is action


def test_an_older_run_that_ends_later_is_a_success() -> None:
    """The far side has what the source has by now; nothing goes back to the commit of this pipeline."""
    row = rows(ours(tip=TIP), {MAIN: TIP}, on_divergence="overwrite")[MAIN]
    assert (row.action, row.why, row.concern) == (Action.UNCHANGED, "the far side is newer", Concern.NONE)


@pytest.mark.parametrize("theirs", [None, OTHER])
def test_what_was_rewritten_is_not_put_back_by_an_older_pipeline(theirs: str | None) -> None:
    """History is rewritten to take something out, a secret say."""
    known = {(TIP, NEW): DIVERGED, (NEW, OTHER): DIVERGED}
    row = rows(ours(tip=TIP), {MAIN: theirs} if theirs else {}, known, on_divergence="overwrite")[MAIN]
    assert (row.action, row.concern) == (Action.KEEP, Concern.NONE)
    assert "rewritten" in row.why


def test_a_commit_that_the_branch_has_left_behind_is_still_sent() -> None:
    """The mirror gets what has passed; what came after it has its own pipeline."""
    row = rows(ours(tip=TIP), {MAIN: OLD}, {(TIP, NEW): AHEAD, (NEW, OLD): AHEAD})[MAIN]
    assert (row.action, row.ours) == (Action.UPDATE, NEW)


def test_a_branch_that_is_gone_is_not_made_anew() -> None:
    """It was merged and deleted while the pipeline ran."""
    row = rows(ours({MAIN: NEW}, gone=True), {})[MAIN]
    assert (row.action, row.why) == (Action.KEEP, "deleted at the source since this pipeline began")


def test_the_pipelines_tag() -> None:
    """The tag itself is sent, not the commit that it is on."""
    side = ours({V1: TAG}, peeled={V1: NEW})
    found = rows(side, {}, pipeline=ci(Event.TAG, branch=None, tag="v1"))
    assert [(row.ref, row.action, row.ours) for row in found.values()] == [(V1, Action.CREATE, TAG)]


def test_a_tag_that_moved_since_is_left_to_its_next_pipeline() -> None:
    """What it is on by now has not passed."""
    side = ours({V1: TAG}, peeled={V1: OTHER})
    row = rows(side, {}, pipeline=ci(Event.TAG, branch=None, tag="v1"))[V1]
    assert (row.action, row.concern) == (Action.KEEP, Concern.NONE)


def test_a_tag_that_the_clone_lacks_is_refused() -> None:
    """A tag on the bare commit would not be the annotated one, and could never be put right without force."""
    row = rows(ours({}), {}, pipeline=ci(Event.TAG, branch=None, tag="v1"))[V1]
    assert (row.action, row.concern) == (Action.REFUSE, Concern.FAILURE)


def test_branch_sends_the_commit_elsewhere() -> None:
    """As `branch` of drone-git-push does; on a tag, too."""
    assert rows(ours(), {}, branch="deploy")["refs/heads/deploy"].ours == NEW
    side = ours({V1: TAG}, peeled={V1: NEW})
    assert rows(side, {}, pipeline=ci(Event.TAG, branch=None, tag="v1"), branch="deploy")["refs/heads/deploy"].ours == NEW


@pytest.mark.parametrize(
    ("pipeline", "values", "reason"),
    [
        (ci(Event.PULL_REQUEST), {}, "pull request"),
        (ci(Event.PULL_REQUEST_CLOSED), {"refs": ["heads/*"]}, "pull request"),
        (ci(branch=None), {}, "neither a branch nor a tag"),
        (ci(), {"exclude": ["heads/ma*"]}, "`exclude` leaves out main"),
        (ci(), {"refs": ["tags/*"]}, "no refs that match tags/*"),
    ],
)
def test_reasons_for_nothing_to_do(pipeline: CI, values: Mapping[str, Any], reason: str) -> None:
    """Each is said, and none is a failure."""
    found = wishes(settings(**values), pipeline, ours())
    assert found.refs == ()
    assert reason in found.reason


def test_only_what_refs_match_and_exclude_leaves_is_mirrored() -> None:
    """Excluded refs are neither sent nor deleted."""
    side = ours({MAIN: NEW, "refs/heads/wip/x": NEW, V1: TAG})
    found = rows(side, {"refs/heads/wip/y": OLD}, refs=["heads/*"], exclude=["heads/wip/*"], prune="force")
    assert found.keys() == {MAIN}


def test_followed_tags_come_along() -> None:
    """Those of the source as they are there, but none that `exclude` names."""
    side = ours({MAIN: NEW, V1: TAG, "refs/tags/v2": TAG})
    found = wishes(settings(followtags=True, exclude=["tags/v2"]), ci(), side, [V1, "refs/tags/v2"])
    assert [wish.ref for wish in found.refs] == [MAIN, V1]


@pytest.mark.parametrize(
    ("prune", "complete", "action", "concern"),
    [
        ("false", True, Action.KEEP, Concern.NONE),
        ("true", True, Action.DELETE, Concern.NONE),
        ("true", False, Action.KEEP, Concern.NOTICE),
        ("force", False, Action.KEEP, Concern.NOTICE),
    ],
)
def test_what_only_the_far_side_has(prune: str, complete: bool, action: Action, concern: Concern) -> None:
    """Deleted only if that is wanted, and if the source's refs are all known."""
    found = rows(ours(complete=complete), {MAIN: NEW, DEV: OLD}, refs=["heads/*"], prune=prune)[DEV]
    assert (found.action, found.concern) == (action, concern)
    assert ("`source_token`" in str(found.hint)) == (concern is Concern.NOTICE)


@pytest.mark.parametrize(("prune", "action"), [("true", Action.REFUSE), ("force", Action.DELETE)])
def test_the_far_sides_default_branch_is_only_deleted_by_force(prune: str, action: Action) -> None:
    """It was renamed at the source; at the mirror people still look at it."""
    side = ours({DEV: NEW, "refs/heads/x": NEW, "refs/heads/y": NEW})
    far = {MAIN: OLD, DEV: NEW, "refs/heads/x": NEW, "refs/heads/y": NEW}
    assert rows(side, far, refs=["heads/*"], prune=prune)[MAIN].action is action


@pytest.mark.parametrize(("extra", "action"), [(3, Action.DELETE), (4, Action.REFUSE)])
def test_more_than_half_of_the_branches_are_only_deleted_by_force(extra: int, action: Action) -> None:
    """An empty or wrong source must not empty the mirror; tags stay then, too."""
    kept = {f"refs/heads/kept{number}": NEW for number in range(3)}
    far = kept | {f"refs/heads/gone{number}": OLD for number in range(extra)} | {V1: TAG}
    found = rows(ours(kept), far, refs=["heads/*", "tags/*"], prune="true")
    assert {found[name].action for name in far if name not in kept} == {action}
    assert {found[name].action for name in kept} == {Action.UNCHANGED}


def test_names_that_cannot_be_beside_each_other() -> None:
    """`a` at the mirror refuses `a/b`, unless it goes in the same run."""
    side, far = ours({MAIN: NEW, "refs/heads/a/b": NEW}), {MAIN: NEW, "refs/heads/a": OLD}
    assert rows(side, far, refs=["heads/*"])["refs/heads/a/b"].action is Action.REFUSE
    pruned = rows(side, far, refs=["heads/*"], prune="true")
    assert (pruned["refs/heads/a"].action, pruned["refs/heads/a/b"].action) == (Action.DELETE, Action.CREATE)


@pytest.mark.parametrize(
    ("theirs", "first", "known", "action"),
    [
        (OTHER, OLD, {(NEW, OTHER): DIVERGED}, Action.KEEP),
        (OTHER, OTHER, {(NEW, OTHER): DIVERGED}, Action.FORCE),
        (OTHER, OLD, {(NEW, OTHER): AHEAD}, Action.UPDATE),
        (OTHER, OLD, {(NEW, OTHER): BEHIND}, Action.UNCHANGED),
        (None, OLD, {}, Action.KEEP),
        (None, None, {}, Action.CREATE),
    ],
)
def test_what_moves_during_the_run_is_only_moved_forward(
    theirs: str | None, first: str | None, known: Mapping[Pair, Relation], action: Action
) -> None:
    """Whoever moved it may have been a newer run, also with `overwrite`."""
    row = rows(
        ours(), {MAIN: theirs} if theirs else {}, known, first={MAIN: first} if first else {}, refs=["heads/*"], on_divergence="overwrite"
    )[MAIN]
    assert row.action is action


def test_what_comes_back_during_the_run_is_not_deleted() -> None:
    """Its deletion was decided on what it was."""
    found = rows(ours(), {MAIN: NEW, DEV: OTHER}, first={MAIN: NEW, DEV: OLD}, refs=["heads/*"], prune="true")
    assert found[DEV].action is Action.KEEP


def test_only_what_differs_on_both_sides_is_asked_about() -> None:
    """New refs and unchanged ones, thousands maybe, cost no look at history; tags never do."""
    side = ours({MAIN: NEW, DEV: NEW, "refs/heads/same": OLD, V1: TAG})
    wanted = wishes(settings(refs=["heads/*", "tags/*"]), ci(), side)
    assert questions(wanted, Listing(refs={MAIN: OTHER, "refs/heads/same": OLD, V1: OTHER})) == {(NEW, OTHER)}


def test_the_tip_is_asked_about_where_the_pipeline_is_older() -> None:
    """Whether this pipeline's commit still is in its branch."""
    wanted = wishes(settings(), ci(), ours(tip=TIP))
    assert questions(wanted, Listing(refs={})) == {(TIP, NEW)}
    assert questions(wanted, Listing(refs={MAIN: OTHER})) == {(TIP, NEW), (NEW, OTHER), (TIP, OTHER)}


def test_branches_come_first_and_the_default_branch_before_all() -> None:
    """GitHub makes the first branch of an empty repository its default one."""
    listing = Listing(refs={V1: TAG, DEV: NEW, MAIN: NEW}, head=MAIN)
    side = Ours(listing=listing, complete=True, head=NEW)
    chosen = settings(refs=["heads/*", "tags/*"])
    found = decide(wishes(chosen, ci(), side), side, Listing(refs={}), Facts(), chosen)
    assert [row.ref for row in found] == [MAIN, DEV, V1]


def test_nothing_wanted_and_nothing_there_is_no_row() -> None:
    """An empty plan is one."""
    assert decide(Wishes(), ours({}), Listing(refs={}), Facts(), settings(refs=["heads/*"])) == ()


def test_ten_thousand_refs_are_planned_at_once() -> None:
    """Within a second on any machine, most of them unchanged."""
    names = {f"refs/heads/team/{number}": f"{number:040x}" for number in range(10_000)}
    found = rows(ours(names), {**names, DEV: OLD}, refs=["heads/*"])
    assert len(found) == 10_001
