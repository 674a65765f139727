"""A rerun after kargo-notify has released the commit and removed its candidates: nothing is built, and the first record counts."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from plugin_kit.access import Access
from plugin_kit.console import Console
from plugin_kit.release import candidate_tag
from registry_push import released
from registry_push.plan import Plan
from registry_push.run import _known_release
from tests.support.held_commit import NOON, SHA, HeldCommit
from tests.support.image_store import ImageStore
from tests.support.plans import ci, make, settings, source
from tests.support.scripted_server import scripted_server

CANDIDATE = candidate_tag(SHA)


@pytest.fixture
def held() -> Iterator[HeldCommit]:
    """Hold a commit of two images, and its record, in a registry in memory."""
    with scripted_server() as server:
        commit = HeldCommit(ImageStore(server), Path("/nowhere"), names=["api", "web"])
        commit.push_record()
        with commit.opened:
            yield commit


def release(held: HeldCommit) -> None:
    """Do what kargo-notify does: the candidates' tags become the released ones."""
    for path in held.store.tags:
        digest = held.store.tags[path].pop(CANDIDATE)
        held.store.tags[path].update({SHA: digest, "latest": digest})


def plan_and_access(held: HeldCommit) -> tuple[Plan, Access]:
    """Plan the rerun."""
    given = {"registry": held.store.host, "hold": True, "insecure": True, "registry_timeout": timedelta(seconds=0.3)}
    plan = make(source("api"), source("web"), given=given, run=ci(commit_time=NOON))
    access = Access(settings(**given), plan.registry, Path("/nowhere"), Console(io.StringIO()))
    return plan, held.opened.enter_context(access)


def test_the_released_images_are_kept(held: HeldCommit) -> None:
    """By their released tags; the record under the same tag says just what the rerun would write."""
    release(held)
    plan, access = plan_and_access(held)
    state = released.look(plan, access)
    decision = released.decide(plan, state, ancestry={}, now=NOON)
    assert decision.build == ()
    assert {name: manifest.digest for name, manifest in decision.keep.items()} == {
        name: image.digest for name, image in held.images.items()
    }
    assert _known_release(plan, state, decision) == held.release()


def test_an_image_that_has_lost_its_tag_is_taken_from_the_record(held: HeldCommit) -> None:
    """By its digest, under which the registry still has it."""
    release(held)
    held.store.tags["shop/web"].clear()
    plan, access = plan_and_access(held)
    decision = released.decide(plan, released.look(plan, access), ancestry={}, now=NOON)
    assert decision.build == ()
    assert decision.keep["web"].digest == held.images["web"].digest
