"""Names that a registry would refuse are refused before anything is built, and in words."""

import hashlib

import pytest

from plugin_kit.reference import (
    RegistryHost,
    Repository,
    branch_slug,
    digest_of,
    is_digest,
    is_full_sha,
    parse_registry,
    parse_repository,
    repository_problem,
    tag_problem,
)

SHA = "4c1f0d0a7e5b9d1c2f3a4b5c6d7e8f9012345678"


@pytest.mark.parametrize(
    ("text", "host", "scheme"),
    [
        ("registry.lan", "registry.lan", None),
        ("registry.lan:5000", "registry.lan:5000", None),
        (" registry.lan:5000 ", "registry.lan:5000", None),
        ("registry.lan:5000/", "registry.lan:5000", None),
        ("http://registry.lan:5000", "registry.lan:5000", "http"),
        ("https://registry.lan/", "registry.lan", "https"),
        ("10.0.0.1:5000", "10.0.0.1:5000", None),
        ("[fd00::1]:5000", "[fd00::1]:5000", None),
        ("localhost", "localhost", None),
        ("docker.io", "docker.io", None),
        ("index.docker.io", "docker.io", None),
        ("https://index.docker.io", "docker.io", "https"),
        ("registry-1.docker.io", "docker.io", None),
    ],
)
def test_a_registry_is_a_host_or_a_url(text: str, host: str, scheme: str | None) -> None:
    """What people write for a registry is understood, Docker Hub under all its names."""
    assert parse_registry(text) == RegistryHost(host=host, scheme=scheme)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' is not a host or host:port"),
        ("registry.lan/shop", "has a path; write host or host:port here and the path as `project`"),
        ("ftp://registry.lan", "ftp:// is not a registry address"),
        ("https://ada:secret@registry.lan", "the address holds a login; use `username` and `password` instead"),
        ("registry lan", "is not a host or host:port"),
        ("registry.lan:port", "is not a host or host:port"),
        ("-registry.lan", "is not a host or host:port"),
    ],
)
def test_what_is_no_registry_says_why(text: str, problem: str) -> None:
    """A wrong address comes with the reason, and never with the login that it may hold."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse_registry(text)
    assert problem in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "api", "loopback"),
    [
        ("docker.io", "registry-1.docker.io", False),
        ("registry.lan:5000", "registry.lan:5000", False),
        ("localhost", "localhost", True),
        ("localhost:5000", "localhost:5000", True),
        ("127.0.0.1:5000", "127.0.0.1:5000", True),
        ("127.8.8.8", "127.8.8.8", True),
        ("[::1]:5000", "[::1]:5000", True),
        ("localhost.example.lan", "localhost.example.lan", False),
        ("128.0.0.1:5000", "128.0.0.1:5000", False),
    ],
)
def test_a_host_knows_its_api_and_whether_it_is_this_machine(host: str, api: str, loopback: bool) -> None:
    """Docker Hub answers elsewhere, and loopback hosts are those that BuildKit takes for plain http."""
    found = RegistryHost(host=host)
    assert (found.api, found.loopback) == (api, loopback)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("registry.lan:5000/shop/api", "registry.lan:5000/shop/api"),
        ("ghcr.io/acme/shop/api", "ghcr.io/acme/shop/api"),
        ("localhost/api", "localhost/api"),
        ("acme/shop", "docker.io/acme/shop"),
        ("debian", "docker.io/library/debian"),
        ("index.docker.io/acme/shop", "docker.io/acme/shop"),
    ],
)
def test_a_full_name_is_read_as_docker_push_reads_it(text: str, expected: str) -> None:
    """The first part is a host if it looks like one; else the name is Docker Hub's."""
    assert str(parse_repository(text, default_host="docker.io")) == expected


def test_a_name_without_host_belongs_to_the_default_registry() -> None:
    """With another default registry a short name is taken as it is."""
    assert parse_repository("api", default_host="registry.lan:5000") == Repository(host="registry.lan:5000", path="api")


@pytest.mark.parametrize("text", ["registry.lan/Shop/api", "registry.lan/", "registry_lan:port/api", "", "acme//api"])
def test_a_full_name_that_is_none_is_refused(text: str) -> None:
    """Neither a bad host nor a bad path gets through."""
    with pytest.raises(ValueError, match=r"."):
        parse_repository(text, default_host="docker.io")


def test_a_repository_knows_name_and_siblings() -> None:
    """The record's repository stands beside those of the images."""
    api = Repository(host="registry.lan:5000", path="acme/shop/api")
    assert api.name == "api"
    assert str(api.sibling("releases")) == "registry.lan:5000/acme/shop/releases"
    assert str(Repository(host="registry.lan", path="api").sibling("releases")) == "registry.lan/releases"


@pytest.mark.parametrize(
    "path", ["api", "shop/api", "a/b/c/d", "my-api", "my--api", "my_api", "my__api", "my.api", "0", "a1/2b", "a" * 255]
)
def test_a_good_repository_has_no_problem(path: str) -> None:
    """Everything that the distribution specification allows is allowed."""
    assert repository_problem(path) is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "the repository name is empty"),
        ("Shop/Api", "'Shop/Api' has upper-case letters; repository names are lower case: 'shop/api'"),
        ("a" * 256, f"{'a' * 40}... has 256 characters, a repository name has at most 255"),
        *(
            (path, f"{path!r} is not a repository name: letters a-z, digits, and single . _ - between them")
            for path in ("a b", "a/", "/a", "a//b", "-a", "a-", "a..b", "a___b", "a._b", "a:b", "a@b", "äpi", "../a", "api\n")
        ),
    ],
)
def test_a_bad_repository_says_why(path: str, problem: str) -> None:
    """What a registry would refuse is refused with the reason."""
    assert repository_problem(path) == problem


@pytest.mark.parametrize("tag", ["latest", "1.2.3", SHA, "_x", "A", "a" * 128, "1.0.0-rc.1_build"])
def test_a_good_tag_has_no_problem(tag: str) -> None:
    """Letters of either case, digits, dots, dashes and underscores, 128 of them."""
    assert tag_problem(tag) is None


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ("a" * 129, f"tag {'a' * 40}... has 129 characters, a tag has at most 128"),
        *(
            (tag, f"{tag!r} is not a tag: letters, digits and . _ - with no . or - in front")
            for tag in ("", ".a", "-a", "a b", "a/b", "a+b", "a:b", "ä", "a\n")
        ),
    ],
)
def test_a_bad_tag_says_why(tag: str, problem: str) -> None:
    """What a registry would refuse is refused with the reason."""
    assert tag_problem(tag) == problem


@pytest.mark.parametrize(
    ("branch", "slug"),
    [
        ("feature/login", "feature-login"),
        ("Fix_UPPER", "fix_upper"),
        ("release/1.2", "release-1.2"),
        ("renovate/lock--file", "renovate-lock--file"),
        ("ümläut", "ml-ut"),
        ("-.dots.-", "dots"),
        ("日本", "branch"),
        ("", "branch"),
        ("a" * 200, "a" * 87),
        (f"{'a' * 86}/b", "a" * 86),
    ],
)
def test_a_branch_becomes_the_front_of_a_tag(branch: str, slug: str) -> None:
    """Any branch name gives a slug, and with a SHA behind it a tag that a registry takes."""
    assert branch_slug(branch) == slug
    assert tag_problem(f"{slug}-{SHA}") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"sha256:{'0' * 64}", True),
        (f"sha512:{'f' * 128}", True),
        (f"sha256:{'0' * 63}", False),
        (f"sha256:{'A' * 64}", False),
        ("latest", False),
    ],
)
def test_digests_are_told_from_tags(text: str, expected: bool) -> None:
    """A digest is an algorithm and its hexadecimal hash."""
    assert is_digest(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [(SHA, True), ("0" * 64, True), (SHA[:12], False), (SHA.upper(), False), (f"{SHA}\n", False)]
)
def test_full_object_ids_are_told_from_short_ones(text: str, expected: bool) -> None:
    """Only a complete id, of either hash, counts."""
    assert is_full_sha(text) is expected


def test_a_digest_is_the_hash_of_the_bytes() -> None:
    """The digest is SHA-256 of the content as it is."""
    assert digest_of(b"{}") == f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
