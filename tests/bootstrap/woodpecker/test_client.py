"""The API of Woodpecker: what is asked, and a sentence with a remedy for each refusal."""

import httpx
import pytest

from bootstrap.gitea.errors import ServerDownError, WebError
from bootstrap.woodpecker import agent, health, repository, user
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.errors import ForgeRefusedError, RightError, TokenRefusedError, WoodpeckerError
from bootstrap.woodpecker.repository import Repository, Settings
from tests.bootstrap.woodpecker.pair import Pair
from tests.bootstrap.woodpecker.recording import body

SHOP = "platform/shop"
MIRROR = "registry.example.lan:5000/local-cicd/github-mirror:0.1.0"


@pytest.fixture
def woodpecker(pair: Pair) -> Woodpecker:
    """Log in."""
    return pair.client()


def test_a_healthy_server_tells_its_version(pair: Pair) -> None:
    """Without a login."""
    found = health.look(pair.web())
    assert found.version == "3.17.0"
    assert found.is_of("v3.17.0")
    assert found.is_of("v3.17.0-alpine")
    assert not found.is_of("v3.17")
    assert not found.is_of("v3.18.0")


def test_a_server_without_its_database_is_told(pair: Pair) -> None:
    """Its health says 500 and the reason."""
    pair.woodpecker.world.faults.answers["health"] = (500, "unable to open database file", -1)
    with pytest.raises(WoodpeckerError, match="database is not") as caught:
        health.look(pair.web())
    assert caught.value.details == ("it says: unable to open database file",)


def test_an_ingress_without_a_backend_is_told(pair: Pair) -> None:
    """Traefik answers 404 for a host that it does not know."""
    web = pair.web(transport=httpx.MockTransport(lambda _: httpx.Response(404, text="404 page not found")))
    with pytest.raises(WebError, match="did not answer"):
        health.look(web)


def test_a_server_that_restarts_is_waited_for_and_then_told(pair: Pair) -> None:
    """Two answers of the proxy are nothing; many are."""
    pair.woodpecker.world.faults.restarting = 2
    assert health.look(pair.web(retry_for=10)).version
    pair.woodpecker.world.faults.restarting = -1
    with pytest.raises(ServerDownError):
        health.look(pair.web(retry_for=0))


def test_a_repository_is_activated_once(pair: Pair, woodpecker: Woodpecker) -> None:
    """The second activation answers 409 and is no error; Gitea gets one webhook."""
    assert repository.lookup(woodpecker, SHOP) is None
    first = repository.activate(woodpecker, SHOP, pair.remote_id)
    again = repository.activate(woodpecker, SHOP, pair.remote_id)
    assert (first.id, first.active) == (again.id, True)
    hooks = pair.gitea.world.repositories[SHOP].hooks
    assert len(hooks) == 1
    assert repository.lookup(woodpecker, SHOP) == again


def test_a_deactivated_repository_keeps_what_it_had(pair: Pair, woodpecker: Woodpecker) -> None:
    """`down` takes the webhook away, and `up` brings it back with the old settings."""
    shop = repository.configure(woodpecker, repository.activate(woodpecker, SHOP, pair.remote_id), Settings(timeout=90))
    repository.deactivate(woodpecker, shop)
    gone = repository.lookup(woodpecker, SHOP)
    assert gone
    assert not gone.active
    assert pair.gitea.world.repositories[SHOP].hooks == []
    assert repository.activate(woodpecker, SHOP, pair.remote_id).document["timeout"] == 90


def test_a_repository_that_gitea_does_not_have_is_told(woodpecker: Woodpecker) -> None:
    """Woodpecker's own answer is a 500."""
    with pytest.raises(ForgeRefusedError, match="activate platform/nothing") as caught:
        repository.activate(woodpecker, "platform/nothing", 999)
    assert "gone in Gitea" in str(caught.value.hint)


def test_a_login_at_gitea_that_ran_out_is_renewed_once(pair: Pair) -> None:
    """Woodpecker then answers 500 to everything that needs Gitea, though its own token is good."""
    renewed: list[str] = []

    def renew() -> str:
        renewed.append(pair.log_in())
        return renewed[-1]

    woodpecker = Woodpecker(pair.web(), pair.log_in(), renew=renew)
    pair.woodpecker.world.accounts[0].forge_token = "expired"
    assert repository.activate(woodpecker, SHOP, pair.remote_id).active
    pair.woodpecker.world.accounts[0].forge_token = "expired"
    shop = repository.lookup(woodpecker, SHOP)
    assert shop
    repository.repair(woodpecker, shop)
    assert len(renewed) == 2


def test_a_refused_token_is_renewed_by_logging_in_again(pair: Pair) -> None:
    """It was taken back in the user settings."""
    woodpecker = Woodpecker(pair.web(), pair.log_in(), renew=pair.log_in)
    pair.woodpecker.world.accounts[0].hash = "another"
    assert user.me(woodpecker).admin


def test_a_refused_token_is_told_where_nobody_may_log_in(pair: Pair) -> None:
    """As in a plan, which changes nothing."""
    woodpecker = Woodpecker(pair.web(), pair.log_in())
    pair.woodpecker.world.accounts[0].hash = "another"
    with pytest.raises(TokenRefusedError) as caught:
        user.me(woodpecker)
    assert "bootstrap up" in str(caught.value.hint)


def test_a_token_that_is_refused_again_is_told_and_not_asked_for_for_ever(pair: Pair) -> None:
    """One try, not a loop."""
    count = 0

    def renew() -> str:
        nonlocal count
        count += 1
        return "x.y.z"

    with pytest.raises(TokenRefusedError):
        user.me(Woodpecker(pair.web(), "a.b.c", renew=renew))
    assert count == 1


def test_a_user_who_does_not_administer_the_repository_is_told(pair: Pair, woodpecker: Woodpecker) -> None:
    """403 of the activation."""
    pair.woodpecker.world.faults.answers["activate"] = (403, "User has to be a admin of this repository", -1)
    with pytest.raises(RightError, match="activate platform/shop") as caught:
        repository.activate(woodpecker, SHOP, pair.remote_id)
    assert "administrator of the repository" in str(caught.value.hint)
    assert caught.value.details == ("it says: User has to be a admin of this repository",)


def test_only_what_differs_is_set(pair: Pair, woodpecker: Woodpecker) -> None:
    """And what is not mentioned stays as people have set it."""
    shop = repository.activate(woodpecker, SHOP, pair.remote_id)
    wanted = Settings(network=True, netrc_trusted=(MIRROR,), timeout=60, cancel_previous=("pull_request", "push"))
    assert [change.path for change in repository.changes(shop, wanted)] == ["netrc_trusted", "trusted.network"]
    set_up = repository.configure(woodpecker, shop, wanted)
    assert set_up.document["trusted"] == {"network": True, "volumes": False, "security": False}
    before = pair.woodpecker.count("PATCH", ".")
    repository.configure(woodpecker, set_up, wanted)
    assert pair.woodpecker.count("PATCH", ".") == before


def test_images_that_people_trust_stay_trusted(pair: Pair, woodpecker: Woodpecker) -> None:
    """Ours is added to theirs."""
    shop = repository.activate(woodpecker, SHOP, pair.remote_id)
    shop = repository.configure(woodpecker, shop, Settings(netrc_trusted=("docker.io/somebody/plugin:1",)))
    shop = repository.configure(woodpecker, shop, Settings(netrc_trusted=(MIRROR,)))
    assert shop.document["netrc_trusted"] == ["docker.io/somebody/plugin:1", MIRROR]


def test_a_repository_that_was_made_again_in_gitea_is_noticed() -> None:
    """Woodpecker knows it by its number, and would go on to clone what is gone."""
    shop = Repository.of(body("repo lookup"))
    repository.must_be(shop, 1)
    with pytest.raises(WoodpeckerError, match="number 1 there, now 7") as caught:
        repository.must_be(shop, 7)
    assert "Delete" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (400, "Error parsing body", "does not take the value"),
        (403, "Insufficient privileges", "the user may not"),
        (404, "", "is not there"),
        (409, "", "is there already"),
        (422, "invalid", "does not take the value"),
        (500, "database is locked", "it failed"),
    ],
)
def test_each_status_is_a_sentence_with_a_remedy(pair: Pair, woodpecker: Woodpecker, status: int, text: str, words: str) -> None:
    """And what the server says stands below it."""
    shop = repository.activate(woodpecker, SHOP, pair.remote_id)
    pair.woodpecker.world.faults.answers["repo"] = (status, text, -1)
    with pytest.raises(WoodpeckerError, match=words) as caught:
        repository.configure(woodpecker, shop, Settings(timeout=90))
    assert caught.value.status == status
    assert caught.value.hint
    assert caught.value.details == ((f"it says: {text}",) if text else ())


def test_a_proxys_page_is_not_taken_for_an_answer(pair: Pair, woodpecker: Woodpecker) -> None:
    """A login page in front of the API."""
    pair.woodpecker.world.faults.web_page = True
    with pytest.raises(WebError, match='titled "Gateway"'):
        user.me(woodpecker)


def test_an_empty_answer_is_told(pair: Pair) -> None:
    """Something else listens there."""
    web = pair.web(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    with pytest.raises(WoodpeckerError, match="empty"):
        user.me(Woodpecker(web, "a.b.c"))


def test_connected_agents_are_those_that_reported_lately(pair: Pair, woodpecker: Woodpecker) -> None:
    """By the server's clock; those that were killed stay in its list."""
    pair.woodpecker.world.connect("woodpecker-agent-0")
    pair.woodpecker.world.connect("woodpecker-agent-1", silent_for=600)
    fleet = agent.fleet(woodpecker)
    assert [each.name for each in fleet.connected()] == ["woodpecker-agent-0"]
    assert fleet.readiness(2).message == "1 of 2 agents are connected, 1 known but silent"
    assert "token" not in repr(fleet)
    pair.woodpecker.world.connect("woodpecker-agent-1")
    assert agent.fleet(woodpecker).readiness(2, "3.17.0").message == ""


def test_agents_of_another_version_are_told(pair: Pair, woodpecker: Woodpecker) -> None:
    """Server and agents must be of one version."""
    pair.woodpecker.world.connect("one", "two", version="3.16.0")
    assert "version 3.16.0" in agent.fleet(woodpecker).readiness(2, "3.17.0").message


def test_agents_that_somebody_has_paused_are_told(pair: Pair, woodpecker: Woodpecker) -> None:
    """Nothing is wrong, and yet no pipeline starts."""
    pair.woodpecker.world.connect("one")
    pair.woodpecker.world.agents[0]["no_schedule"] = True
    assert agent.fleet(woodpecker).readiness(1).message == "paused by hand: one"


def test_users_are_listed(woodpecker: Woodpecker) -> None:
    """For administrators."""
    assert [each.login for each in user.users(woodpecker)] == ["platform"]
