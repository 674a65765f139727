"""In which state a Gitea is, and what is said about a user that can't be used."""

from collections.abc import Callable

import pytest

from bootstrap.core.change import State as Ready
from bootstrap.gitea.client import Basic, Gitea, Token
from bootstrap.gitea.errors import GiteaError, LoginError, WebError
from bootstrap.gitea.pod import of_workload
from bootstrap.gitea.probe import Probe, State, look, look_for_admin, no_admin, readiness
from bootstrap.gitea.version import Version, check, parse
from bootstrap.gitea.web import Web
from devtools.gitea.server import ADMIN, PASSWORD, StandIn, stand_in
from devtools.gitea.world import Settings

Login = Callable[[str, str], Gitea]


def test_nobody_listens(forge: StandIn, web: Web) -> None:
    """Asked once: who waits does so with a deadline of its own."""
    forge.stop()
    found = look(web)
    assert found.state is State.DOWN
    assert "connection refused" in found.reason
    assert readiness(web).state is Ready.PROGRESSING


@pytest.mark.parametrize("status", [500, 502, 503])
def test_it_answers_but_is_not_up(forge: StandIn, web: Web, status: int) -> None:
    """Its own failure, or a proxy's."""
    forge.world.faults.answer("GET", status)
    assert look(web) == Probe(state=State.DOWN, reason=f"it answers {status}")


def test_the_installation_page_is_open() -> None:
    """A 404 that refreshes to the page; its health says nothing of it."""
    with stand_in(Settings(installed=False)) as forge, Web(forge.url) as web:
        assert look(web).state is State.WIZARD
        assert readiness(web).message == "installation page open"


def test_a_404_of_something_else_is_no_installation_page(forge: StandIn, web: Web) -> None:
    """Another service, or a path of a proxy."""
    forge.world.faults.page(status=404)
    with pytest.raises(WebError, match=r"a web page .* came \(404\)"):
        look(web)


def test_a_proxys_login_page_is_not_gitea(forge: StandIn, web: Web) -> None:
    """It answers 200 to everything."""
    forge.world.faults.page()
    with pytest.raises(WebError, match="Sign in to continue"):
        look(web)


def test_installed_with_its_administrator(gitea: Gitea) -> None:
    """The state in which work begins."""
    assert look_for_admin(gitea) == Probe(state=State.INSTALLED, version=Version(text="1.25.5", numbers=(1, 25, 5)))


def test_a_gitea_that_shows_its_version_to_users_only(forge: StandIn, gitea: Gitea) -> None:
    """REQUIRE_SIGNIN_VIEW: it is installed all the same."""
    forge.world.settings.require_sign_in = True
    assert look(gitea.web) == Probe(state=State.INSTALLED)
    assert look_for_admin(gitea).version == parse("1.25.5")


def test_installed_without_the_administrator() -> None:
    """The command stands in the remedy, for the pod that it is."""
    with stand_in(admin=False) as forge, Web(forge.url) as web:
        gitea = Gitea(web, Basic(user="platform", password="x"), pod=of_workload(workload("docker.gitea.com/gitea:28.1.0")))
        assert look_for_admin(gitea).state is State.NO_ADMIN
        error = no_admin(gitea, "platform@example.lan")
    assert error.message == "Gitea is installed, but has no user platform, and its API can't make the first administrator"
    assert error.hint == (
        "kubectl -n forge exec -it statefulset/gitea -- su git -c 'gitea admin user create --admin --username platform"
        " --email platform@example.lan --random-password --must-change-password=false',"
        " then have `gitea.admin.password` lead to the password that this prints"
    )


def test_a_wrong_password(login: Login) -> None:
    """The user is there: no administrator is made beside it."""
    with pytest.raises(LoginError, match="does not take the password of platform: user's password is invalid") as caught:
        look_for_admin(login(ADMIN, "wrong"))
    assert "kubectl -n forge exec -it statefulset/gitea -- gitea admin user change-password --username platform" in str(caught.value.hint)


def test_a_wrong_password_where_nothing_is_shown_to_strangers(forge: StandIn, login: Login) -> None:
    """Whether the user is there can't be seen: the commoner mistake is named."""
    forge.world.settings.require_sign_in = True
    with pytest.raises(LoginError, match="does not take the password of platform"):
        look_for_admin(login(ADMIN, "wrong"))


@pytest.mark.parametrize("factor", ["totp", "webauthn"])
def test_a_user_with_two_factors(forge: StandIn, gitea: Gitea, factor: str) -> None:
    """No program can pass the second."""
    forge.world.users[ADMIN].second_factor = factor
    with pytest.raises(LoginError, match="the Gitea user platform logs in with two factors") as caught:
        look_for_admin(gitea)
    assert "Settings, Security" in str(caught.value.hint)


def test_a_user_who_must_change_the_password(forge: StandIn, gitea: Gitea) -> None:
    """As one made without --must-change-password=false."""
    forge.world.users[ADMIN].must_change_password = True
    with pytest.raises(LoginError, match="Gitea wants platform to change the password before anything else") as caught:
        look_for_admin(gitea)
    assert "--must-change-password=false" in str(caught.value.hint)


def test_a_user_who_is_locked(forge: StandIn, gitea: Gitea) -> None:
    """In Gitea's own words, with where it is undone."""
    forge.world.users[ADMIN].prohibited = True
    with pytest.raises(LoginError, match="Gitea has locked the user platform: This account is prohibited") as caught:
        look_for_admin(gitea)
    assert "User Accounts" in str(caught.value.hint)


def test_a_user_who_is_no_administrator(forge: StandIn, login: Login) -> None:
    """The password is right, and the rights are missing."""
    forge.world.add_user("ci", "password-of-ci")
    with pytest.raises(LoginError, match="the Gitea user ci is no administrator"):
        look_for_admin(login("ci", "password-of-ci"))


def test_an_administrator_is_looked_for_with_a_password(web: Web) -> None:
    """A token that no longer works says nothing about the user."""
    with pytest.raises(TypeError):
        look_for_admin(Gitea(web, Token(user=ADMIN, value="x")))


def test_the_cause_of_a_failure_is_in_its_log(forge: StandIn, gitea: Gitea) -> None:
    """Gitea tells a plain 500 nobody but its log."""
    forge.world.faults.answer("GET /api/v1/user$", 500)
    with pytest.raises(GiteaError, match="Gitea failed with 500 at GET /api/v1/user") as caught:
        look_for_admin(gitea)
    assert caught.value.hint == "its log says why: kubectl -n forge logs statefulset/gitea --tail=50"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.25.5", (1, 25, 5)),
        ("28.1.0+12-g1234567", (28, 1, 0)),
        ("1.24.0+dev-3-gabc", (1, 24, 0)),
        ("v1.22", (1, 22, 0)),
        ("development", None),
        ("11.0.1+gitea-1.22.0", (1, 22, 0)),
    ],
)
def test_versions(text: str, numbers: tuple[int, int, int] | None) -> None:
    """Both schemes, builds that name no version, and Forgejo's, which names the Gitea that it is like."""
    assert parse(text).numbers == numbers


def test_28_follows_1_27() -> None:
    """Gitea dropped the "1."."""
    assert parse("28.0.0").at_least(1, 27)
    assert not parse("1.27.3").at_least(28)
    assert parse("development").at_least(28)


def test_a_gitea_that_is_too_old(forge: StandIn, web: Web) -> None:
    """Said at once, before a call fails for reasons that nobody understands."""
    forge.world.settings.version = "1.18.5"
    with pytest.raises(GiteaError, match=r"Gitea 1\.18\.5 is too old: 1\.20 is the oldest"):
        look(web)
    check(parse("1.20.0"))


@pytest.mark.parametrize(
    ("image", "security", "root"),
    [
        ("docker.gitea.com/gitea:28.1.0-rootless", {}, False),
        ("docker.gitea.com/gitea:28.1.0", {}, True),
        ("docker.gitea.com/gitea:28.1.0", {"runAsUser": 1000}, False),
        ("registry.example.lan/gitea-rootless:1", {"runAsUser": 0}, True),
    ],
)
def test_gitea_is_never_called_as_root(image: str, security: dict[str, int], root: bool) -> None:
    """It refuses that: in the image that starts as root, the command changes to user git."""
    assert of_workload(workload(image, security)).root is root


def workload(image: str, security: dict[str, int] | None = None) -> dict[str, object]:
    """Make a StatefulSet as the cluster gives it."""
    containers = [{"name": "sidecar", "image": "x"}, {"name": "gitea", "image": image, "securityContext": security or {}}]
    spec = {"template": {"spec": {"containers": containers}}}
    return {"kind": "StatefulSet", "metadata": {"name": "gitea", "namespace": "forge"}, "spec": spec}


def test_the_password_is_in_no_text_of_a_login() -> None:
    """Dataclasses end up in messages of failed assertions and logs."""
    assert PASSWORD not in repr(Basic(user=ADMIN, password=PASSWORD))
