"""How the registry client logs in: anonymous, basic and token authentication, and redirections."""

import base64
import json
import ssl
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from plugin_kit.errors import RegistryError
from plugin_kit.http import Http
from plugin_kit.parallel import each
from plugin_kit.reference import RegistryHost
from plugin_kit.registry import Registry
from tests.support.manifests import image_manifest
from tests.support.registry_client import ADA, client, serve
from tests.support.scripted_server import Answer, Asked, ScriptedServer, scripted_server

IMAGE = image_manifest(revision="a" * 40)
OK = Answer(body=b"{}")


def challenge(server: ScriptedServer) -> Answer:
    """Send the client to the token server."""
    value = f'Bearer realm="{server.url}/token",service="registry.example.lan",scope="repository:shop/api:pull"'
    return Answer(status=401, headers={"WWW-Authenticate": value})


def guard(server: ScriptedServer, *, valid: set[str]) -> None:
    """Make the server one that wants a token of the set for everything, and hands out `token-<scope>`."""

    def token(asked: Asked) -> Answer:
        scopes = parse_qs(urlsplit(asked.path).query).get("scope", ["none"])
        name = f"token-{'+'.join(scopes)}"
        valid.add(name)
        return Answer(body=json.dumps({"token": name}).encode())

    def serve_if_valid(asked: Asked) -> Answer:
        if asked.headers.get("Authorization", "").removeprefix("Bearer ") in valid:
            return Answer(body=IMAGE.content) if asked.method == "GET" else Answer(status=201)
        return challenge(server)

    server.on("GET", "^/token", token)
    server.on("*", "^/v2/", serve_if_valid)


class TestLogin:
    """Anonymous, basic and token authentication, each learnt from the registry's challenge."""

    def test_no_login_is_sent_before_it_is_asked_for(self, server: ScriptedServer) -> None:
        """A registry that lets anonymous users in never sees the password."""
        serve(server, IMAGE)
        with client(server.host, login=ADA) as registry:
            registry.manifest("shop/api", "latest")
        assert "Authorization" not in server.asked()[0].headers

    def test_basic_is_learnt_once(self, server: ScriptedServer) -> None:
        """After the first 401 every request to the same place carries the login right away."""
        expected = f"Basic {base64.b64encode(b'ada:correct horse').decode()}"
        no = Answer(status=401, headers={"WWW-Authenticate": 'Basic realm="registry"'})
        server.on("GET", "/", lambda asked: Answer(body=IMAGE.content) if asked.headers.get("Authorization") == expected else no)
        with client(server.host, login=ADA) as registry:
            for tag in ("1", "2", "3"):
                assert registry.manifest("shop/api", tag) == IMAGE
        assert ["Authorization" in asked.headers for asked in server.asked()] == [False, True, True, True]

    def test_a_token_is_asked_for_with_login_service_and_scope(self, server: ScriptedServer) -> None:
        """The token server gets the login, the registry gets the token only."""
        guard(server, valid=set())
        with client(server.host, login=ADA) as registry:
            assert registry.manifest("shop/api", "latest") == IMAGE
        (asked,) = server.asked("^/token")
        assert parse_qs(urlsplit(asked.path).query) == {"service": ["registry.example.lan"], "scope": ["repository:shop/api:pull"]}
        assert asked.headers["Authorization"] == f"Basic {ADA.encoded}"
        assert [asked.headers.get("Authorization") for asked in server.asked("^/v2/")] == [None, "Bearer token-repository:shop/api:pull"]

    def test_a_token_is_kept_for_its_scope(self, server: ScriptedServer) -> None:
        """Pulls share one token, a push gets another, a mount covers both repositories."""
        guard(server, valid=set())
        with client(server.host) as registry:
            for tag in ("1", "2"):
                registry.manifest("shop/api", tag)
            registry.put_manifest("shop/api", "3", IMAGE)
            registry.mount_blob("shop/api", IMAGE.digest, source="shop/base")
        scopes = [parse_qs(urlsplit(asked.path).query)["scope"] for asked in server.asked("^/token")]
        assert scopes == [
            ["repository:shop/api:pull"],
            ["repository:shop/api:pull,push"],
            ["repository:shop/api:pull,push", "repository:shop/base:pull"],
        ]

    def test_a_token_that_has_run_out_is_renewed(self, server: ScriptedServer) -> None:
        """A 401 in the middle of a run leads to a new token, once."""
        valid: set[str] = set()
        guard(server, valid=valid)
        with client(server.host) as registry:
            registry.manifest("shop/api", "1")
            valid.clear()
            assert registry.manifest("shop/api", "2") == IMAGE
        assert len(server.asked("^/token")) == 2

    def test_the_older_name_of_the_token_is_understood(self, server: ScriptedServer) -> None:
        """OAuth2 servers call it `access_token`."""
        server.on("GET", "^/token", Answer(body=b'{"access_token": "t"}'))
        server.on("GET", "^/v2/", challenge(server), OK)
        with client(server.host) as registry:
            registry.ping()
        assert server.asked("^/v2/")[1].headers["Authorization"] == "Bearer t"

    def test_a_token_server_that_refuses_is_a_refused_login(self, server: ScriptedServer) -> None:
        """The user reads that the login is wrong, as with basic authentication."""
        server.on("GET", "^/token", Answer(status=401))
        server.on("GET", "^/v2/", challenge(server))
        with client(server.host, login=ADA) as registry, pytest.raises(RegistryError) as caught:
            registry.manifest("shop/api", "latest")
        assert caught.value.message == f"{server.host} refused shop/api:latest (401 Unauthorized)"
        assert caught.value.details == ("the login of 'ada' is not accepted",)

    def test_no_login_leaves_https_for_a_token_server_on_http(
        self, secure: ScriptedServer, server: ScriptedServer, authority: trustme.CA
    ) -> None:
        """A registry that can be trusted may be configured carelessly; the password is not sent in clear."""
        secure.on("GET", "^/v2/", Answer(status=401, headers={"WWW-Authenticate": f'Bearer realm="{server.url}/token"'}))
        context = ssl.create_default_context()
        authority.configure_trust(context)
        with Http(verify=context, retry_for=1) as http, pytest.raises(RegistryError) as caught:
            Registry(RegistryHost(host=secure.host, scheme="https"), http, login=ADA).ping()
        assert "token server over plain http" in caught.value.message
        assert server.asked() == []

    def test_a_token_server_that_is_down_is_named(self, server: ScriptedServer) -> None:
        """Not the registry, but its token server, is what can't be reached."""
        with scripted_server() as gone:
            realm = gone.url
        server.on("GET", "^/v2/", Answer(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}/token"'}))
        with client(server.host, retry_for=0.3) as registry, pytest.raises(RegistryError, match="can't reach the token server of"):
            registry.ping()

    def test_many_threads_learn_the_login_together(self, server: ScriptedServer) -> None:
        """Sixteen requests at once that all meet the challenge all succeed."""
        guard(server, valid=set())
        with client(server.host, login=ADA) as registry:
            found = each(lambda tag: registry.manifest("shop/api", tag), [str(number) for number in range(16)], at_once=16)
        assert found == [IMAGE] * 16
