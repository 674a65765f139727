"""Held tags are set in an order in which a failure does no harm, and a rerun finishes what it left."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kargo_notify import publish
from kargo_notify.expected import Plan
from kargo_notify.freight import Artifact
from kargo_notify.publish import Published
from kargo_notify.verify import Found, VerificationError, verify
from plugin_kit.errors import RegistryError
from plugin_kit.git import Ancestry
from plugin_kit.latest import Verdict
from plugin_kit.manifest import Stamp
from plugin_kit.release import WORKSPACE_FILE, Release, read_workspace, write_workspace
from tests.support.held_commit import CANDIDATE, NOON, OLDER, OTHER, SHA, WATCHED, HeldCommit
from tests.support.image_store import ImageStore
from tests.support.monorepo import Monorepo
from tests.support.scripted_server import Answer

HOUR = timedelta(hours=1)


def verified(held: HeldCommit, plan: Plan) -> tuple[Found, ...]:
    """Verify, as always before a release."""
    return verify(plan, held.access(), held.console, timeout=0.3)


def released(held: HeldCommit, plan: Plan | None = None) -> Published:
    """Verify and release."""
    chosen = plan or held.plan()
    return publish.publish(chosen, verified(held, chosen), held.access(), held.ci, held.console)


def failed(held: HeldCommit, plan: Plan | None = None) -> RegistryError:
    """Release, and return what went wrong."""
    with pytest.raises(RegistryError) as caught:
        released(held, plan)
    assert caught.value.exit_code == 1
    return caught.value


def puts(held: HeldCommit) -> list[str]:
    """Return the tags that were set, in order, as `image:tag`."""
    return [each.path.removeprefix("/v2/shop/").replace("/manifests/", ":") for each in held.store.server.asked(method="PUT")]


def latest(held: HeldCommit, revision: str, *names: str, hours: int = 0, pipeline: int | None = None) -> None:
    """Let `latest` of the images name another commit that is so many hours newer."""
    for name in names or held.names:
        held.store.push(f"shop/{name}", revision, tags=["latest"], created=NOON + hours * HOUR, pipeline=pipeline, layers=1)


class TestRelease:
    """All goes well."""

    def test_every_image_and_the_record_get_their_tags(self, held: HeldCommit) -> None:
        """The digests are those that were verified."""
        done = released(held)
        digests = {f"shop/{name}": manifest.digest for name, manifest in held.images.items()}
        for tag in (SHA, "latest"):
            named = held.store.digests(tag)
            assert named.pop("shop/releases") == held.store.tags["shop/releases"][CANDIDATE]
            assert named == digests
        assert (done.moved, done.tags, done.recorded) == (6, (SHA, "latest"), True)
        assert done.latest
        assert done.latest.moves

    def test_the_order_is_safe_at_every_moment(self, held: HeldCommit) -> None:
        """Unwatched images, then the watched one, then `latest` in the same order, then the record."""
        released(held)
        stages = [sorted(puts(held)[begin:end]) for begin, end in ((0, 2), (2, 3), (3, 5), (5, 6), (6, 8))]
        assert stages == [
            [f"api:{SHA}", f"web:{SHA}"],
            [f"{WATCHED}:{SHA}"],
            ["api:latest", "web:latest"],
            [f"{WATCHED}:latest"],
            [f"releases:{SHA}", "releases:latest"],
        ]

    def test_each_tag_is_read_back(self, held: HeldCommit) -> None:
        """A registry that takes a tag and then names something else fails the step."""
        other = held.store.push("shop/web", SHA, layers=7)
        plan = held.plan()
        held.store.fault("GET", f"/shop/web/manifests/{SHA}", held.store.answer, Answer(body=other.content))
        error = failed(held, plan)
        assert "then answered with" in error.message
        assert held.tags("latest") == set()

    def test_a_second_run_changes_nothing_and_says_so(self, held: HeldCommit) -> None:
        """Not one PUT."""
        released(held)
        before = len(puts(held))
        done = released(held)
        assert len(puts(held)) == before
        assert (done.moved, done.tags) == (0, ())
        assert "4c1f0d0a7e5b is released already: nothing was changed" in held.log
        assert "latest stays" not in held.log

    def test_tags_of_a_branch_are_no_latest(self, held: HeldCommit) -> None:
        """Nothing is asked about it, and the log does not speak of it."""
        held.wanted = (f"feature-{SHA}",)
        done = released(held)
        assert (done.tags, done.latest) == ((f"feature-{SHA}",), None)
        assert held.tags("latest") == set()
        assert "latest" not in held.log

    def test_several_watched_images_come_last_together(self, held: HeldCommit) -> None:
        """And without a watched one all are equal."""
        released(held, held.plan(watch=["api", WATCHED]))
        assert puts(held)[0] == f"web:{SHA}"
        assert sorted(puts(held)[1:3]) == [f"api:{SHA}", f"{WATCHED}:{SHA}"]

    def test_tags_of_a_version_move(self, held: HeldCommit) -> None:
        """`1.2` names another commit after each release; it is no tag of the commit alone."""
        held.wanted = ("1.2", "1.2.3")
        held.store.push("shop/api", OLDER, tags=["1.2"])
        released(held)
        assert held.store.digests("1.2")["shop/api"] == held.images["api"].digest

    def test_what_is_not_held_is_not_touched(self, held: HeldCommit) -> None:
        """registry-push has set the tags itself."""
        for name in held.names:
            held.store.tags[f"shop/{name}"][SHA] = held.images[name].digest
        images = tuple(held.released(name).model_copy(update={"tag": SHA}) for name in held.names)
        done = released(held, held.plan(held=False, images=images))
        assert (done.moved, puts(held)) == (0, [])
        assert done.standing == {(f"{held.store.host}/shop/{name}", SHA) for name in held.names}

    def test_images_by_hand_are_not_touched(self, held: HeldCommit) -> None:
        """Another plugin has set their tags."""
        plan = held.by_hand()
        done = released(held, plan)
        assert (done.moved, puts(held), done.recorded) == (0, [], False)


class TestLatest:
    """`latest` moves forward only, for all images or for none."""

    @pytest.mark.parametrize(
        ("hours", "pipeline", "moves"),
        [(-1, None, True), (1, None, False), (0, 6, True), (0, 8, False)],
        ids=["older", "newer", "before", "after"],
    )
    def test_it_moves_to_newer_commits(self, held: HeldCommit, hours: int, pipeline: int | None, moves: bool) -> None:
        """By the images' time, then by the pipeline's number."""
        latest(held, OTHER, hours=hours, pipeline=pipeline)
        done = released(held)
        assert done.latest
        assert done.latest.moves is moves
        assert (held.store.digests("latest")["shop/api"] == held.images["api"].digest) is moves
        assert held.tags(SHA) == {*held.names, "releases"}
        assert ("releases" in held.tags("latest")) is moves

    def test_one_image_that_is_newer_keeps_all(self, held: HeldCommit) -> None:
        """`latest` never names two commits; the log says why it stays."""
        latest(held, OTHER, "web", hours=1)
        released(held)
        assert held.tags("latest") == {"web"}
        assert "latest stays: it is of bbbbbbbbbbbb, newer than this commit" in held.log

    def test_what_a_run_left_behind_is_finished(self, held: HeldCommit) -> None:
        """Some name this commit already."""
        latest(held, OLDER, hours=-1)
        held.store.tags["shop/api"]["latest"] = held.images["api"].digest
        released(held)
        assert held.store.digests("latest")["shop/web"] == held.images["web"].digest
        assert "api:latest" not in puts(held)

    def test_force_moves_it(self, held: HeldCommit) -> None:
        """After a force-push, or to go back."""
        latest(held, OTHER, hours=1)
        assert released(held, held.plan(force_latest=True)).moved == 6

    def test_history_beats_the_clock(self, store: ImageStore, tmp_path: Path) -> None:
        """The checkout of the step knows that `latest` is an ancestor."""
        repo = Monorepo(tmp_path / "checkout")
        old, new = repo.commit(), repo.commit()
        held = HeldCommit(store, repo.path, sha=new, wanted=(new, "latest"))
        with held.opened:
            latest(held, old, hours=1)
            assert released(held).latest == Verdict(moves=True, reason="its commit is an ancestor")

    def test_history_is_not_read_where_the_times_say_yes(self, held: HeldCommit, monkeypatch: pytest.MonkeyPatch) -> None:
        """Most commits are newer than `latest`; reading a checkout takes longer than setting the tags."""
        asked: list[str | None] = []

        def ancestries(_: Path, current: list[Stamp], revision: str) -> dict[str, Ancestry]:
            asked.extend(stamp.revision for stamp in current)
            assert revision == SHA
            return {}

        monkeypatch.setattr(publish, "ancestries", ancestries)
        latest(held, OLDER, "api", hours=-1)
        latest(held, OTHER, "web", hours=1)
        released(held)
        assert asked == [OTHER]


class TestRefused:
    """A released commit is what it is."""

    def test_a_tag_of_the_commit_that_names_something_else(self, held: HeldCommit) -> None:
        """Nothing is tagged, not even what would be free."""
        plan = held.plan()
        other = held.store.push("shop/web", SHA, tags=[SHA], layers=7)
        error = failed(held, plan)
        assert error.message == ("1 tag of 4c1f0d0a7e5b names other bytes already than those that were verified; nothing was tagged")
        assert error.details == (f"{held.store.host}/shop/web:{SHA} is {other.digest}, verified was {held.images['web'].digest}",)
        assert "`force: true`" in (error.hint or "")
        assert puts(held) == []

    def test_a_forced_build_replaces_it_with_a_warning(self, held: HeldCommit) -> None:
        """That is what was asked for."""
        held.push_record(held.release(created=NOON - HOUR), tags=[SHA])
        held.store.push("shop/web", SHA, tags=[SHA], layers=7)
        done = released(held, held.plan(forced=True))
        assert held.store.digests(SHA)["shop/web"] == held.images["web"].digest
        assert held.store.digests(SHA)["shop/releases"] == held.store.digests(CANDIDATE)["shop/releases"]
        assert "warning: 1 tag of 4c1f0d0a7e5b will name other bytes than before" in held.log
        assert done.moved == 6


class TestHalfDone:
    """A failure in the middle: what Kargo and deployments follow has not moved, and the next run finishes."""

    def test_a_put_that_fails_at_image_9(self, fourteen: HeldCommit) -> None:
        """The watched image, `latest` and the record are left alone, and the error says so."""
        plan = fourteen.plan()
        fourteen.store.fault("PUT", f"/shop/image-09/manifests/{SHA}", Answer(status=500))
        error = failed(fourteen, plan)
        host = fourteen.store.host
        assert error.message.startswith(f"1 of 13 tags could not be set: {host} answered the push of shop/image-09:{SHA} with 500")
        assert f"not moved: {host}/shop/image-09:{SHA}" in error.details
        assert "not moved: the tags of the watched query-api (1 tag)" in error.details
        assert "not moved: latest (13 tags)" in error.details
        assert "not moved: the tags of the release record (2 tags)" in error.details
        assert "then run the pipeline again: it sets only what is missing" in (error.hint or "")
        assert fourteen.tags(SHA) == {*fourteen.names} - {"image-09", WATCHED}
        assert fourteen.tags("latest") == set()

    def test_the_next_run_sets_only_what_is_missing(self, fourteen: HeldCommit) -> None:
        """Nothing is set twice."""
        plan = fourteen.plan()
        fourteen.store.once("PUT", f"/shop/image-09/manifests/{SHA}", Answer(status=500))
        failed(fourteen, plan)
        first = puts(fourteen)
        done = released(fourteen, plan)
        assert done.moved == 2 + 14
        assert sorted(puts(fourteen)[len(first) :][:1]) == [f"image-09:{SHA}"]
        assert fourteen.tags(SHA) == fourteen.tags("latest") == {*fourteen.names, "releases"}

    def test_the_watched_image_can_not_be_set(self, held: HeldCommit) -> None:
        """What had moved before is said."""
        plan = held.plan()
        held.store.fault("PUT", f"/{WATCHED}/manifests/", Answer(status=403))
        error = failed(held, plan)
        assert "moved before: 2 tags" in error.details
        assert held.tags("latest") == set()

    def test_nothing_is_tagged_after_a_verification_that_failed(self, held: HeldCommit) -> None:
        """It comes first."""
        plan = held.plan()
        held.store.blobs["shop/api"].clear()
        with pytest.raises(VerificationError):
            released(held, plan)
        assert puts(held) == []


class TestRecordOfTheRelease:
    """The document itself."""

    def test_its_bytes_stay(self, held: HeldCommit) -> None:
        """Its digest is known to others; that it says `held` is history."""
        manifest = held.push_record()
        released(held)
        assert held.store.digests(SHA)["shop/releases"] == manifest.digest

    def test_a_released_record_is_not_replaced_by_that_of_a_rerun(self, held: HeldCommit) -> None:
        """It names the same digests, and says how they came to be: the first one stays."""
        first = held.push_record(held.release(pipeline=held.release().pipeline.model_copy(update={"number": 1})), tags=[SHA])
        released(held)
        assert held.store.digests(SHA)["shop/releases"] == first.digest

    def test_without_record_in_the_registry_the_images_are_released(self, held: HeldCommit) -> None:
        """And the log says what is not."""
        done = released(held, held.plan(in_registry=False))
        assert (done.recorded, held.tags(SHA)) == (False, set(held.names))
        assert "the registry holds no release record" in held.log

    def test_later_steps_read_the_released_state(self, held: HeldCommit) -> None:
        """The workspace's copy is no longer held, and names the commit's tag."""
        write_workspace(held.release(), held.workspace)
        released(held, replace(held.plan(), in_workspace=True))
        left = read_workspace(held.workspace)
        assert left
        assert not left.held
        assert {image.tag for image in left.images} == {SHA}
        assert left.images[0].wanted_tags == (SHA, "latest")

    def test_a_failed_release_is_still_held(self, held: HeldCommit) -> None:
        """In the workspace, too."""
        write_workspace(held.release(), held.workspace)
        plan = replace(held.plan(), in_workspace=True)
        held.store.fault("PUT", f"/{WATCHED}/manifests/", Answer(status=500))
        failed(held, plan)
        assert read_workspace(held.workspace) == held.release()

    def test_a_workspace_without_record_stays_without(self, held: HeldCommit) -> None:
        """What came from the registry is not written anywhere."""
        released(held)
        assert not (held.workspace / WORKSPACE_FILE).exists()

    def test_a_workspace_that_can_not_be_written_is_a_warning(self, held: HeldCommit, monkeypatch: pytest.MonkeyPatch) -> None:
        """The release itself is done."""

        def refuse(*_: Any) -> None:  # noqa: ANN401  whatever is written
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(publish, "write_workspace", refuse)
        released(held, replace(held.plan(), in_workspace=True))
        assert "still says that the tags are held: it can't be written (Permission denied)" in held.log


class TestArtifacts:
    """What Kargo may discover."""

    def test_each_image_and_the_record_under_each_tag(self, held: HeldCommit) -> None:
        """With the digest that was verified."""
        plan = held.plan()
        found = verified(held, plan)
        done = publish.publish(plan, found, held.access(), held.ci, held.console)
        made = publish.artifacts(plan, found, done.standing)
        record = held.store.tags["shop/releases"][SHA]
        assert set(made) == {
            *(
                Artifact(repo_url=f"{held.store.host}/shop/{name}", tag=tag, digest=held.images[name].digest)
                for name in held.names
                for tag in (SHA, "latest")
            ),
            *(Artifact(repo_url=f"{held.store.host}/shop/releases", tag=tag, digest=record) for tag in (SHA, "latest")),
        }

    def test_a_latest_that_stayed_is_not_ours(self, held: HeldCommit) -> None:
        """Nobody shall wait for a Freight of it."""
        latest(held, OTHER, hours=1)
        plan = held.plan()
        found = verified(held, plan)
        done = publish.publish(plan, found, held.access(), held.ci, held.console)
        assert {artifact.tag for artifact in publish.artifacts(plan, found, done.standing)} == {SHA}

    def test_images_by_hand_have_the_tags_that_were_given(self, held: HeldCommit) -> None:
        """All of them were verified."""
        plan = held.by_hand(images=["api"])
        found = verified(held, plan)
        done = publish.publish(plan, found, held.access(), held.ci, held.console)
        assert publish.artifacts(plan, found, done.standing) == (
            Artifact(repo_url=f"{held.store.host}/shop/api", tag=CANDIDATE, digest=held.images["api"].digest),
        )


def test_the_intention_is_told_without_doing_it(held: HeldCommit) -> None:
    """For `--dry-run`: the stages with their tags, and how `latest` stands."""
    plan = held.plan()
    intention = publish.intend(plan, verified(held, plan), held.access(), held.ci)
    assert [(stage.title, len(stage.moves)) for stage in intention.stages] == [
        ("the tags of the commit", 2),
        ("the tags of the watched query-api", 1),
        ("latest", 2),
        ("latest of the watched query-api", 1),
        ("the tags of the release record", 2),
    ]
    assert intention.moves == 8
    assert puts(held) == []


def test_the_record_in_the_registry_reads_as_it_was_written(held: HeldCommit) -> None:
    """What is stored is the document of registry-push."""
    manifest = held.push_record()
    content = held.store.blobs["shop/releases"][manifest.layers[0].digest]
    assert Release.from_json(content, origin="x") == held.release()
    assert json.loads(content)["held"] is True
