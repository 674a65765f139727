"""What is expected of a commit is planned from its record, or from what the user gives by hand, and from nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from kargo_notify import expected
from kargo_notify.expected import Expected, Plan
from plugin_kit.errors import PluginError, SettingsError
from plugin_kit.reference import Repository
from tests.support.held_commit import CANDIDATE, NOON, SHA, WATCHED, HeldCommit


def planned(held: HeldCommit, *, watched: tuple[str, ...] = (), in_registry: bool = True, **given: Any) -> Plan:  # noqa: ANN401
    """Plan for the held commit's record; `given` are settings."""
    return expected.plan(held.settings(**given), held.ci, held.record(in_registry=in_registry), watched=watched)


class TestRecord:
    """registry-push has written down what it pushed."""

    def test_each_image_is_expected_as_recorded(self, held: HeldCommit) -> None:
        """By its candidate, with digest, wanted tags and platforms."""
        plan = planned(held)
        assert plan.images[0] == Expected(
            name="api",
            repository=Repository(host=held.store.host, path="shop/api"),
            digest=held.images["api"].digest,
            tag=CANDIDATE,
            wanted_tags=(SHA, "latest"),
            platforms=("linux/amd64",),
        )
        assert (plan.revision, plan.created, plan.pipeline, plan.held, plan.record_tags) == (SHA, NOON, 7, True, (SHA, "latest"))
        assert [image.name for image in plan.images] == list(held.names)

    def test_a_record_of_an_older_version_has_the_usual_forward_tag(self, held: HeldCommit) -> None:
        """`latest` is the one that only moves forward."""
        assert planned(held).forward_tags == ("latest",)

    @pytest.mark.parametrize(
        ("latest", "force", "tags"), [("auto", False, (SHA, "latest")), ("force", True, (SHA, "latest")), ("never", False, (SHA,))]
    )
    def test_the_step_may_say_what_becomes_of_latest(self, held: HeldCommit, latest: str, force: bool, tags: tuple[str, ...]) -> None:
        """As in registry-push, for images and record alike."""
        plan = planned(held, latest=latest)
        assert (plan.force_latest, plan.images[0].wanted_tags, plan.record_tags) == (force, tags, tags)

    def test_a_forced_build_is_known_as_one(self, held: HeldCommit) -> None:
        """It may replace tags, and registry-push's own `latest: force` counts here too."""
        plan = held.plan(forced=True, force_latest=True)
        assert (plan.forced, plan.force_latest) == (True, True)

    def test_a_record_without_images_is_an_error(self, held: HeldCommit) -> None:
        """Nothing to verify is no success."""
        with pytest.raises(PluginError, match="the release record names no image"):
            held.plan(watch=(), images=())


class TestWatch:
    """The images that Kargo subscribes to."""

    @pytest.mark.parametrize(
        ("watch", "names"),
        [
            (["web"], ("web",)),
            (["{host}/shop/web"], ("web",)),
            (["web", "api", "web"], ("web", "api")),
            (["releases"], ("releases",)),
            (["{host}/shop/releases", "api"], ("releases", "api")),
        ],
    )
    def test_they_are_named(self, held: HeldCommit, watch: list[str], names: tuple[str, ...]) -> None:
        """By name, by full repository name, or as the record itself."""
        plan = planned(held, watch=[each.format(host=held.store.host) for each in watch])
        assert plan.watched == names
        assert plan.watched_repositories == tuple(f"{held.store.host}/shop/{name}" for name in names)
        assert plan.watches_record is ("releases" in names)
        assert [image.name for image in plan.images if plan.is_watched(image)] == [name for name in held.names if name in names]

    def test_a_name_that_is_not_in_the_record_is_an_error(self, held: HeldCommit) -> None:
        """All of them at once, with the names that there are and the one that was meant."""
        with pytest.raises(SettingsError) as caught:
            planned(held, watch=["query-apis", "worker", "api"])
        assert caught.value.problems == (
            "watch: query-apis is no image of the release record, did you mean query-api? (there are api, web, query-api)",
            "watch: worker is no image of the release record (there are api, web, query-api)",
        )

    def test_a_record_that_is_in_no_registry_cannot_be_watched(self, held: HeldCommit) -> None:
        """Kargo could never see it."""
        with pytest.raises(SettingsError, match="watch: releases: the registry holds no release record"):
            planned(held, watch=["releases"], in_registry=False)

    @pytest.mark.parametrize(
        ("watched", "names"),
        [
            (("{host}/shop/query-api",), (WATCHED,)),
            (("{host}/shop/query-api", "{host}/other/api"), (WATCHED,)),
            (("{host}/shop/releases",), ("releases",)),
            (("registry.lan/shop/api",), ("api",)),
            ((), ()),
        ],
    )
    def test_the_warehouse_says_it_where_the_step_does_not(
        self, held: HeldCommit, watched: tuple[str, ...], names: tuple[str, ...]
    ) -> None:
        """Its other subscriptions are not our business; Kargo may know the registry by another name."""
        assert planned(held, watched=tuple(each.format(host=held.store.host) for each in watched)).watched == names

    def test_the_step_has_the_last_word(self, held: HeldCommit) -> None:
        """`watch` beats the Warehouse."""
        assert planned(held, watch=["api"], watched=(f"{held.store.host}/shop/web",)).watched == ("api",)


class TestByHand:
    """Images that other plugins have built."""

    def test_names_are_below_registry_and_project(self, held: HeldCommit) -> None:
        """The commit's SHA is the default tag; what it names is not known before."""
        plan = expected.plan(held.settings(images=["api", "backend/worker"]), held.ci, None)
        assert [(str(image.repository), image.tag, image.digest) for image in plan.images] == [
            (f"{held.store.host}/shop/api", SHA, None),
            (f"{held.store.host}/shop/backend/worker", SHA, None),
        ]
        assert (plan.held, plan.record, plan.created, plan.revision) == (False, None, NOON, SHA)

    def test_full_names_are_taken_as_they_are(self, held: HeldCommit) -> None:
        """Neither registry nor project is needed for them."""
        settings = held.settings(registry="", images=["other.lan/shop/api", "localhost:5000/web"])
        plan = expected.plan(settings, replace(held.ci, repo=None), None)
        assert [str(image.repository) for image in plan.images] == ["other.lan/shop/api", "localhost:5000/web"]

    def test_all_tags_are_expected(self, held: HeldCommit) -> None:
        """The first one is where the image is looked for."""
        plan = held.by_hand(images=["api"], tags=["v1.2.3", "stable"])
        assert [(image.tag, image.wanted_tags) for image in plan.images] == [("v1.2.3", ("v1.2.3", "stable"))]

    def test_they_can_be_watched(self, held: HeldCommit) -> None:
        """By the name that the user gave."""
        assert held.by_hand(watch=["web"]).watched == ("web",)

    def test_every_problem_is_told_at_once(self, held: HeldCommit) -> None:
        """In the words of the settings."""
        with pytest.raises(SettingsError) as caught:
            held.by_hand(images=["Api", "api:1", "web", "other.lan/Shop"], tags=["-x", "ok"])
        problems = "\n".join(caught.value.problems)
        for words in (
            "tags: '-x' is not a tag",
            "images: 'Api' has upper-case",
            "images: 'api:1' is not a repository name: its tag belongs into `tags`, as in `tags: [1]`",
            "images: 'Shop'",
        ):
            assert words in problems
        assert len(caught.value.problems) == 4

    @pytest.mark.parametrize(
        ("given", "repo", "words"),
        [
            ({"registry": ""}, "acme/shop", "registry: required, but not set .or write `api` as a full"),
            ({"registry": "a/b"}, "acme/shop", "registry: "),
            ({"project": "Shop"}, "acme/shop", "project: "),
            ({}, None, "project: required here"),
        ],
    )
    def test_where_they_are_must_be_known(self, held: HeldCommit, given: dict[str, Any], repo: str | None, words: str) -> None:
        """A name alone says nothing."""
        settings = held.settings(**{"images": ["api"], **given})
        with pytest.raises(SettingsError, match=words):
            expected.plan(settings, replace(held.ci, repo=repo), None)


@pytest.mark.parametrize(("tag", "own"), [(SHA, True), (f"main-{SHA}", True), ("latest", False), ("1.2.3", False)])
def test_a_tag_that_ends_in_the_commit_names_it(held: HeldCommit, tag: str, own: bool) -> None:
    """Such a tag never moves once it is set."""
    assert planned(held).names_commit(tag) is own
