"""`registry` and `project` mean the same in every plugin."""

from pathlib import Path

import pytest

from plugin_kit.ci import CI, Event
from plugin_kit.home import project_path, registry_host
from plugin_kit.reference import RegistryHost


def ci(repo: str | None = "acme/Shop") -> CI:
    """Return a push to the forge's repository."""
    return CI(event=Event.PUSH, workspace=Path("/workspace"), in_woodpecker=True, default_branch="main", repo=repo)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("registry.lan:5000", RegistryHost(host="registry.lan:5000")),
        (" https://registry.lan ", RegistryHost(host="registry.lan", scheme="https")),
        ("https://index.docker.io/v1/", RegistryHost(host="docker.io", scheme="https")),
        ("registry.lan/v2", RegistryHost(host="registry.lan")),
    ],
)
def test_a_registry_is_a_host_or_the_address_of_a_login(text: str, expected: RegistryHost) -> None:
    """Users bring along what other plugins want."""
    assert registry_host(text, insecure=False) == expected


def test_plain_http_must_be_accepted() -> None:
    """It sends logins unprotected."""
    with pytest.raises(ValueError, match="`insecure: true`"):
        registry_host("http://registry.lan", insecure=False)
    assert registry_host("http://registry.lan", insecure=True).scheme == "http"


@pytest.mark.parametrize("text", ["registry.lan/shop", "ftp://registry.lan", "user:word@registry.lan"])
def test_what_is_no_registry_is_refused(text: str) -> None:
    """With the reason."""
    with pytest.raises(ValueError, match=r"write host or host:port|is not a host"):
        registry_host(text, insecure=True)


@pytest.mark.parametrize(("text", "expected"), [("", "shop"), ("/group/shop/", "group/shop"), ("other", "other")])
def test_a_project_is_a_path_or_the_repositorys_name(text: str, expected: str) -> None:
    """In lower case, as registries want it."""
    assert project_path(text, ci()) == expected


@pytest.mark.parametrize(
    ("text", "repo", "words"), [("", None, "required here"), ("Shop", "acme/shop", "upper-case"), ("/", "a/b", "empty")]
)
def test_a_project_that_can_not_be_used_says_why(text: str, repo: str | None, words: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match=words):
        project_path(text, ci(repo))
