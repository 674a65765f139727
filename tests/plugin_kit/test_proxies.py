"""The environment's proxies are used where Go, and so BuildKit, would use them, and nowhere else."""

import pytest

from plugin_kit.proxies import Proxy, proxy_for

PROXY = {"http_proxy": "http://proxy.lan:3128", "https_proxy": "http://proxy.lan:3129"}
REGISTRY = "registry.example.lan"


@pytest.mark.parametrize(
    ("environ", "scheme", "port"),
    [
        ({}, "https", None),
        (PROXY, "http", 3128),
        (PROXY, "https", 3129),
        ({"HTTPS_PROXY": "http://proxy.lan:8080"}, "https", 8080),
        ({"HTTPS_PROXY": "http://proxy.lan:8080"}, "http", None),
        ({"HTTPS_PROXY": ""}, "https", None),
        ({"ALL_PROXY": "http://proxy.lan:8080"}, "https", 8080),
        ({**PROXY, "ALL_PROXY": "http://proxy.lan:8080"}, "https", 3129),
        ({"https_proxy": "proxy.lan:8080"}, "https", 8080),
        ({"https_proxy": "http://proxy.lan"}, "https", 80),
        ({"http_proxy": "https://proxy.lan"}, "http", 443),
    ],
)
def test_each_scheme_has_its_proxy(environ: dict[str, str], scheme: str, port: int | None) -> None:
    """The variable of the scheme decides, in capitals or not; a bare host:port is a proxy, too."""
    found = proxy_for(scheme, REGISTRY, 443, environ)
    assert (found and (found.host, found.port)) == (("proxy.lan", port) if port else None)


@pytest.mark.parametrize(
    ("exceptions", "host", "direct"),
    [
        ("", REGISTRY, False),
        ("*", REGISTRY, True),
        (REGISTRY, REGISTRY, True),
        ("REGISTRY.Example.lan", REGISTRY, True),
        ("example.lan", REGISTRY, True),
        (".example.lan", REGISTRY, True),
        ("*.example.lan", REGISTRY, True),
        ("ample.lan", REGISTRY, False),
        ("other.lan, example.lan", REGISTRY, True),
        ("other.lan example.lan", REGISTRY, True),
        ("example.lan:443", REGISTRY, True),
        ("example.lan:5000", REGISTRY, False),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.70", False),
        ("192.0.2.7:443", "192.0.2.7", True),
        ("192.0.2.7:80", "192.0.2.7", False),
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.2.7/24", "192.0.2.9", True),
        ("192.0.3.0/24", "192.0.2.7", False),
        ("192.0.2.0/99", "192.0.2.7", False),
        ("2.7", "192.0.2.7", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("[2001:db8::1]:443", "2001:db8::1", True),
        ("2001:db8::1", "2001:db8::1", True),
        ("2001:db8::2", "2001:db8::1", False),
        ("192.0.2.0/24", "2001:db8::1", False),
        ("", "localhost", True),
        ("", "127.0.0.1", True),
        ("", "127.8.9.10", True),
        ("", "::1", True),
    ],
)
def test_exceptions_are_reached_directly(exceptions: str, host: str, *, direct: bool) -> None:
    """Names, their subdomains, addresses, networks and ports of NO_PROXY; this machine always."""
    assert (proxy_for("https", host, 443, {**PROXY, "NO_PROXY": exceptions}) is None) is direct


def test_a_login_goes_to_the_proxy_as_a_header() -> None:
    """User and password of the address become basic authentication, unquoted; they do not show."""
    found = proxy_for("http", REGISTRY, 80, {"http_proxy": "http://ada:s%40fe@proxy.lan:3128"})
    assert found == Proxy(scheme="http", host="proxy.lan", port=3128, headers={"Proxy-Authorization": "Basic YWRhOnNAZmU="})
    assert "YWRh" not in repr(found)


@pytest.mark.parametrize("address", ["socks5://ada:secret@proxy.lan:1080", "http://", "ftp://proxy.lan"])
def test_a_proxy_of_another_kind_is_refused(address: str) -> None:
    """What can't be used is told by its variable's scheme, without the address, which may hold a password."""
    with pytest.raises(ValueError, match="the proxy for https is neither http:// nor https://host:port"):
        proxy_for("https", REGISTRY, 443, {"https_proxy": address})
