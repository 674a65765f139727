"""Access tokens: their value is shown once, and a token without it is of no use."""

import pytest

from bootstrap.gitea import repository, token
from bootstrap.gitea.client import Gitea, Token
from bootstrap.gitea.errors import GiteaError, LoginError, ServerDownError
from bootstrap.gitea.token import Action, Listed, Wanted, decide
from devtools.gitea.server import ADMIN, StandIn

WANTED = Wanted(name="local-cicd", scopes=("write:repository", "read:user"))
VALUE = "0123456789abcdef0123456789abcdef01234567"


def listed(*scopes: str, tail: str = "01234567") -> Listed:
    """Make a token as Gitea lists it."""
    return Listed(id=3, name="local-cicd", tail=tail, scopes=frozenset(scopes))


@pytest.mark.parametrize(
    ("tokens", "recorded", "action", "reason"),
    [
        ([], None, Action.CREATE, ""),
        ([], VALUE, Action.CREATE, "Gitea has no token of this name"),
        ([listed("write:repository", "write:user")], VALUE, Action.KEEP, ""),
        ([listed("all")], VALUE, Action.KEEP, ""),
        ([listed("all")], None, Action.REPLACE, "its value is not recorded"),
        ([listed("all", tail="89abcdef")], VALUE, Action.REPLACE, "the recorded value is another token's"),
        ([listed("write:user")], VALUE, Action.REPLACE, "it lacks write:repository"),
        ([listed()], VALUE, Action.REPLACE, "it lacks read:user, write:repository"),
    ],
)
def test_what_is_done_about_a_token(tokens: list[Listed], recorded: str | None, action: Action, reason: str) -> None:
    """Kept where its value is recorded and it may do what it must."""
    decision = decide(tokens, WANTED, recorded)
    assert (decision.action, decision.reason) == (action, reason)


def test_a_run_that_ends_between_making_and_storing_leaves_one_token(forge: StandIn, gitea: Gitea) -> None:
    """The next one replaces what nobody can use."""
    forge.world.faults.lose("POST .*tokens")
    with pytest.raises(ServerDownError):
        token.create(gitea, WANTED)
    decision = decide(token.tokens(gitea), WANTED, None)
    assert decision.listed is not None
    made = token.replace(gitea, decision.listed, WANTED)
    assert [each.value for each in forge.world.tokens] == [made.value]
    assert decide(token.tokens(gitea), WANTED, made.value).action is Action.KEEP
    assert made.value not in repr(made)


def test_a_name_that_is_taken(gitea: Gitea) -> None:
    """By a token that was made by hand in the meantime."""
    token.create(gitea, WANTED)
    with pytest.raises(GiteaError, match="does not make the token local-cicd: access token name has been used already") as caught:
        token.create(gitea, WANTED)
    assert "Settings, Applications of platform" in str(caught.value.hint)


def test_a_token_that_was_deleted_in_gitea(gitea: Gitea) -> None:
    """Told apart from a wrong password."""
    with pytest.raises(LoginError, match="Gitea does not know the token of platform any more"):
        repository.find(Gitea(gitea.web, Token(user=ADMIN, value=VALUE)), ADMIN, "shop")


def test_a_token_with_too_few_scopes(forge: StandIn, gitea: Gitea) -> None:
    """Named with what it lacks."""
    value = forge.world.add_token(ADMIN, "weak", ("read:user",)).value
    with pytest.raises(LoginError, match=r"the token of platform may not do GET /api/v1/repos/platform/shop: .*read:repository"):
        repository.find(Gitea(gitea.web, Token(user=ADMIN, value=value)), ADMIN, "shop")


def test_the_scopes_of_the_platforms_token_are_enough(forge: StandIn, gitea: Gitea) -> None:
    """Repositories of its own and of organisations, branches and hooks, OAuth2 applications: without `all`."""
    wanted = Wanted(name="local-cicd", scopes=("write:repository", "write:user", "write:organization"))
    user = Gitea(gitea.web, Token(user=ADMIN, value=token.create(gitea, wanted).value))
    made = repository.create(user, repository.Wanted(owner="acme", name="shop"))
    assert made.full_name == "acme/shop"
    assert forge.world.user("acme") is not None
