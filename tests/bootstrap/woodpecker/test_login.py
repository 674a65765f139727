"""The first login without a browser, and every way in which it can fail."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from bootstrap.gitea.browser import Browser
from bootstrap.gitea.errors import CertificateError, LoginError, ServerDownError, WebError
from bootstrap.gitea.web import Web
from bootstrap.woodpecker import login, user
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.errors import FirstLoginError, RightError
from bootstrap.woodpecker.refusal import KNOWN, refusal_in
from devtools.gitea.server import ADMIN, PASSWORD
from devtools.gitea.server import stand_in as gitea_stand_in
from devtools.woodpecker.server import stand_in
from tests.bootstrap.woodpecker.pair import CI, FORGE, Pair
from tests.support.authority import Authority


@contextmanager
def split(**options: str) -> Iterator[Pair]:
    """Run both under names that do not resolve here, as behind an ingress that this machine does not see."""
    with gitea_stand_in() as gitea:
        gitea.public_url = FORGE
        yield from Pair.started(gitea, stand_in, **{"host": CI, "oauth_host": FORGE, **options})


def test_a_first_login_ends_with_a_token_of_the_administrator(pair: Pair) -> None:
    """Consent page included; the token is good for the API."""
    woodpecker = Woodpecker(pair.web(), pair.log_in())
    me = user.me(woodpecker)
    assert (me.login, me.admin) == (ADMIN, True)
    assert pair.gitea.count("POST", "/login/oauth/grant") == 1


def test_a_second_login_gives_the_same_token_and_asks_for_no_consent(pair: Pair) -> None:
    """So that a run which died before it had stored the token can simply ask again."""
    assert pair.log_in() == pair.log_in()
    assert pair.gitea.count("POST", "/login/oauth/grant") == 1
    assert len(pair.woodpecker.world.accounts) == 1


def test_public_names_that_do_not_resolve_here_are_asked_where_this_command_reaches_them() -> None:
    """Split horizon: browsers' names for both servers, loopback addresses for this command."""
    with split() as pair:
        assert user.me(Woodpecker(pair.web(), pair.log_in())).admin
        sent = next(path for method, path in pair.gitea.asked if path.startswith("/login/oauth/authorize"))
        assert parse_qs(urlsplit(sent).query)["redirect_uri"] == [f"{CI}/authorize"]


def test_a_cookie_for_https_is_sent_through_a_port_forward(pair: Pair) -> None:
    """A server behind an ingress marks its cookie Secure, and the port-forward is plain http."""
    real = pair.web()

    class Forwarded(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            headers = {**request.headers, "X-Forwarded-Proto": "https"}
            inner = real.request(request.method, str(request.url), headers=headers)
            return httpx.Response(inner.status_code, headers=inner.headers, content=inner.content)

    with Web(pair.woodpecker.url, service="Woodpecker", transport=Forwarded()) as web:
        assert login.token(web, pair.browser(), pair.login())


@pytest.mark.parametrize("code", sorted(KNOWN))
def test_each_code_of_a_refusal_is_a_sentence_with_a_remedy(pair: Pair, code: str) -> None:
    """Nobody has to look up what `error=` means."""
    pair.woodpecker.world.faults.login_error = code
    with pytest.raises(FirstLoginError) as caught:
        pair.log_in()
    assert f"({code})" in caught.value.message
    assert caught.value.hint
    assert "{" not in caught.value.message + caught.value.hint


def test_an_unknown_code_is_told_with_what_the_server_says(pair: Pair) -> None:
    """A newer server may have codes of its own."""
    faults = pair.woodpecker.world.faults
    faults.login_error, faults.error_description = "quantum_error", "both dead and alive"
    with pytest.raises(FirstLoginError, match="error=quantum_error") as caught:
        pair.log_in()
    assert caught.value.details == ("it says: both dead and alive",)


def test_a_user_whom_woodpecker_does_not_name_is_refused_with_the_setting(pair: Pair) -> None:
    """WOODPECKER_OPEN is false, and the user is not in WOODPECKER_ADMIN."""
    pair.woodpecker.world.admins = ("somebody",)
    with pytest.raises(FirstLoginError, match=r"registration_closed.*takes no new users") as caught:
        pair.log_in()
    assert "woodpecker.admins" in str(caught.value.hint)
    assert ADMIN in str(caught.value.hint)


def test_a_user_who_is_no_administrator_gets_no_token(pair: Pair) -> None:
    """With an open registration the login works, and would fail much later at the first call for administrators."""
    pair.woodpecker.world.admins, pair.woodpecker.world.is_open = (), True
    with pytest.raises(RightError, match="platform is no administrator of Woodpecker") as caught:
        pair.log_in()
    assert "WOODPECKER_ADMIN" in str(caught.value.hint)
    assert pair.woodpecker.count("POST", "/api/user/token") == 0


def test_a_rotated_client_secret_is_told_as_what_it_is(pair: Pair) -> None:
    """The server still runs with the old one."""
    pair.woodpecker.world.forge.client_secret = "gto_old"
    with pytest.raises(FirstLoginError, match="oauth_error") as caught:
        pair.log_in()
    assert "OAuth2 client id or secret" in str(caught.value.hint)
    assert pair.gitea.url in str(caught.value.hint)


def test_a_wrong_password_never_reaches_woodpecker(pair: Pair) -> None:
    """Gitea says no first."""
    with pytest.raises(LoginError):
        login.token(pair.web(), pair.browser(), pair.login(password="wrong"))
    assert pair.woodpecker.asked == []


def test_two_factor_login_is_refused_with_a_remedy(pair: Pair) -> None:
    """No program can do it."""
    account = pair.gitea.world.user(ADMIN)
    assert account
    account.second_factor = "totp"
    with pytest.raises(LoginError, match="two factors"):
        pair.log_in()


def test_a_consent_page_that_has_changed_is_told(pair: Pair) -> None:
    """A newer Gitea: the way out is one login in a browser."""
    pair.gitea.world.settings.consent_page_changed = True
    with pytest.raises(LoginError, match="consent") as caught:
        pair.log_in()
    assert "browser" in str(caught.value.hint)


def test_a_gitea_without_csrf_tokens_is_no_matter(pair: Pair) -> None:
    """Gitea 1.26 dropped them."""
    pair.gitea.world.settings.csrf = False
    assert pair.log_in()


def test_another_host_than_that_of_platform_yaml_is_noticed(pair: Pair) -> None:
    """The server still has its former WOODPECKER_HOST."""
    wrong = login.Login(user=ADMIN, password=PASSWORD, host=CI, gitea=pair.gitea.url)
    with pytest.raises(FirstLoginError, match=f"Woodpecker is to be {CI}") as caught:
        login.token(pair.web(), pair.browser(), wrong)
    assert "WOODPECKER_HOST" in str(caught.value.hint)


def test_another_forge_than_that_of_platform_yaml_is_noticed() -> None:
    """The server still has its former WOODPECKER_EXPERT_FORGE_OAUTH_HOST."""
    with split(oauth_host="http://old-gitea.example.lan") as pair, pytest.raises(LoginError, match=r"old-gitea\.example\.lan"):
        pair.log_in()


def test_a_proxy_with_a_page_of_its_own_is_told(pair: Pair) -> None:
    """Instead of an error about JSON or a missing redirect."""
    pair.woodpecker.world.faults.web_page = True
    with pytest.raises(WebError, match='titled "Gateway"') as caught:
        pair.log_in()
    assert "woodpecker.bootstrap_url" in str(caught.value.hint)


def test_a_cookie_that_is_lost_on_the_way_is_told(pair: Pair) -> None:
    """Some proxies take cookies away."""
    pair.woodpecker.world.faults.no_cookie = True
    with pytest.raises(FirstLoginError, match="gave no cookie user_sess"):
        pair.log_in()


def test_a_page_without_the_sign_against_forged_requests_is_told(pair: Pair) -> None:
    """Without it no token can be asked for."""
    pair.woodpecker.world.faults.no_csrf = True
    with pytest.raises(FirstLoginError, match="names no WOODPECKER_CSRF"):
        pair.log_in()


def test_a_token_that_is_refused_is_told(pair: Pair) -> None:
    """The header was dropped on its way."""
    pair.woodpecker.world.faults.answers["token"] = (401, "", -1)
    with pytest.raises(FirstLoginError, match=r"gave no token \(401\)") as caught:
        pair.log_in()
    assert "X-CSRF-TOKEN" in str(caught.value.hint)


def test_a_server_that_fails_in_the_middle_points_to_its_log(pair: Pair) -> None:
    """A 500 at /authorize."""
    pair.woodpecker.world.faults.answers["authorize"] = (500, "", -1)
    with pytest.raises(FirstLoginError, match=r"failed while platform logged in \(500\)"):
        pair.log_in()


def test_a_login_that_does_not_begin_is_told(pair: Pair) -> None:
    """A server without a forge sends to its own login page."""
    web = pair.web(transport=httpx.MockTransport(lambda _: httpx.Response(303, headers={"Location": "/login"})))
    with pytest.raises(FirstLoginError, match="did not begin the login"):
        login.token(web, pair.browser(), pair.login())


def test_a_restart_in_the_middle_is_waited_for(pair: Pair) -> None:
    """A 502 of the proxy while the pod comes back."""
    pair.woodpecker.world.faults.restarting = 1
    assert login.token(pair.web(retry_for=10.0), pair.browser(), pair.login())


def test_a_server_that_is_gone_is_told_with_the_way_out(pair: Pair) -> None:
    """Connection refused."""
    nowhere = Web("http://127.0.0.1:9", service="Woodpecker", setting="woodpecker", retry_for=0)
    with nowhere, pytest.raises(ServerDownError) as caught:
        login.token(nowhere, pair.browser(), pair.login())
    assert "woodpecker.bootstrap_url" in str(caught.value.hint)


def test_an_unknown_authority_is_told_and_a_known_one_is_trusted(tmp_path: Path) -> None:
    """The server's certificate was signed by the platform's own CA."""
    authority = Authority(tmp_path / "ca")
    issued = authority.server("ci.example.lan")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.cert, issued.key)
    with gitea_stand_in() as gitea:
        for pair in Pair.started(gitea, stand_in, tls=context):
            with pytest.raises(CertificateError) as caught:
                login.token(pair.web(), pair.browser(), pair.login())
            assert "`ca`" in str(caught.value.hint)
            assert login.token(pair.web(ca=authority.pem), pair.browser(), pair.login())


def test_no_error_shows_the_password_or_the_session(pair: Pair) -> None:
    """Whatever goes wrong last."""
    for code in KNOWN:
        pair.woodpecker.world.faults.login_error = code
        with pytest.raises(FirstLoginError) as caught:
            pair.log_in()
        told = " ".join((caught.value.message, str(caught.value.hint), *caught.value.details))
        assert PASSWORD not in told
        assert "state=" not in told
        assert "code=" not in told
    assert PASSWORD not in repr(pair.login())


def test_a_redirect_home_is_no_refusal() -> None:
    """What a login that worked ends with."""
    assert refusal_in("/", user="a", gitea="b", host="c") is None


def test_the_browser_is_what_the_login_expects(pair: Pair) -> None:
    """Gitea's half is another package's."""
    pages: login.Pages = pair.browser()
    assert isinstance(pages, Browser)
