"""HTTP to a service: what is tried again, and what a person reads when nothing helps."""

import ssl
from collections.abc import Iterator

import httpx
import pytest
import trustme

from bootstrap.core.clock import Clock
from bootstrap.gitea.errors import CertificateError, ServerDownError, WebError
from bootstrap.gitea.web import Cookies, Web
from devtools.gitea.server import StandIn, stand_in


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make a CA that no machine knows."""
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[StandIn]:
    """Run a Gitea with a certificate of that CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with stand_in(tls=context) as running:
        yield running


def test_an_unknown_ca_is_named_with_its_setting(secure: StandIn, clock: Clock) -> None:
    """It is no transient failure: nothing is tried again."""
    with Web(secure.url, clock=clock) as web, pytest.raises(CertificateError) as caught:
        web.request("GET", "/api/v1/version")
    assert "its certificate is refused" in caught.value.message
    assert caught.value.hint == "its certificate was signed by a CA that this machine does not know: put the CA's certificate into `ca`"
    assert clock.now() == 0


def test_the_configured_ca_is_trusted(secure: StandIn, authority: trustme.CA) -> None:
    """Beside the system's."""
    with Web(secure.url, ca=authority.cert_pem.bytes().decode()) as web:
        assert web.request("GET", "/api/v1/version").status_code == 200


def test_another_ca_than_the_configured_one_is_told_apart(secure: StandIn) -> None:
    """Somebody has written the wrong one into platform.yaml."""
    with Web(secure.url, ca=trustme.CA().cert_pem.bytes().decode()) as web, pytest.raises(CertificateError) as caught:
        web.request("GET", "/")
    assert "another CA than `ca` in platform.yaml" in str(caught.value.hint)


def test_a_certificate_for_another_name_is_no_question_of_the_ca(authority: trustme.CA) -> None:
    """The remedy is the name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("gitea.example.lan").configure_cert(context)
    pem = authority.cert_pem.bytes().decode()
    with stand_in(tls=context) as forge, Web(forge.url, ca=pem) as web, pytest.raises(CertificateError) as caught:
        web.request("GET", "/")
    assert "the certificate is for another name" in str(caught.value.hint)


def test_https_where_plain_http_is_served(forge: StandIn) -> None:
    """The other way round than most."""
    with Web(forge.url.replace("http://", "https://")) as web, pytest.raises(CertificateError) as caught:
        web.request("GET", "/")
    assert "does not speak TLS" in caught.value.message
    assert "write http:// in `gitea.endpoint`" in str(caught.value.hint)


def test_a_ca_that_is_no_pem() -> None:
    """Said before anything is asked."""
    with pytest.raises(CertificateError, match="the CA for Gitea can't be read"):
        Web("https://gitea.example.lan", ca="-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")


def test_reads_are_tried_again_until_the_service_is_back(forge: StandIn, web: Web) -> None:
    """A lost connection, and what a proxy says while a pod restarts."""
    forge.world.faults.lose("GET /api/v1/version")
    forge.world.faults.answer("GET /api/v1/version", 503, times=2)
    assert web.request("GET", "/api/v1/version").status_code == 200
    assert forge.count("GET", "version") == 4


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_post_is_sent_once_whatever_the_answer(forge: StandIn, web: Web, status: int) -> None:
    """It may have been carried out: a second one could make a second application."""
    forge.world.faults.answer("POST", status)
    assert web.request("POST", "/api/v1/orgs", json={}).status_code == status
    assert forge.count("POST", "orgs") == 1


def test_a_post_without_answer_says_that_it_may_have_been_done(forge: StandIn, web: Web) -> None:
    """And that running it again is safe."""
    forge.world.faults.lose("POST")
    with pytest.raises(ServerDownError) as caught:
        web.request("POST", "/api/v1/orgs", json={})
    assert caught.value.unsure
    assert "makes nothing twice" in str(caught.value.hint)
    assert forge.count("POST", "orgs") == 1


def test_a_post_that_was_never_sent_is_tried_again(clock: Clock) -> None:
    """Nobody listened, so nothing can have been done."""
    tries = []

    def refuse(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        if len(tries) < 3:
            raise httpx.ConnectError("[Errno 111] Connection refused")
        return httpx.Response(201)

    with Web("http://gitea.example.lan", transport=httpx.MockTransport(refuse), clock=clock) as web:
        assert web.request("POST", "/").status_code == 201


def test_a_service_that_is_not_there_is_given_up(forge: StandIn, web: Web, clock: Clock) -> None:
    """After the time that was given, with the address and what to look at."""
    forge.stop()
    with pytest.raises(ServerDownError) as caught:
        web.request("GET", "/api/v1/version")
    assert caught.value.message == f"Gitea can't be reached at {forge.url}: connection refused"
    assert "`gitea.endpoint.bootstrap_url`" in str(caught.value.hint)
    assert 10 < clock.now() <= 20


def test_another_service_is_called_by_its_own_name(forge: StandIn) -> None:
    """The same code reaches Woodpecker."""
    forge.stop()
    with Web(forge.url, service="Woodpecker", setting="woodpecker.endpoint") as web, pytest.raises(ServerDownError) as caught:
        web.request("GET", "/", retry=False)
    assert caught.value.message.startswith("Woodpecker can't be reached")
    assert "`woodpecker.endpoint.bootstrap_url`" in str(caught.value.hint)


def test_a_web_page_in_place_of_json_is_a_proxy(forge: StandIn, web: Web) -> None:
    """The page's title tells whose it is; its body may repeat what was sent."""
    forge.world.faults.page()
    with pytest.raises(WebError) as caught:
        web.json(web.request("GET", "/api/v1/version"))
    assert caught.value.message == (
        f'Gitea did not answer at {forge.url}/api/v1/version: a web page titled "Sign in to continue" came (200)'
    )
    assert "HTTP_PROXY" in str(caught.value.hint)


def test_a_redirect_to_https_names_the_address_to_write() -> None:
    """A proxy in front that serves https only."""

    def move(request: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers={"Location": str(request.url.copy_with(scheme="https"))})

    with Web("http://gitea.example.lan", transport=httpx.MockTransport(move)) as web, pytest.raises(WebError) as caught:
        web.json(web.request("GET", "/api/v1/version"))
    assert caught.value.message == "Gitea at http://gitea.example.lan sends on to https://gitea.example.lan/api/v1/version"


def test_nobody_is_remembered_from_one_call_to_the_next() -> None:
    """Threads share the client: the session of one must not be sent with the call of another."""
    seen = []

    def remember(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Cookie"))
        return httpx.Response(200, headers={"Set-Cookie": "session=1; Path=/"})

    with Web("http://gitea.example.lan", transport=httpx.MockTransport(remember)) as web:
        web.request("GET", "/")
        web.request("GET", "/")
    assert seen == [None, None]


def test_cookies_of_a_server_are_sent_under_any_address_of_it() -> None:
    """A Secure cookie of https://gitea, which is reached through a port-forward on http."""
    cookies = Cookies()
    cookies.take(httpx.Response(200, headers=[("Set-Cookie", "s=1; Path=/; Secure; HttpOnly"), ("Set-Cookie", "_csrf=x%3D; Max-Age=60")]))
    assert cookies.header() == {"Cookie": "s=1; _csrf=x%3D"}
    cookies.take(httpx.Response(200, headers=[("Set-Cookie", "_csrf=; Path=/; Max-Age=0")]))
    assert (cookies.get("s"), cookies.get("_csrf")) == ("1", None)
