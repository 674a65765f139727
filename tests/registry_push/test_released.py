"""What the registry holds of a commit decides what is built: all, some or none."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from plugin_kit.errors import RegistryError
from plugin_kit.git import Ancestry
from plugin_kit.manifest import Manifest
from registry_push.plan import Plan
from registry_push.released import Decision, State, decide
from tests.support.manifests import image_manifest
from tests.support.plans import NOON, PUSH, SHA, ci, make, source

NOW = datetime(2026, 5, 5, 8, 30, 15, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, OTHER = "a" * 40, "b" * 40

PLAN = make(source("base", push=False), source("api"), source("web"))
FORCED = make(source("base", push=False), source("api"), source("web"), given={"force": True})


def ours(name: str = "api") -> Manifest:
    """Return an image of this commit."""
    return image_manifest(revision=SHA, created=NOON, annotations={"name": name})


def older(created: datetime = NOON - HOUR, revision: str | None = OLD, pipeline: int | None = 6) -> Manifest:
    """Return an image of another commit."""
    return image_manifest(revision=revision, created=created, pipeline=pipeline)


def state(
    *,
    fixed: Mapping[str, Manifest | None] | None = None,
    latest: Mapping[str, Manifest | None] | None = None,
    kept: Mapping[str, Manifest] | None = None,
    plan: Plan = PLAN,
) -> State:
    """Return the registry's answers by image: the manifests under the fixed tag and under `latest`."""
    names = [target.id for target in plan.pushed]
    return State(
        fixed={name: dict.fromkeys(plan.tags.fixed, (fixed or {}).get(name)) for name in names},
        forward={name: dict.fromkeys(plan.tags.forward, (latest or {}).get(name)) for name in names},
        kept=kept or {},
    )


def decided(
    found: State,
    *,
    plan: Plan = PLAN,
    ancestry: Mapping[str, Ancestry] | None = None,
) -> Decision:
    """Decide at a known time."""
    return decide(plan, found, ancestry=ancestry or {}, now=NOW)


@pytest.mark.parametrize(
    ("fixed", "kept", "build"),
    [
        ((), (), ("api", "web")),
        (("api", "web"), (), ()),
        (("api",), (), ("web",)),
        (("web",), (), ("api",)),
        (("api",), ("web",), ()),
        ((), ("api", "web"), ()),
        ((), ("web",), ("api",)),
        (("api", "web"), ("web",), ()),
    ],
)
def test_only_what_is_not_there_is_built(fixed: Iterable[str], kept: Iterable[str], build: tuple[str, ...]) -> None:
    """An image that has its tag, or that the commit's record names, is kept; the unpushed base is never built for itself."""
    decision = decided(state(fixed={name: ours(name) for name in fixed}, kept={name: ours(name) for name in kept}))
    assert decision.build == build
    assert set(decision.keep) == {"api", "web"} - set(build)


def test_the_tagged_image_wins_over_the_recorded_one() -> None:
    """What people have pulled under the commit's tag stays what it is."""
    decision = decided(state(fixed={"api": ours("tagged")}, kept={"api": ours("recorded")}))
    assert decision.keep["api"] == ours("tagged")


def test_any_one_of_several_fixed_tags_is_enough() -> None:
    """A run that was cut off while tagging has set some of an image's tags: the digest is known from them."""
    tags = (f"main-{SHA}", SHA)
    plan = make(source("api"), tags=tags)
    found = State(fixed={"api": {tags[0]: None, tags[1]: ours()}}, forward={"api": {}})
    assert decided(found, plan=plan).keep == {"api": ours()}
    assert found.released_tags


def test_force_builds_everything_again() -> None:
    """`force: true` keeps nothing."""
    decision = decided(state(fixed={"api": ours(), "web": ours()}, kept={"web": ours()}), plan=FORCED)
    assert (decision.build, decision.keep) == (("api", "web"), {})


def test_a_tag_of_this_commit_on_another_commits_image_is_an_error() -> None:
    """Somebody set it by hand: building beside it would leave two truths."""
    with pytest.raises(RegistryError) as caught:
        decided(state(fixed={"web": older()}))
    assert caught.value.message == f"registry.lan:5000/shop/web:{SHA} already names an image of another commit"
    assert caught.value.details == (f"this commit: {SHA}", f"the image's:  {OLD}")


def test_force_overrules_a_tag_on_another_commits_image() -> None:
    """The hint of that error says `force: true`, so it must help."""
    decision = decided(state(fixed={"web": older()}), plan=FORCED)
    assert decision.build == ("api", "web")


def test_an_image_without_revision_under_our_tag_is_kept() -> None:
    """Another tool pushed it under this commit's name: the name is all there is to go by."""
    plain = image_manifest()
    assert decided(state(fixed={"api": plain})).keep == {"api": plain}


def test_without_fixed_tags_every_run_builds() -> None:
    """A git tag's versions, or explicit tags, say nothing about the commit."""
    plan = make(source("api"), tags=("stable",))
    assert decided(state(plan=plan), plan=plan).build == ("api",)


class TestCreated:
    """One time for all images of the run: the commit's, unless that would put it behind its own ancestor."""

    def test_it_is_the_commits_time(self) -> None:
        """To the second, in UTC."""
        assert decided(state()).created == NOON

    def test_an_unknown_commit_time_is_now(self) -> None:
        """To the second, too: the annotation has no more."""
        plan = make(run=ci(commit_time=None))
        assert decided(state(plan=plan), plan=plan).created == NOW.replace(microsecond=0)

    @pytest.mark.parametrize(
        ("latest", "ancestry", "created"),
        [
            pytest.param(older(NOON - HOUR), Ancestry.ANCESTOR, NOON, id="ancestor, earlier"),
            pytest.param(older(NOON), Ancestry.ANCESTOR, NOON + timedelta(seconds=1), id="ancestor, same second"),
            pytest.param(older(NOON + HOUR), Ancestry.ANCESTOR, NOON + HOUR + timedelta(seconds=1), id="ancestor with a fast clock"),
            pytest.param(older(NOON + HOUR), Ancestry.UNKNOWN, NOON, id="unknown history"),
            pytest.param(older(NOON + HOUR), Ancestry.NOT_ANCESTOR, NOON, id="another branch"),
            pytest.param(image_manifest(revision=OLD), Ancestry.ANCESTOR, NOON, id="ancestor without time"),
        ],
    )
    def test_it_is_raised_above_an_ancestor_only(self, latest: Manifest, ancestry: Ancestry, created: datetime) -> None:
        """Kargo orders by it: a child must not be older than its parent, and nothing else is assumed."""
        decision = decided(state(latest={"api": latest}), ancestry={OLD: ancestry})
        assert decision.created == created

    def test_it_is_raised_above_the_newest_of_several(self) -> None:
        """Images of one `latest` may carry different commits."""
        found = state(latest={"api": older(NOON + HOUR), "web": older(NOON + 2 * HOUR, OTHER)})
        decision = decided(found, ancestry={OLD: Ancestry.ANCESTOR, OTHER: Ancestry.ANCESTOR})
        assert decision.created == NOON + 2 * HOUR + timedelta(seconds=1)

    def test_our_own_latest_does_not_raise_it(self) -> None:
        """A rerun carries the time of the first run."""
        found = state(latest={"api": image_manifest(revision=SHA, created=NOON + HOUR)})
        assert decided(found, ancestry={SHA: Ancestry.ANCESTOR}).created == NOON


class TestLatest:
    """Whether `latest` moves is one answer for all images."""

    @pytest.mark.parametrize(
        ("latest", "moves"),
        [
            pytest.param({}, True, id="no latest yet"),
            pytest.param({"api": older(), "web": older()}, True, id="older"),
            pytest.param({"api": older(NOON + HOUR), "web": older(NOON + HOUR)}, False, id="newer"),
            pytest.param({"api": older(), "web": older(NOON + HOUR)}, False, id="one image is newer"),
            pytest.param({"web": older()}, True, id="an image that is new in the repository"),
            pytest.param({"api": ours(), "web": older()}, True, id="left behind by a run that was cut off"),
            pytest.param({"api": older(NOON, OLD, 6)}, True, id="same second, earlier pipeline"),
            pytest.param({"api": older(NOON, OLD, 8)}, False, id="same second, later pipeline"),
        ],
    )
    def test_it_moves_forward_only(self, latest: Mapping[str, Manifest], moves: bool) -> None:
        """One image that must stay keeps all: `latest` never names two commits."""
        assert decided(state(latest=latest)).forward.moves is moves

    def test_history_beats_the_clock(self) -> None:
        """An ancestor with a fast clock does not hold `latest`."""
        found = state(latest={"api": older(NOON + HOUR), "web": older(NOON + HOUR)})
        assert decided(found, ancestry={OLD: Ancestry.ANCESTOR}).forward.moves

    def test_force_moves_it(self) -> None:
        """After a force-push, or to go back."""
        plan = make(source("api"), given={"latest": "force"})
        assert decided(state(latest={"api": older(NOON + HOUR)}, plan=plan), plan=plan).forward.reason == "latest: force"

    def test_it_is_judged_for_a_released_commit_too(self) -> None:
        """A rerun of an old commit builds nothing, and leaves `latest` where it is."""
        decision = decided(state(fixed={"api": ours(), "web": ours()}, latest={"api": older(NOON + HOUR), "web": older(NOON + HOUR)}))
        assert (decision.build, decision.forward.moves) == ((), False)


@pytest.mark.parametrize(("fixed", "expected"), [({}, False), ({"api": ours()}, True), ({"api": None}, False)])
def test_a_state_knows_whether_the_commit_has_tags(fixed: Mapping[str, Manifest | None], expected: bool) -> None:
    """Only then is it worth asking for the commit's record."""
    assert state(fixed=fixed).released_tags is expected


def test_a_pipeline_of_the_same_second_decides_by_number() -> None:
    """Our own number is that of the plan."""
    plan = make(source("api"), run=ci(pipeline_number=5))
    found = state(latest={"api": older(NOON, OLD, 6)}, plan=plan)
    assert not decided(found, plan=plan).forward.moves
    assert PUSH.pipeline_number == 7
