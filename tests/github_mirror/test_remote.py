"""Addresses of mirrors."""

import pytest

from github_mirror.remote import Remote


@pytest.mark.parametrize(
    ("text", "expected", "url", "label"),
    [
        (
            "git@github.com:acme/shop.git",
            ("git", "github.com", 22, "acme/shop.git"),
            "git@github.com:acme/shop.git",
            "github.com:acme/shop",
        ),
        ("github.com:acme/shop", ("git", "github.com", 22, "acme/shop"), "git@github.com:acme/shop", "github.com:acme/shop"),
        (
            "  git@GitHub.com:acme/shop.git\n",
            ("git", "github.com", 22, "acme/shop.git"),
            "git@github.com:acme/shop.git",
            "github.com:acme/shop",
        ),
        (
            "ssh://git@ssh.github.com:443/acme/shop.git",
            ("git", "ssh.github.com", 443, "/acme/shop.git"),
            "ssh://git@ssh.github.com:443/acme/shop.git",
            "[ssh.github.com]:443:acme/shop",
        ),
        (
            "ssh://github.com/acme/shop.git",
            ("git", "github.com", 22, "/acme/shop.git"),
            "ssh://git@github.com/acme/shop.git",
            "github.com:acme/shop",
        ),
        ("git+ssh://bob@host/r", ("bob", "host", 22, "/r"), "ssh://bob@host/r", "host:r"),
        (
            "bob@10.0.0.7:/srv/git/r.git",
            ("bob", "10.0.0.7", 22, "/srv/git/r.git"),
            "ssh://bob@10.0.0.7/srv/git/r.git",
            "10.0.0.7:srv/git/r",
        ),
        ("git@[fd00::7]:acme/r", ("git", "fd00::7", 22, "acme/r"), "git@[fd00::7]:acme/r", "fd00::7:acme/r"),
        ("ssh://git@[fd00::7]:2222/r", ("git", "fd00::7", 2222, "/r"), "ssh://git@[fd00::7]:2222/r", "[fd00::7]:2222:r"),
        ("ssh://git@host/~bob/r.git", ("git", "host", 22, "~bob/r.git"), "git@host:~bob/r.git", "host:~bob/r"),
        ("git@git_1.example.lan:r", ("git", "git_1.example.lan", 22, "r"), "git@git_1.example.lan:r", "git_1.example.lan:r"),
    ],
)
def test_addresses_that_ssh_reaches(text: str, expected: tuple[str, str, int, str], url: str, label: str) -> None:
    """User, host, port and path are told apart, and git is given an address that means the same."""
    remote = Remote.parse(text)
    assert (remote.user, remote.host, remote.port, remote.path) == expected
    assert (remote.url, remote.label) == (url, label)
    assert Remote.parse(remote.url) == remote


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("https://github.com/acme/shop", "write `git@github.com:acme/shop.git`"),
        ("https://github.com/acme/shop.git", "write `git@github.com:acme/shop.git`"),
        ("https://bob:hunter2@github.com/acme/shop.git", "write `git@github.com:acme/shop.git`"),
        ("http://git.lan/", "is an address of https"),
        ("acme/shop", "names no host: write `git@github.com:acme/shop.git`"),
        ("/srv/git/shop.git", "is a path on this machine"),
        ("../shop", "is a path on this machine"),
        ("git://github.com/acme/shop", "is reached by git, but mirrors are pushed by ssh"),
        ("file:///srv/shop", "is reached by file"),
        ("C:\\shop", "is not an address of ssh"),
        ("ssh://git:hunter2@host/r", "holds a password"),
        ("ssh://git@host:port/r", "is not an address of ssh"),
        ("ssh://git@host/r?x=1", "has a `?` or `#`"),
        ("ssh://git@host/", "has no path"),
        ("git@host:", "has no path"),
        ("git@host:-upload-pack=x", "has no path"),
        ("git@host:a\nb", "has no path"),
        ("git@-oProxyCommand=x:r", "has no host name"),
        ("ssh://-oProxyCommand=x/r", "has no host name"),
        ("-oProxyCommand=x@host:r", "has no user"),
        ("@host:r", "has no user"),
        ("", "is not an address of ssh"),
        ("shop", "is not an address of ssh"),
    ],
)
def test_addresses_that_are_refused_say_what_to_write(text: str, sentence: str) -> None:
    """Nothing that is not plainly an ssh address goes near a command line, and no password is repeated."""
    with pytest.raises(ValueError, match=r".") as caught:
        Remote.parse(text)
    assert sentence in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place", "on_github"),
    [
        ("git@github.com:a/b", "github.com", True),
        ("ssh://git@ssh.github.com:443/a/b", "[ssh.github.com]:443", True),
        ("git@github.com.evil.lan:a/b", "github.com.evil.lan", False),
    ],
)
def test_the_place_is_what_known_hosts_calls_it(text: str, place: str, on_github: bool) -> None:
    """The port stands in known_hosts only where it is not 22."""
    remote = Remote.parse(text)
    assert (remote.place, remote.on_github) == (place, on_github)
