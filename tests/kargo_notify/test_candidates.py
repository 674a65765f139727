"""Candidates go where a registry can remove a tag and nothing else; a released tag is never lost over it."""

import pytest

from kargo_notify import candidates, publish
from kargo_notify.expected import Plan
from kargo_notify.verify import verify
from plugin_kit.errors import RegistryError
from tests.support.held_commit import CANDIDATE, SHA, WATCHED, HeldCommit
from tests.support.image_store import Deletion
from tests.support.scripted_server import Answer


def removed(held: HeldCommit, deletion: Deletion, plan: Plan | None = None) -> int:
    """Release, then remove the candidates from a registry that deletes in this way."""
    held.store.deletion = deletion
    chosen = plan or held.plan()
    found = verify(chosen, held.access(), held.console, timeout=0.3)
    publish.publish(chosen, found, held.access(), held.ci, held.console)
    return candidates.remove(chosen, found, held.access(), held.console)


def deletions(held: HeldCommit) -> list[str]:
    """Return what was to be deleted, in order, as `image:tag`."""
    return [each.path.removeprefix("/v2/shop/").replace("/manifests/", ":") for each in held.store.server.asked(method="DELETE")]


def test_they_go_where_a_tag_can_be_deleted(held: HeldCommit) -> None:
    """Those of all images and of the record; every released tag stays."""
    assert removed(held, Deletion.TAG) == 4
    assert held.tags(CANDIDATE) == set()
    assert held.tags(SHA) == held.tags("latest") == {*held.names, "releases"}
    assert f"{CANDIDATE} removed from 4 repositories" in held.log


def test_the_record_is_tried_alone_first(held: HeldCommit) -> None:
    """Nobody runs it, so nothing is lost while it is not known what the registry does."""
    removed(held, Deletion.TAG)
    assert deletions(held)[0] == f"releases:{CANDIDATE}"
    assert sorted(deletions(held)[1:]) == [f"{name}:{CANDIDATE}" for name in sorted(held.names)]


@pytest.mark.parametrize(
    ("watch", "in_registry", "first"),
    [(["releases"], True, "api"), ([WATCHED], False, "api"), (["api", "web"], False, WATCHED), (["api", "web", WATCHED], False, "api")],
)
def test_what_kargo_watches_is_not_tried_first(held: HeldCommit, watch: list[str], in_registry: bool, first: str) -> None:
    """Unless there is nothing else."""
    removed(held, Deletion.MANIFEST, held.plan(watch=watch, in_registry=in_registry))
    assert deletions(held) == [f"{first}:{CANDIDATE}"]


def test_they_stay_where_only_digests_can_be_deleted(held: HeldCommit) -> None:
    """docker-registry 2.8: one request finds out, one line says so, and it is no warning."""
    assert removed(held, Deletion.REFUSED) == 0
    assert len(deletions(held)) == 1
    assert held.tags(CANDIDATE) == {*held.names, "releases"}
    assert f"the candidate tags stay, which does no harm: {held.store.host} can't remove a tag by itself" in held.log
    assert "warning" not in held.log


def test_a_digest_is_never_deleted(held: HeldCommit) -> None:
    """The released tags have the same one."""
    removed(held, Deletion.TAG)
    assert all(tag.endswith(f":{CANDIDATE}") for tag in deletions(held))


def test_a_registry_that_deletes_the_manifest_is_stopped(held: HeldCommit) -> None:
    """What it took along is put back at once, the other candidates are left alone, and a warning says why."""
    assert removed(held, Deletion.MANIFEST) == 0
    assert held.tags(SHA) == held.tags("latest") == {*held.names, "releases"}
    assert held.tags(CANDIDATE) == set(held.names)
    assert "warning:" in held.log
    assert f"{SHA}, latest was put back at once, and the other candidates stay" in held.log


def test_only_what_named_the_image_is_put_back(held: HeldCommit) -> None:
    """A `latest` that has stayed with a newer commit is not ours."""
    held.wanted = (SHA, "latest")
    plan = held.plan(watch=[], in_registry=False, forward_tags=("latest",))
    newer = held.store.push(
        "shop/api", "b" * 40, tags=["latest"], created=held.ci.commit_time.replace(year=2027) if held.ci.commit_time else None
    )
    removed(held, Deletion.MANIFEST, plan)
    assert held.store.tags["shop/api"] == {SHA: held.images["api"].digest, "latest": newer.digest}


def test_a_lost_tag_that_can_not_be_put_back_fails_the_step(held: HeldCommit) -> None:
    """This is the one thing here that a person must know at once."""
    plan = held.plan()
    held.store.fault("PUT", f"/releases/manifests/{SHA}", held.store.answer, Answer(status=500))
    with pytest.raises(RegistryError, match=f"could not be set: .*releases:{SHA}"):
        removed(held, Deletion.MANIFEST, plan)


def test_a_registry_that_does_not_say_what_is_left_gets_it_again(held: HeldCommit) -> None:
    """Setting a tag again does no harm."""
    plan = held.plan()
    # Asked before the release, when it is read back, before the removal; then the registry stumbles.
    held.store.fault("GET", f"/releases/manifests/{SHA}", *[held.store.answer] * 3, Answer(status=404), held.store.answer)
    assert removed(held, Deletion.TAG, plan) == 0
    assert held.tags(SHA) == {*held.names, "releases"}


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refusal_is_no_error(held: HeldCommit, status: int) -> None:
    """A candidate that stays is harmless; the log says so once."""
    plan = held.plan()
    held.store.fault("DELETE", "/manifests/", Answer(status=status))
    assert removed(held, Deletion.TAG, plan) == 0
    assert f"the candidate tags stay, which does no harm: {held.store.host}" in held.log
    assert str(status) in held.log
    assert "warning" not in held.log


def test_one_that_is_refused_does_not_keep_the_others(held: HeldCommit) -> None:
    """How many have stayed is said."""
    plan = held.plan()
    held.store.fault("DELETE", "/shop/web/", Answer(status=403))
    assert removed(held, Deletion.TAG, plan) == 3
    assert "the candidate tag stays in 1 of 4 repositories" in held.log
    assert held.tags(CANDIDATE) == {"web"}


def test_a_second_run_has_nothing_to_remove(held: HeldCommit) -> None:
    """The images are found under their released tags."""
    plan = held.plan()
    removed(held, Deletion.TAG, plan)
    before = len(deletions(held))
    assert removed(held, Deletion.TAG, plan) == 0
    assert len(deletions(held)) == before


def test_a_candidate_that_alone_names_the_commit_stays(held: HeldCommit) -> None:
    """A version's tags don't: who has the commit finds image and record by the candidate only."""
    held.wanted = ("1.2", "1.2.3")
    assert removed(held, Deletion.TAG) == 0
    assert deletions(held) == []


def test_what_is_not_held_has_no_candidates_to_remove(held: HeldCommit) -> None:
    """Those of a build without `hold` are registry-push's."""
    assert removed(held, Deletion.TAG, held.plan(held=False)) == 0
    assert deletions(held) == []
