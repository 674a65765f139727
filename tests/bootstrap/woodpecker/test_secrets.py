"""Secrets and registry logins, whose values can be written and never read."""

from collections.abc import Mapping

import pytest

from bootstrap.core.fingerprint import fingerprint
from bootstrap.gitea.errors import ServerDownError
from bootstrap.woodpecker import registry, repository, secret
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.errors import WoodpeckerError
from bootstrap.woodpecker.registry import WantedRegistry
from bootstrap.woodpecker.repository import Repository
from bootstrap.woodpecker.secret import WantedSecret
from tests.bootstrap.woodpecker.pair import Pair

KEY = "the key of this platform"
EVENTS = ("push", "tag", "release", "deployment", "cron", "manual")
WANTED = WantedSecret(name="kargo_token", value="a token", events=EVENTS)
LOGIN = WantedRegistry(address="registry.example.lan:5000", username="ci", password="a password")


@pytest.fixture
def woodpecker(pair: Pair) -> Woodpecker:
    """Log in."""
    return pair.client()


@pytest.fixture
def shop(pair: Pair, woodpecker: Woodpecker) -> Repository:
    """Activate a repository."""
    return repository.activate(woodpecker, "platform/shop", pair.remote_id)


def paths(woodpecker: Woodpecker, shop: Repository, wanted: WantedSecret, marks: Mapping[str, str]) -> list[str]:
    """Plan one secret."""
    there = secret.stored(woodpecker, shop).get(wanted.name)
    return [change.path for change in secret.changes(there, wanted, KEY, marks.get(wanted.name))]


def test_a_secret_is_made_once_and_then_left_alone(pair: Pair, woodpecker: Woodpecker, shop: Repository) -> None:
    """A second run finds by the mark that the value is the same."""
    made = secret.put(woodpecker, shop, WANTED, None)
    assert pair.woodpecker.world.values[shop.id, "kargo_token"] == "a token"
    assert paths(woodpecker, shop, WANTED, {"kargo_token": made.mark(KEY, WANTED.value)}) == []


def test_a_changed_value_is_noticed_and_written(pair: Pair, woodpecker: Woodpecker, shop: Repository) -> None:
    """By PATCH: a POST would fail with 500."""
    mark = secret.put(woodpecker, shop, WANTED, None).mark(KEY, WANTED.value)
    other = WantedSecret(name="kargo_token", value="another", events=EVENTS)
    assert paths(woodpecker, shop, other, {"kargo_token": mark}) == ["value"]
    secret.put(woodpecker, shop, other, secret.stored(woodpecker, shop)["kargo_token"])
    assert pair.woodpecker.world.values[shop.id, "kargo_token"] == "another"


def test_changed_events_and_images_are_noticed(woodpecker: Woodpecker, shop: Repository) -> None:
    """Somebody has changed them on Woodpecker's page."""
    mark = secret.put(woodpecker, shop, WANTED, None).mark(KEY, WANTED.value)
    other = WantedSecret(name="kargo_token", value="a token", events=("push",), images=("docker.io/a/b:1",))
    assert paths(woodpecker, shop, other, {"kargo_token": mark}) == ["events", "images"]


def test_a_secret_that_was_made_again_by_hand_is_written_again(woodpecker: Woodpecker, shop: Repository) -> None:
    """It has the name and another number: nobody knows its value."""
    mark = secret.put(woodpecker, shop, WANTED, None).mark(KEY, WANTED.value)
    secret.delete(woodpecker, shop, ["kargo_token"])
    secret.put(woodpecker, shop, WantedSecret(name="kargo_token", value="by hand", events=EVENTS), None)
    assert paths(woodpecker, shop, WANTED, {"kargo_token": mark}) == ["value"]


def test_a_run_that_died_before_it_kept_the_mark_writes_the_value_again(pair: Pair, woodpecker: Woodpecker, shop: Repository) -> None:
    """The secret is there and there is no mark: one secret in the end, with the right value."""
    secret.put(woodpecker, shop, WANTED, None)
    assert paths(woodpecker, shop, WANTED, {}) == ["value"]
    secret.put(woodpecker, shop, WANTED, secret.stored(woodpecker, shop)["kargo_token"])
    assert list(pair.woodpecker.world.secrets[shop.id]) == ["kargo_token"]


def test_an_answer_that_is_lost_leaves_a_secret_that_the_next_run_finds(pair: Pair, woodpecker: Woodpecker, shop: Repository) -> None:
    """The POST is not simply sent again, which would fail with 500."""
    pair.woodpecker.world.faults.lost["secrets"] = 1
    with pytest.raises(ServerDownError) as caught:
        secret.put(woodpecker, shop, WANTED, None)
    assert caught.value.unsure
    assert list(secret.stored(woodpecker, shop)) == ["kargo_token"]


def test_a_second_secret_of_a_name_is_woodpeckers_own_error(woodpecker: Woodpecker, shop: Repository) -> None:
    """Two runs at once would meet here, if there were no lock."""
    secret.put(woodpecker, shop, WANTED, None)
    with pytest.raises(WoodpeckerError, match="make the secret kargo_token of platform/shop") as caught:
        secret.put(woodpecker, shop, WANTED, None)
    assert "duplicate" in caught.value.details[0]


def test_more_secrets_than_fit_on_a_page_are_all_found(woodpecker: Woodpecker, shop: Repository) -> None:
    """Else the 51st would be made again, and fail."""
    for number in range(53):
        secret.put(woodpecker, shop, WantedSecret(name=f"s{number}", value="v", events=("push",)), None)
    assert len(secret.stored(woodpecker, shop)) == 53


def test_deleting_what_is_not_there_is_no_error(woodpecker: Woodpecker, shop: Repository) -> None:
    """Somebody was faster."""
    secret.delete(woodpecker, shop, ["nothing"])


def test_a_registry_login_is_made_once_and_changed_in_place(pair: Pair, woodpecker: Woodpecker, shop: Repository) -> None:
    """The address has a port, which is part of its path in the API."""
    registry.put(woodpecker, shop, LOGIN, None)
    there = registry.stored(woodpecker, shop)[LOGIN.address]
    assert registry.changes(there, LOGIN, KEY, LOGIN.mark(KEY)) == ()
    other = WantedRegistry(address=LOGIN.address, username="ci2", password="another")
    assert [change.path for change in registry.changes(there, other, KEY, LOGIN.mark(KEY))] == ["username", "password"]
    registry.put(woodpecker, shop, other, there)
    assert registry.stored(woodpecker, shop)[LOGIN.address].username == "ci2"
    assert pair.woodpecker.world.values[shop.id, LOGIN.address] == "another"


def test_a_registry_login_with_another_password_is_noticed() -> None:
    """By its mark alone."""
    there = registry.StoredRegistry(address=LOGIN.address, username="ci", read_only=False)
    assert [change.path for change in registry.changes(there, LOGIN, KEY, "old")] == ["password"]
    assert [change.path for change in registry.changes(None, LOGIN, KEY, None)] == ["username", "password"]


def test_no_change_shows_a_value() -> None:
    """They stand in plans and logs."""
    shown = [str(change) for change in (*secret.changes(None, WANTED, KEY, None), *registry.changes(None, LOGIN, KEY, None))]
    assert "a token" not in " ".join(shown)
    assert "a password" not in " ".join(shown)
    assert "a token" not in repr(WANTED)
    assert "a password" not in repr(LOGIN)


def test_a_fingerprint_says_nothing_without_the_key() -> None:
    """Another key, another fingerprint; and parts do not run into each other."""
    assert fingerprint("k", "ab", "c") != fingerprint("k", "a", "bc")
    assert fingerprint("k", "a") != fingerprint("l", "a")
    assert fingerprint("k", "a") == fingerprint("k", "a")
    assert len(fingerprint("k", "a")) == 32
