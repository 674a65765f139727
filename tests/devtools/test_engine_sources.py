"""apt's sources and pip's configuration of a machine, as containers and builds get them."""

from pathlib import Path

import pytest

from devtools import apt_sources, host
from devtools.apt_sources import Entry

BOOKWORM = """\
Types: deb
# a comment
URIs: http://mirror.lan/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.lan/debian-security
Suites: bookworm-security
Components: main
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deb http://mirror.lan/debian bookworm main contrib", [Entry(uris=("http://mirror.lan/debian",), suites=("bookworm",))]),
        ("deb [arch=amd64 signed-by=/k.gpg] https://m.lan/d bookworm main", [Entry(uris=("https://m.lan/d",), suites=("bookworm",))]),
        ("deb-src http://mirror.lan/debian bookworm main", []),
        ("# deb http://mirror.lan/debian bookworm main", []),
        ("  deb http://mirror.lan/flat ./", [Entry(uris=("http://mirror.lan/flat",), suites=("./",))]),
        ("", []),
    ],
)
def test_one_line_sources_are_read(text: str, expected: list[Entry]) -> None:
    """Options in brackets are skipped, comments and source packages left out."""
    assert apt_sources.parse_list(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            BOOKWORM,
            [
                Entry(uris=("http://mirror.lan/debian",), suites=("bookworm", "bookworm-updates")),
                Entry(uris=("http://mirror.lan/debian-security",), suites=("bookworm-security",)),
            ],
        ),
        ("Types: deb-src\nURIs: http://m/d\nSuites: bookworm\n", []),
        ("Types: deb deb-src\nURIs: http://m/d\n http://n/d\nSuites: sid", [Entry(uris=("http://m/d", "http://n/d"), suites=("sid",))]),
        ("Enabled: no\nTypes: deb\nURIs: http://m/d\nSuites: bookworm\n", []),
        ("", []),
    ],
)
def test_deb822_sources_are_read(text: str, expected: list[Entry]) -> None:
    """Values may go on in indented lines; disabled stanzas and source packages are left out."""
    assert apt_sources.parse_deb822(text) == expected


def test_only_debians_own_suites_are_carried_over() -> None:
    """A vendor's repository beside Debian's is not asked for a suite that it does not have."""
    entries = [
        Entry(uris=("http://mirror.lan/debian",), suites=("bookworm", "bookworm-updates", "bookworm-backports")),
        Entry(uris=("https://vendor.lan/apt",), suites=("vendor-bookworm",)),
        Entry(uris=("http://mirror.lan/debian-security",), suites=("bookworm-security",)),
    ]
    assert apt_sources.for_suite(entries, "bookworm", "trixie") == [
        Entry(uris=("http://mirror.lan/debian",), suites=("trixie", "trixie-updates")),
        Entry(uris=("http://mirror.lan/debian-security",), suites=("trixie-security",)),
    ]


def test_both_places_of_apt_are_read(tmp_path: Path) -> None:
    """sources.list, and both kinds of files in sources.list.d."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://one/d bookworm main\n")
    (tmp_path / "sources.list.d/two.list").write_text("deb http://two/d bookworm main\n")
    (tmp_path / "sources.list.d/three.sources").write_text("Types: deb\nURIs: http://three/d\nSuites: bookworm\n")
    assert [entry.uris[0] for entry in apt_sources.read(tmp_path)] == ["http://one/d", "http://two/d", "http://three/d"]


def test_a_named_mirror_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that are not Debian name a mirror."""
    monkeypatch.setenv("LOCAL_CICD_DEBIAN_MIRROR", "http://mirror.lan/debian")
    assert "URIs: http://mirror.lan/debian\nSuites: trixie\n" in (host.debian_sources() or "")


def test_pips_indexes_reach_the_build_and_folders_of_the_host_do_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files first, variables over them; a local find-links folder does not exist in a container."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    conf = tmp_path / "pip.conf"
    conf.write_text(
        "[global]\nindex-url = https://index.lan/simple\ncert = /etc/host-ca.pem\nno-cache-dir = true\n[install]\ntrusted-host = a.lan\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(conf))
    monkeypatch.setenv("PIP_FIND_LINKS", f"/opt/wheels {'https://wheels.lan/w'}")
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.lan/simple")
    lines = host.pip_conf("/run/secrets/ca").splitlines()
    assert lines[0] == "[global]"
    assert {"index-url = https://other.lan/simple", "trusted-host = a.lan", "find-links = https://wheels.lan/w"} <= set(lines)
    assert "cert = /run/secrets/ca" in lines
    assert not [line for line in lines if "no-cache-dir" in line or "host-ca" in line or "/opt/wheels" in line]


def test_files_with_passwords_are_for_their_owner_only(tmp_path: Path) -> None:
    """A mirror's or an index's URL may hold one; the CA bundle is read by apt's own user."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    host.write(folder, inside="/run/secrets")
    modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert modes["apt"] == modes["pip"] == 0o600
    assert modes.get("ca", 0o644) == 0o644


def test_both_spellings_of_a_proxy_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some programs read one, some the other."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.lan:3128")
    assert host.proxies() == {"https_proxy": "http://proxy.lan:3128", "HTTPS_PROXY": "http://proxy.lan:3128"}
