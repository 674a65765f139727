"""One set of settings opens every registry of a run: with its login, its certificate, and one pool of connections."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from plugin_kit.access import Access, RegistryLogin, ca_cert
from plugin_kit.console import Console
from plugin_kit.errors import RegistryError, RegistryUnavailable, SettingsError
from plugin_kit.reference import RegistryHost
from tests.support.scripted_server import Answer, ScriptedServer

OTHER = "other.lan:5000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a plugin has that speaks to a registry."""

    username: str | None = None
    password: SecretStr | None = None
    logins: list[RegistryLogin] = field(default_factory=list)
    config: SecretStr | None = None
    insecure: bool = False
    ca_cert: str | None = None
    registry_timeout: timedelta = timedelta(seconds=0.2)


@pytest.fixture
def opened(server: ScriptedServer, tmp_path: Path) -> Iterator["Opened"]:
    """Open accesses that are closed when the test ends."""
    yield (opening := Opened(server.host, tmp_path))
    for access in opening.all:
        access.__exit__(None, None, None)


class Opened:
    """Opens accesses to one registry, and keeps what they print."""

    def __init__(self, host: str, workspace: Path) -> None:
        self.host = host
        self.workspace = workspace
        self.out = io.StringIO()
        self.console = Console(self.out, colour=False)
        self.all: list[Access] = []

    def __call__(self, home: str | None = None, **given: Any) -> Access:  # noqa: ANN401  the fields of Settings
        """Open an access with these settings."""
        access = Access(Settings(**given), RegistryHost(host=home or self.host), self.workspace, self.console)
        self.all.append(access)
        return access


def docker_config(host: str) -> str:
    """Write a config.json with a login."""
    return json.dumps({"auths": {host: {"auth": base64.b64encode(b"ada:from-config").decode()}}})


class TestLogins:
    """Each registry gets its own login and no other one's."""

    def test_username_and_password_are_for_the_plugins_own_registry(self, opened: Opened) -> None:
        """Others don't see them."""
        credentials = opened(username="ada", password=SecretStr("own")).credentials
        login = credentials.for_host(opened.host)
        assert login
        assert (login.username, login.password) == ("ada", "own")
        assert credentials.for_host(OTHER) is None

    def test_logins_and_config_are_for_the_hosts_that_they_name(self, opened: Opened) -> None:
        """The more particular setting wins."""
        logins = [RegistryLogin(registry=f"https://{OTHER}/v2/", username="bob", password=SecretStr("from-logins"))]
        credentials = opened(config=SecretStr(docker_config(OTHER)), logins=logins).credentials
        login = credentials.for_host(OTHER)
        assert login
        assert login.password == "from-logins"

    def test_a_config_may_be_a_path_in_the_workspace(self, opened: Opened) -> None:
        """As a step before may leave it."""
        (opened.workspace / "config.json").write_text(docker_config(OTHER))
        login = opened(config=SecretStr("config.json")).credentials.for_host(OTHER)
        assert login
        assert login.password == "from-config"

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"username": "ada"}, "username and password: a login needs both of them"),
            ({"password": SecretStr("own")}, "username and password: a login needs both of them"),
            ({"config": SecretStr("nowhere.json")}, "config: neither the JSON of a Docker config.json nor the path of one"),
            ({"logins": [RegistryLogin(registry="a/b", username="x", password=SecretStr("y"))]}, "logins[0]: registry: "),
        ],
    )
    def test_half_a_login_is_a_matter_of_settings(self, opened: Opened, given: dict[str, Any], problem: str) -> None:
        """Without a value of it in the message."""
        with pytest.raises(SettingsError) as caught:
            opened(**given)
        assert caught.value.problems[0].startswith(problem)
        assert "own" not in str(caught.value)

    def test_no_login_is_printed(self, opened: Opened) -> None:
        """Neither the password nor what goes over the wire."""
        opened(username="ada", password=SecretStr("a-password"))
        encoded = base64.b64encode(b"ada:a-password").decode()
        opened.console.info(f"a-password {encoded}")
        assert "a-password" not in opened.out.getvalue()
        assert encoded not in opened.out.getvalue()


class TestClients:
    """One per host."""

    def test_a_host_has_one_client(self, opened: Opened) -> None:
        """What it has learnt of the registry is not learnt again."""
        access = opened()
        assert access.registry(opened.host) is access.registry(opened.host)
        assert access.registry(OTHER) is not access.registry(opened.host)

    def test_the_scheme_is_that_of_the_plugins_own_registry(self, opened: Opened) -> None:
        """Another one is spoken to as usual."""
        access = Access(Settings(insecure=True), RegistryHost(host=OTHER, scheme="http"), opened.workspace, opened.console)
        opened.all.append(access)
        assert access.registry(OTHER).plain_http
        access = opened(home=OTHER)
        assert not access.registry("registry.lan").plain_http

    def test_trouble_is_told_once(self, server: ScriptedServer, opened: Opened) -> None:
        """However many requests meet it."""
        server.on("GET", "/manifests/", Answer(status=503))
        registry = opened().registry(server.host)
        for _ in range(2):
            with pytest.raises(RegistryUnavailable):
                registry.manifest("shop/api", "latest")
        assert opened.out.getvalue().count("answered 503") == 1

    def test_a_private_ca_is_trusted(self, secure: ScriptedServer, authority: trustme.CA, opened: Opened) -> None:
        """`ca_cert` as PEM."""
        settings = Settings(ca_cert=authority.cert_pem.bytes().decode())
        access = Access(settings, RegistryHost(host=secure.host, scheme="https"), opened.workspace, opened.console)
        opened.all.append(access)
        assert access.registry(secure.host).manifest("shop/api", "latest") is None

    def test_an_unknown_ca_is_not_trusted(self, secure: ScriptedServer, opened: Opened) -> None:
        """Never a silent fall-back."""
        access = Access(Settings(), RegistryHost(host=secure.host, scheme="https"), opened.workspace, opened.console)
        opened.all.append(access)
        with pytest.raises(RegistryError, match="can't be trusted"):
            access.registry(secure.host).manifest("shop/api", "latest")

    def test_a_ca_that_can_not_be_read_is_a_matter_of_settings(self, opened: Opened) -> None:
        """It names the setting."""
        with pytest.raises(SettingsError, match="ca_cert: "):
            opened(ca_cert="nowhere.pem").registry(opened.host)

    def test_the_setting_comes_before_the_mounted_ca(self, opened: Opened) -> None:
        """And without either there is none."""
        assert ca_cert(Settings(ca_cert="own.pem"), opened.host) == "own.pem"
        assert ca_cert(Settings(), opened.host) is None


def test_a_block_may_have_another_patience(server: ScriptedServer, opened: Opened) -> None:
    """Until a moment, instead of for `registry_timeout` each; afterwards all is as before."""
    server.on("GET", "/manifests/", *[Answer(status=503)] * 2, Answer(status=404))
    access = opened(registry_timeout=timedelta(seconds=0.01))
    registry = access.registry(server.host)
    with access.retrying_for(60):
        assert registry.manifest("shop/api", "latest") is None
    assert len(server.asked("/manifests/")) == 3
    server.on("HEAD", "/blobs/", Answer(status=503))
    with pytest.raises(RegistryUnavailable):
        registry.has_blob("shop/api", f"sha256:{'0' * 64}")


def test_a_block_without_patience_asks_once(server: ScriptedServer, opened: Opened) -> None:
    """Although each request would have some of its own."""
    server.on("GET", "/manifests/", Answer(status=503))
    access = opened(registry_timeout=timedelta(seconds=60))
    with access.retrying_for(0), pytest.raises(RegistryUnavailable):
        access.registry(server.host).manifest("shop/api", "latest")
    assert len(server.asked("/manifests/")) == 1
