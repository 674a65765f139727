"""A person's way through Gitea's pages, and every page on which it ends."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from bootstrap.gitea.browser import Browser
from bootstrap.gitea.errors import GiteaError, LoginError, ServerDownError
from bootstrap.gitea.page import read
from bootstrap.gitea.web import Web
from devtools.gitea.server import ADMIN, PASSWORD, StandIn
from devtools.gitea.world import Application

BACK = "https://ci.example.lan/authorize"
PUBLIC = "https://gitea.example.lan"


@pytest.fixture
def application(forge: StandIn) -> Application:
    """Register Woodpecker; Gitea calls itself by an address that this machine does not reach."""
    forge.public_url = PUBLIC
    return forge.world.add_application(ADMIN, "woodpecker", [BACK])


@pytest.fixture
def browser(web: Web) -> Browser:
    """Reach Gitea by another address than a browser would."""
    return Browser(web, PUBLIC)


def location(application: Application, root: str = PUBLIC, **changes: str) -> str:
    """Write where Woodpecker sends a person to."""
    asked = {"client_id": application.client_id, "redirect_uri": BACK, "response_type": "code", "state": "a.b.c"} | changes
    return f"{root}/login/oauth/authorize?{urlencode(asked)}"


@pytest.mark.parametrize("csrf", [True, False])
def test_the_first_login_consents_and_the_second_need_not(forge: StandIn, browser: Browser, application: Application, csrf: bool) -> None:
    """With the tokens in forms up to 1.25, and without from 1.26 on."""
    forge.world.settings.csrf = csrf
    browser.log_in(ADMIN, PASSWORD)
    back = browser.authorize(location(application))
    query = parse_qs(urlsplit(back).query)
    assert back.startswith(f"{BACK}?")
    assert query["state"] == ["a.b.c"]
    assert forge.world.codes[query["code"][0]] == (application.client_id, ADMIN)
    assert browser.authorize(location(application)) != back
    assert forge.count("POST", "/login/oauth/grant") == 1


def test_woodpecker_under_gitea_s_own_address(forge: StandIn, web: Web) -> None:
    """One host with paths: the way back is told by its whole address."""
    back = f"{PUBLIC}/ci/authorize"
    application = forge.world.add_application(ADMIN, "woodpecker", [back])
    browser = Browser(web, PUBLIC)
    browser.log_in(ADMIN, PASSWORD)
    assert browser.authorize(location(application, redirect_uri=back)).startswith(f"{back}?code=")


def test_a_wrong_password(forge: StandIn, browser: Browser) -> None:
    """With the command that sets another, and sent once: Gitea may lock who tries too often."""
    with pytest.raises(LoginError, match="does not take the password of platform: Username or password is incorrect") as caught:
        browser.log_in(ADMIN, "wrong-password")
    assert "gitea admin user change-password --username platform" in str(caught.value.hint)
    assert "wrong-password" not in f"{caught.value.message}{caught.value.hint}"
    assert forge.count("POST", "/user/login") == 1


@pytest.mark.parametrize("factor", ["totp", "webauthn"])
def test_a_user_with_two_factors(forge: StandIn, browser: Browser, factor: str) -> None:
    """Gitea sends them to another page."""
    forge.world.users[ADMIN].second_factor = factor
    with pytest.raises(LoginError, match="logs in with two factors, which no program can do"):
        browser.log_in(ADMIN, PASSWORD)


def test_a_user_who_must_change_the_password(forge: StandIn, browser: Browser, application: Application) -> None:
    """The login is taken, and every page after it is the one for the new password."""
    forge.world.users[ADMIN].must_change_password = True
    browser.log_in(ADMIN, PASSWORD)
    with pytest.raises(LoginError, match="Gitea wants platform to change the password"):
        browser.authorize(location(application))


def test_a_user_who_is_locked(forge: StandIn, browser: Browser) -> None:
    """A page of its own, with status 200."""
    forge.world.users[ADMIN].prohibited = True
    with pytest.raises(LoginError, match="Gitea does not let platform in: Sign In Prohibited"):
        browser.log_in(ADMIN, PASSWORD)


def test_the_password_form_is_switched_off(forge: StandIn, browser: Browser) -> None:
    """Single sign-on only."""
    forge.world.settings.password_form = False
    with pytest.raises(LoginError, match="login page has no password form") as caught:
        browser.log_in(ADMIN, PASSWORD)
    assert "GITEA__service__ENABLE_PASSWORD_SIGNIN_FORM=true" in str(caught.value.hint)


def test_the_password_form_is_switched_off_for_programs_only(forge: StandIn, browser: Browser) -> None:
    """A theme shows the form, and Gitea refuses what it sends."""
    forge.world.faults.answer("POST /user/login", 403)
    with pytest.raises(LoginError, match="login page has no password form"):
        browser.log_in(ADMIN, PASSWORD)


def test_the_login_page_asks_for_a_captcha(forge: StandIn, browser: Browser) -> None:
    """Nothing is sent: it could only fail."""
    forge.world.settings.captcha = True
    with pytest.raises(LoginError, match="asks for a captcha"):
        browser.log_in(ADMIN, PASSWORD)
    assert forge.count("POST", ".") == 0


def test_a_login_page_of_somebody_else(forge: StandIn, browser: Browser) -> None:
    """A proxy that wants its own login first: it gets no password of Gitea's."""
    forge.world.faults.page()
    with pytest.raises(LoginError, match=r'no login page of Gitea came from .*, but a page titled "Sign in to continue"'):
        browser.log_in(ADMIN, PASSWORD)
    assert forge.count("POST", ".") == 0


def test_a_form_that_lost_its_session(forge: StandIn, browser: Browser) -> None:
    """400, as when a proxy strips cookies."""
    forge.world.faults.page("POST /user/login", status=400, body=b"<title>Bad Request</title><h1>Invalid CSRF token.</h1>")
    with pytest.raises(LoginError, match=r"Gitea does not take its own login page back: Invalid CSRF token\."):
        browser.log_in(ADMIN, PASSWORD)


def test_the_consent_page_is_another_than_is_known(forge: StandIn, browser: Browser, application: Application) -> None:
    """Nothing is agreed to that was not understood; a person can do it once."""
    forge.world.settings.consent_page_changed = True
    browser.log_in(ADMIN, PASSWORD)
    with pytest.raises(
        LoginError, match=r'asks for consent is not the one that is known \(titled "Authorize woodpecker - Gitea"\)'
    ) as caught:
        browser.authorize(location(application))
    assert "log in to Woodpecker once in a browser" in str(caught.value.hint)
    assert application.granted == set()


def test_nobody_is_logged_in(browser: Browser, application: Application) -> None:
    """Gitea's login page in place of consent."""
    with pytest.raises(LoginError, match="back to the login page"):
        browser.authorize(location(application))


def test_gitea_does_not_know_the_application(browser: Browser, application: Application) -> None:
    """It was deleted, or Gitea was made anew."""
    browser.log_in(ADMIN, PASSWORD)
    with pytest.raises(
        LoginError, match="does not know Woodpecker's OAuth2 application: Authorization failed; Client ID not registered"
    ) as caught:
        browser.authorize(location(application, client_id="gone"))
    assert "bootstrap up" in str(caught.value.hint)


def test_the_application_is_for_another_address(browser: Browser, application: Application) -> None:
    """WOODPECKER_HOST is not what the application was made with."""
    browser.log_in(ADMIN, PASSWORD)
    with pytest.raises(LoginError, match=r"is for another address of Woodpecker: .*Unregistered Redirect URI") as caught:
        browser.authorize(location(application, redirect_uri="http://old/authorize"))
    assert "WOODPECKER_HOST" in str(caught.value.hint)


def test_a_public_application(browser: Browser, application: Application) -> None:
    """Gitea sends back an error in place of a code."""
    application.confidential = False
    browser.log_in(ADMIN, PASSWORD)
    with pytest.raises(LoginError, match="Gitea refuses Woodpecker's request to log in: PKCE is required for public clients") as caught:
        browser.authorize(location(application))
    assert "a confidential client" in str(caught.value.hint)


def test_the_oauth2_provider_is_switched_off(forge: StandIn, browser: Browser, application: Application) -> None:
    """[oauth2] ENABLED=false."""
    forge.world.settings.oauth2 = False
    browser.log_in(ADMIN, PASSWORD)
    with pytest.raises(LoginError, match="Gitea's OAuth2 provider is switched off") as caught:
        browser.authorize(location(application))
    assert "GITEA__oauth2__ENABLED=true" in str(caught.value.hint)


def test_woodpecker_sends_logins_elsewhere(browser: Browser, application: Application) -> None:
    """The name of the Service, which no browser resolves."""
    browser.log_in(ADMIN, PASSWORD)
    with pytest.raises(
        LoginError, match=r"Woodpecker sends logins to http://gitea\.gitea\.svc:3000, and Gitea's address for browsers is"
    ) as caught:
        browser.authorize(location(application, root="http://gitea.gitea.svc:3000"))
    assert "WOODPECKER_EXPERT_FORGE_OAUTH_HOST" in str(caught.value.hint)


def test_the_consent_is_not_taken_back(forge: StandIn, browser: Browser, application: Application) -> None:
    """400 without a word: the session is another one."""
    forge.world.faults.page("POST /login/oauth/grant", status=400, body=b"")
    browser.log_in(ADMIN, PASSWORD)
    with pytest.raises(LoginError, match="does not take its own consent page back"):
        browser.authorize(location(application))


def test_gitea_fails(forge: StandIn, browser: Browser) -> None:
    """A plain 500, and a proxy without a Gitea behind it."""
    forge.world.faults.answer("GET /user/login", 500)
    with pytest.raises(GiteaError, match="Gitea failed with 500 at its page /user/login"):
        browser.log_in(ADMIN, PASSWORD)
    forge.world.faults.answer("POST /user/login", 502)
    with pytest.raises(ServerDownError, match="Gitea is not up"):
        browser.log_in(ADMIN, PASSWORD)


def test_a_page_is_read_whatever_its_html() -> None:
    """Unclosed, nested, entities, inputs outside forms."""
    page = read(
        '<title>A &amp; B</title><input name="outside" value="x"><div class="flash-error"><div>one</div> two<p></div>not this'
        '<form action="/x"><input type=hidden name=a value="&lt;1&gt;"><input type=checkbox name=b><input type=checkbox name=c checked>'
        "<button name=d value=1>go</button></form><h1>Head<br>ing</h1>"
    )
    assert (page.title, page.message, page.headings) == ("A & B", "one two", ("Heading",))
    (form,) = page.forms
    assert (form.fields, form.hidden, form.names) == ({"a": "<1>", "c": "on"}, {"a": "<1>"}, frozenset("abc"))
    assert read("").forms == ()
