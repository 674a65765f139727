"""Logins are read from where Docker keeps them, and their values stay out of every message."""

import base64
import json

import pytest

from plugin_kit.credentials import Credentials, Login

ADA = Login(username="ada", password="s3cr3t:with:colons")


def auth(text: str) -> str:
    """Encode a login as Docker does."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("registry.lan:5000", "registry.lan:5000"),
        ("https://registry.lan:5000", "registry.lan:5000"),
        ("https://registry.lan/v2/", "registry.lan"),
        ("http://registry.lan", "registry.lan"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
    ],
)
def test_a_login_is_found_under_its_host(key: str, host: str) -> None:
    """Keys of a config.json may be hosts or the URLs of older clients."""
    credentials = Credentials.from_docker_config(json.dumps({"auths": {key: {"auth": auth(f"{ADA.username}:{ADA.password}")}}}))
    assert credentials.for_host(host) == ADA
    assert credentials.hosts() == (host,)


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": auth("ada:s3cr3t:with:colons")},
        {"username": "ada", "password": "s3cr3t:with:colons"},
        {"username": "ada", "password": "s3cr3t:with:colons", "auth": auth("old:old"), "email": "ada@example.lan"},
        {"auth": auth("ada:s3cr3t:with:colons\0\0")},
    ],
)
def test_an_entry_may_be_encoded_or_plain(entry: dict[str, str]) -> None:
    """`auth`, or `username` and `password`: all clients' ways are read, passwords with colons included."""
    assert Credentials.from_docker_config(json.dumps({"auths": {"registry.lan": entry}})).for_host("registry.lan") == ADA


@pytest.mark.parametrize(
    "text", ['{"auths": {}}', "{}", '{"auths": null}', '{"auths": {"registry.lan": {}}}', '{"HttpHeaders": {"a": "b"}}']
)
def test_a_config_without_logins_is_fine(text: str) -> None:
    """A file that holds no login gives none."""
    assert Credentials.from_docker_config(text).hosts() == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{s3cr3t", "not valid JSON at position 1"),
        ('["s3cr3t"]', "not a JSON object"),
        ('{"auths": {"registry.lan": "s3cr3t"}}', "the entry of registry.lan is not an object"),
        ('{"auths": {"registry.lan": {"auth": "s3cr3t!"}}}', "the auth of registry.lan is not base64 of user:password"),
        (json.dumps({"auths": {"registry.lan": {"auth": auth("s3cr3t")}}}), "the auth of registry.lan is not base64 of user:password"),
        ('{"auths": {"registry.lan": {"auth": "/////w=="}}}', "the auth of registry.lan is not base64 of user:password"),
        ('{"auths": {"registry.lan": {"identitytoken": "s3cr3t"}}}', "the entry of registry.lan holds an identity token"),
        ('{"credsStore": "desktop", "auths": {"registry.lan": {}}}', "names a credential helper"),
        ('{"credHelpers": {"gcr.io": "gcloud"}}', "names a credential helper"),
    ],
)
def test_a_config_that_cannot_be_used_says_why_without_a_value(text: str, problem: str) -> None:
    """Every fault is named by place and kind; what stands there may be a secret and is not shown."""
    with pytest.raises(ValueError, match=r".") as caught:
        Credentials.from_docker_config(text)
    assert problem in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", ['{"auths": ["s3cr3t"]}', '{"auths": "s3cr3t"}'])
def test_auths_of_another_shape_are_a_value_error(text: str) -> None:
    """Valid JSON of the wrong shape is a fault like any other."""
    with pytest.raises(ValueError, match=r".") as caught:
        Credentials.from_docker_config(text)
    assert "s3cr3t" not in str(caught.value)


def test_a_login_wins_over_an_older_one_for_its_host() -> None:
    """`username` and `password` beat the config.json; the credentials they are added to stay as they were."""
    before = Credentials({"registry.lan": ADA})
    grace = Login(username="grace", password="other")
    after = before.with_login("registry.lan", grace)
    assert after.for_host("registry.lan") == grace
    assert before.for_host("registry.lan") == ADA


def test_the_config_for_buildx_is_what_docker_writes() -> None:
    """All logins, Docker Hub under the URL that clients look for."""
    credentials = Credentials({"registry.lan:5000": ADA, "docker.io": Login(username="hub", password="pw")})
    assert json.loads(credentials.docker_config()) == {
        "auths": {
            "https://index.docker.io/v1/": {"auth": auth("hub:pw")},
            "registry.lan:5000": {"auth": auth("ada:s3cr3t:with:colons")},
        }
    }
    read = Credentials.from_docker_config(credentials.docker_config())
    assert [read.for_host(host) for host in credentials.hosts()] == [credentials.for_host(host) for host in credentials.hosts()]


def test_a_login_does_not_print_its_password() -> None:
    """A login in a log or a traceback shows the user only."""
    assert "s3cr3t" not in repr(ADA)
    assert "s3cr3t" not in repr(Credentials({"registry.lan": ADA}))


def test_every_form_of_a_login_is_known_for_redaction() -> None:
    """Passwords and the encoded logins can be kept out of the log."""
    assert set(Credentials({"registry.lan": ADA}).encoded()) == {ADA.password, auth("ada:s3cr3t:with:colons")}
