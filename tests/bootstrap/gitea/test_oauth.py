"""The OAuth2 application: never a second one, never a new secret without saying so."""

from dataclasses import replace

import pytest

from bootstrap.gitea import oauth
from bootstrap.gitea.client import Gitea
from bootstrap.gitea.errors import ServerDownError
from bootstrap.gitea.oauth import Action, Application, Wanted, decide
from devtools.gitea.server import ADMIN, StandIn

URI = "https://ci.example.lan/authorize"
WANTED = Wanted(name="woodpecker", redirect_uris=(URI,))


def application(number: int) -> Application:
    """Make one as Gitea lists it."""
    return Application(id=number, client_id=f"client-{number}", name="woodpecker", redirect_uris=(URI,), confidential=True)


def test_none_is_made() -> None:
    """Others of other names are nobody's business here."""
    decision = decide([replace(application(4), name="grafana")], WANTED, client_id=None, client_secret=None)
    assert (decision.action, decision.note, decision.warning) == (Action.CREATE, "", "")


def test_one_that_was_deleted_is_made_anew() -> None:
    """And the plan says why."""
    decision = decide([], WANTED, client_id="client-4", client_secret="gto_x")
    assert (decision.action, decision.note) == (Action.CREATE, "Gitea has no application of this name any more")


def test_one_that_is_right_stays() -> None:
    """A second run changes nothing."""
    decision = decide([application(4)], WANTED, client_id="client-4", client_secret="gto_x")
    assert (decision.action, decision.reasons) == (Action.KEEP, ())


@pytest.mark.parametrize(
    ("found", "client_id", "secret", "reason"),
    [
        (application(4), None, None, "its secret is not recorded"),
        (application(4), "client-4", None, "its secret is not recorded"),
        (application(4), "client-1", "gto_x", "the recorded secret is that of client-1, which is gone"),
        (replace(application(4), confidential=False), "client-4", "gto_x", "it is a public client, and has to be a confidential one"),
        (
            replace(application(4), redirect_uris=("http://old/authorize",)),
            "client-4",
            "gto_x",
            f"its redirect address is http://old/authorize, not {URI}",
        ),
    ],
)
def test_whatever_has_to_be_changed_rotates_the_secret(found: Application, client_id: str | None, secret: str | None, reason: str) -> None:
    """Gitea gives a new one with every PATCH: never silently."""
    decision = decide([found], WANTED, client_id=client_id, client_secret=secret)
    assert decision.action is Action.ROTATE
    assert decision.note == f"rotates the client secret, which restarts Woodpecker: {reason}"


def test_of_several_the_recorded_one_is_kept() -> None:
    """The others are named, and left alone: somebody may use them."""
    decision = decide([application(9), application(4), application(7)], WANTED, client_id="client-4", client_secret="gto_x")
    assert decision.action is Action.KEEP
    assert decision.application == application(4)
    assert decision.warning == (
        "Gitea has 3 OAuth2 applications named woodpecker; client-4 is used, delete the others in Gitea (Settings, Applications)"
        " if nobody else uses them: client-7 (id 7), client-9 (id 9)"
    )


def test_of_several_without_a_record_the_newest_is_taken() -> None:
    """Nobody has a secret of any of them."""
    decision = decide([application(9), application(4)], WANTED, client_id=None, client_secret=None)
    assert (decision.action, decision.application) == (Action.ROTATE, application(9))


def test_an_application_is_found_on_any_page(forge: StandIn, gitea: Gitea) -> None:
    """Gitea lists 50 at once at the most, and as few as its administrator wants."""
    forge.world.settings.most_items = 3
    oldest = forge.world.add_application(ADMIN, "woodpecker", [URI])
    for number in range(10):
        forge.world.add_application(ADMIN, f"other-{number}", [])
    listed = oauth.applications(gitea)
    assert len(listed) == 11
    assert decide(listed, WANTED, client_id=oldest.client_id, client_secret="gto_x").action is Action.KEEP


def test_a_run_that_ends_between_making_and_storing_leaves_one_application(forge: StandIn, gitea: Gitea) -> None:
    """The answer with the secret is lost; the next run rotates, and both ends know the same secret."""
    forge.world.faults.lose("POST .*oauth2")
    with pytest.raises(ServerDownError) as caught:
        oauth.create(gitea, WANTED)
    assert caught.value.unsure
    decision = decide(oauth.applications(gitea), WANTED, client_id=None, client_secret=None)
    assert decision.action is Action.ROTATE
    assert decision.application is not None
    registered = oauth.rotate(gitea, decision.application, WANTED)
    (only,) = forge.world.applications
    assert (registered.client_id, registered.client_secret) == (only.client_id, only.client_secret)
    assert decide(oauth.applications(gitea), WANTED, client_id=registered.client_id, client_secret="x").action is Action.KEEP
    assert registered.client_secret not in repr(registered)


def test_an_application_that_is_gone_is_deleted(forge: StandIn, gitea: Gitea) -> None:
    """Twice is once."""
    oauth.create(gitea, WANTED)
    (made,) = oauth.applications(gitea)
    oauth.delete(gitea, made)
    oauth.delete(gitea, made)
    assert forge.world.applications == []
