"""How the forge is reached, and what it refuses."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from github_mirror.errors import DeadlineOver, HostKeyError, SourceError
from tests.github_mirror.conftest import KeyPair
from tests.support.git_forge import Forge, git_forge
from tests.support.sources import TOKEN, empty, is_whole, netrc, opened, pipeline, rev, settings, spy
from tests.support.ssh_server import listening, ssh_server


@pytest.mark.parametrize(
    "given",
    [
        {"chosen": settings(source_token=SecretStr(TOKEN))},
        {"chosen": settings(source_token=SecretStr(TOKEN), source_username="oauth2")},
        {"ci": {"netrc": netrc()}},
        {"chosen": settings(source_token=SecretStr(TOKEN)), "ci": {"netrc": netrc("expired")}},
    ],
    ids=["token", "token and user", "netrc", "token before netrc"],
)
def test_credentials_open_the_forge(tmp_path: Path, upstream: Path, forge: Forge, given: dict[str, Any]) -> None:
    """From Woodpecker, or from a secret, which wins."""
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), **given.get("ci", {}))
    with opened(given.get("chosen", settings()), ci) as (source, _):
        assert source.label == forge.url("shop")


def test_the_token_is_in_no_argument_no_file_and_no_other_environment(
    tmp_path: Path, upstream: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the git that reads from the forge gets it, in its environment."""
    log = spy(tmp_path, monkeypatch)
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"))
    with opened(settings(source_token=SecretStr(TOKEN), cache_dir=str(tmp_path / "cache")), ci) as (source, printed):
        source.git.run("rev-parse", "HEAD", check=False)
        files = [path for folder in (tmp_path / "cache", Path(source.git.environment["HOME"])) for path in folder.rglob("*")]
        assert not [path for path in files if path.is_file() and TOKEN.encode() in path.read_bytes()]
        assert TOKEN not in printed.getvalue()
        assert TOKEN not in repr(source)
        assert TOKEN not in str(source.git.environment)
    blocks = log.read_text().split("@@ ")[1:]
    assert not [block for block in blocks if TOKEN in block.splitlines()[0]]
    holders = {block.split()[1] for block in blocks if TOKEN in block}
    assert holders <= {"fetch", "remote-http", forge.url("shop.git"), "--quiet"} | holders & {"credential-cache"}
    assert not [block for block in blocks if TOKEN in block and block.split()[1] in {"rev-parse", "show-ref", "init", "push", "gc"}]


def test_credentials_are_for_their_host_only(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """Woodpecker's login for the forge is not shown to another server."""
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc(machine="git.lan"))
    with pytest.raises(SourceError, match="asks for a login"), opened(settings(), ci):
        pass
    assert forge.logins == {""}


def test_a_login_in_the_address_is_refused(tmp_path: Path, upstream: Path) -> None:
    """It would stand on a command line."""
    ci = pipeline(empty(tmp_path), rev(upstream))
    with pytest.raises(SourceError, match="has a login in it") as caught, opened(settings(source=f"https://x:{TOKEN}@git.lan/shop"), ci):
        pass
    assert TOKEN not in f"{caught.value} {caught.value.hint} {caught.value.details}"


def certificate(ca: trustme.CA) -> ssl.SSLContext:
    """Give the TLS side of a server on localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    return context


@pytest.mark.parametrize("as_file", [False, True])
def test_a_private_ca_is_believed_when_it_is_given(tmp_path: Path, upstream: Path, as_file: bool) -> None:
    """As PEM, or as a file of the workspace."""
    ca = trustme.CA()
    text = ca.cert_pem.bytes().decode()
    workspace = empty(tmp_path)
    (workspace / "ca.pem").write_text(text)
    with git_forge(upstream.parent, tls=certificate(ca)) as forge:
        ci = pipeline(workspace, rev(upstream), clone_url=forge.url("shop.git"))
        with opened(settings(ca_cert="ca.pem" if as_file else text), ci) as (source, _):
            assert is_whole(source)


def test_reading_by_ssh_takes_a_key_of_its_own(tmp_path: Path, upstream: Path, deploy_key: KeyPair) -> None:
    """The mirror's key has no business at the forge."""
    workspace = empty(tmp_path)
    with ssh_server(upstream.parent, deploy_key.public) as server:
        chosen = settings(source=server.url("shop.git"), source_ssh_key=SecretStr(deploy_key.private), known_hosts=server.known_hosts)
        with opened(chosen, pipeline(workspace, rev(upstream))) as (source, _):
            assert source.listing.refs == {"refs/heads/main": rev(upstream)}
            assert is_whole(source)
        assert server.connections == 1


def test_with_a_key_woodpeckers_ssh_address_is_used(tmp_path: Path, upstream: Path, deploy_key: KeyPair) -> None:
    """Whoever gives a key wants the forge to be read with it."""
    with ssh_server(upstream.parent, deploy_key.public) as server:
        chosen = settings(source_ssh_key=SecretStr(deploy_key.private), known_hosts=server.known_hosts)
        addresses = {"clone_url": "https://git.lan/acme/shop.git", "clone_ssh_url": server.url("shop.git")}
        with opened(chosen, pipeline(empty(tmp_path), rev(upstream), **addresses)) as (source, _):
            assert source.label == server.url("shop")


def test_reading_by_ssh_without_a_key_is_explained(tmp_path: Path, upstream: Path) -> None:
    """It names the setting."""
    chosen = settings(source="git@git.lan:acme/shop.git")
    with pytest.raises(SourceError, match="there is no key for it") as caught, opened(chosen, pipeline(empty(tmp_path), rev(upstream))):
        pass
    assert "`source_ssh_key`" in str(caught.value.hint)


def test_reading_by_ssh_from_an_unknown_host_is_refused(tmp_path: Path, upstream: Path, deploy_key: KeyPair) -> None:
    """As for the mirror itself."""
    with ssh_server(upstream.parent, deploy_key.public) as server:
        chosen = settings(source=server.url("shop.git"), source_ssh_key=SecretStr(deploy_key.private))
        with pytest.raises(HostKeyError, match="is not known"), opened(chosen, pipeline(empty(tmp_path), rev(upstream))):
            pass
        assert server.offered == []


@pytest.mark.parametrize(
    ("login", "path", "sentence"),
    [
        (None, "shop.git", "asks for a login, and the step has none"),
        ("wrong", "shop.git", "refused the login"),
        (TOKEN, "missing.git", "has no such repository"),
    ],
)
def test_what_the_forge_refuses_is_explained(
    tmp_path: Path, upstream: Path, forge: Forge, login: str | None, path: str, sentence: str
) -> None:
    """In a sentence, with what to do."""
    chosen = settings(source="forge", source_token=SecretStr(login) if login else None)
    with pytest.raises(SourceError) as caught, opened(chosen, pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url(path))):
        pass
    assert sentence in caught.value.message
    assert "source_token" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://localhost:1/shop.git", "can't be reached"),
        ("http://nowhere.invalid/shop.git", "its name does not resolve"),
        ("/nowhere/shop.git", "can't be read"),
        ("ftp://git.lan/shop", "is reached by ftp"),
        ("--upload-pack=touch x", "begins with a dash"),
    ],
)
def test_an_address_that_leads_nowhere_is_explained(
    tmp_path: Path, upstream: Path, url: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent anywhere."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SourceError) as caught, opened(settings(source=url), pipeline(empty(tmp_path), rev(upstream))):
        pass
    assert sentence in caught.value.message


def test_an_unknown_certificate_is_explained(tmp_path: Path, upstream: Path) -> None:
    """It is never accepted, and the setting is named."""
    with git_forge(upstream.parent, tls=certificate(trustme.CA())) as forge:
        ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"))
        with pytest.raises(SourceError, match="certificate of an unknown CA") as caught, opened(settings(source="forge"), ci):
            pass
    assert "`ca_cert`" in str(caught.value.hint)


def test_the_deadline_holds_for_reading(tmp_path: Path, upstream: Path) -> None:
    """A forge that takes the connection and says nothing does not take the whole pipeline's time."""
    with listening() as listener:
        url = f"http://localhost:{listener.getsockname()[1]}/shop.git"
        with (
            pytest.raises(DeadlineOver, match="git fetch was stopped"),
            opened(settings(), pipeline(empty(tmp_path), rev(upstream), clone_url=url), 0.5),
        ):
            pass
