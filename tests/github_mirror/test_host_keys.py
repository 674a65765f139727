"""Whom ssh may talk to, against ssh-keygen's own reading of known_hosts."""

import subprocess
from pathlib import Path

import paramiko
import pytest

from github_mirror import host_keys
from github_mirror.errors import HostKeyError
from github_mirror.host_keys import HostKey
from github_mirror.remote import Remote
from tests.support.ssh_server import listening, ssh_server

# From https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints
PUBLISHED = {
    "ssh-ed25519": "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
    "ecdsa-sha2-nistp256": "SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
    "ssh-rsa": "SHA256:uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
}
GITHUB = Remote.parse("git@github.com:acme/shop.git")
LAN = Remote.parse("ssh://git@git.lan:2222/acme/shop.git")
BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def test_the_pinned_keys_are_the_published_ones() -> None:
    """The fingerprints are recomputed from the keys in the package."""
    assert {key.kind: key.fingerprint for key in host_keys.github()} == PUBLISHED


@pytest.mark.parametrize("address", ["git@github.com:a/b", "ssh://git@ssh.github.com:443/a/b"])
def test_github_needs_no_setting(address: str, tmp_path: Path) -> None:
    """Both doors of GitHub are known, and ssh-keygen finds them in the text."""
    remote = Remote.parse(address)
    path = tmp_path / "known_hosts"
    path.write_text(host_keys.known_hosts(None, [remote], tmp_path))
    found = subprocess.run(["ssh-keygen", "-F", remote.place, "-f", path], capture_output=True, text=True, check=True).stdout
    assert found.count("\n") == 6  # a comment and a key for each kind


def test_github_at_another_port_is_another_host(tmp_path: Path) -> None:
    """The pinned lines are for the two doors that GitHub has published, and ssh falls back from a port to the name alone."""
    assert not any(key.is_for(Remote.parse("git@gist.github.com:a/b")) for key in host_keys.github())
    assert host_keys.known_hosts(None, [Remote.parse("ssh://git@github.com:2222/a/b")], tmp_path)


@pytest.mark.parametrize(
    ("hosts", "matches"),
    [
        ("[git.lan]:2222", True),
        ("git.lan", True),
        ("other.lan,[git.lan]:2222", True),
        ("[*.lan]:2222", True),
        ("*.lan", True),
        ("*", True),
        ("[git.lan]:22", False),
        ("[git.lan]:2223", False),
        ("git.lan.evil", False),
        ("[GIT.lan]:2222", True),
        ("![git.lan]:2222,*", True),
        ("!git.lan,![git.lan]:2222,*", False),
        ("10.0.0.7", False),
    ],
)
def test_lines_are_matched_as_ssh_does(hosts: str, matches: bool) -> None:
    """With wildcards, negations, and a port in brackets."""
    assert HostKey.parse(f"{hosts} ssh-ed25519 {BLOB}").is_for(LAN) is matches


def test_hashed_hosts_are_recognised(tmp_path: Path) -> None:
    """Distributions write known_hosts that way."""
    path = tmp_path / "known_hosts"
    path.write_text(f"[git.lan]:2222 ssh-ed25519 {BLOB}\nother.lan ssh-ed25519 {BLOB}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", path], capture_output=True, check=True)
    lan, other = host_keys.read(path.read_text(), tmp_path)
    assert lan.hosts.startswith("|1|")
    assert (lan.is_for(LAN), other.is_for(LAN)) == (True, False)


def test_the_setting_takes_what_people_paste(tmp_path: Path) -> None:
    """Comments, blank lines, CRLF, literal newlines, certificate authorities."""
    text = f"# ours\r\n\r\n[git.lan]:2222 ssh-ed25519 {BLOB} comment here\\n@cert-authority *.lan ssh-ed25519 {BLOB}\n"
    first, second = host_keys.read(text, tmp_path)
    assert (first.hosts, second.marker) == ("[git.lan]:2222", "@cert-authority")
    assert second.line == f"@cert-authority *.lan ssh-ed25519 {BLOB}"


def test_the_setting_takes_a_path_in_the_workspace(tmp_path: Path) -> None:
    """A file in the repository is a good place for what is no secret."""
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci/known_hosts").write_text(f"git.lan ssh-ed25519 {BLOB}\n")
    assert [key.hosts for key in host_keys.read("ci/known_hosts", tmp_path)] == ["git.lan"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"ssh-ed25519 {BLOB}", "the host that has this key must stand in front"),
        ("git.lan SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU x", "it holds a fingerprint"),
        ("git.lan ssh-ed25519", "host, kind of key, key"),
        (f"git.lan ssh-dss {BLOB}", "ssh-dss is no kind of host key"),
        ("git.lan ssh-ed25519 AAAA", "is cut off or damaged"),
        (f"git.lan ssh-rsa {BLOB}", "is cut off or damaged"),
        (f"git.lan ssh-ed25519 {BLOB[:-3]}", "is cut off or damaged"),
        (f"@trusted git.lan ssh-ed25519 {BLOB}", "@trusted is no mark"),
    ],
)
def test_a_bad_line_is_named_and_explained(line: str, sentence: str, tmp_path: Path) -> None:
    """All bad lines are reported together."""
    with pytest.raises(HostKeyError, match="known_hosts can't be used") as caught:
        host_keys.read(f"ok.lan ssh-ed25519 {BLOB}\n{line}\n{line}\n", tmp_path)
    assert [detail[:7] for detail in caught.value.details] == ["line 2:", "line 3:"]
    assert sentence in caught.value.details[0]


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Rather than an empty list."""
    with pytest.raises(HostKeyError, match=r"missing can't be read \(No such file"):
        host_keys.read("missing", tmp_path)


def test_an_unknown_host_is_refused_with_the_fingerprint_that_it_shows(tmp_path: Path) -> None:
    """A person can compare it, and has the line to put into the setting."""
    with ssh_server(tmp_path) as server:
        remote = Remote.parse(server.url("shop.git"))
        with pytest.raises(HostKeyError) as caught:
            host_keys.known_hosts(f"other.lan ssh-ed25519 {BLOB}", [GITHUB, remote], tmp_path)
    error = caught.value
    assert f"the host key of [127.0.0.1]:{server.port} is not known" in error.message
    assert "known_hosts has keys of other.lan" in error.details
    assert any(server.host_key.fingerprint in detail for detail in error.details)
    assert f"  {server.known_hosts}" in error.details
    assert "ssh-keygen -lf" in str(error.hint)
    assert server.offered == []


def test_a_line_from_the_refusal_makes_the_host_known(tmp_path: Path) -> None:
    """What the refusal says to do is enough."""
    with ssh_server(tmp_path) as server:
        remote = Remote.parse(server.url("shop.git"))
        with pytest.raises(HostKeyError) as caught:
            host_keys.known_hosts(None, [remote], tmp_path)
        assert server.known_hosts in host_keys.known_hosts(caught.value.details[-1].strip(), [remote], tmp_path)


def test_a_revoked_key_makes_nobody_known(tmp_path: Path) -> None:
    """The line is about the host, but against it."""
    with listening() as listener:
        remote = Remote.parse(f"ssh://git@127.0.0.1:{listener.getsockname()[1]}/r")
        listener.close()
        with pytest.raises(HostKeyError, match="is not known"):
            host_keys.known_hosts(f"@revoked {remote.place} ssh-ed25519 {BLOB}", [remote], tmp_path)


def test_a_host_that_is_silent_gives_no_key() -> None:
    """Nobody waits long for what is only said in a refusal."""
    with listening() as listener:
        remote = Remote.parse(f"ssh://git@127.0.0.1:{listener.getsockname()[1]}/r")
        assert host_keys.fetch(remote, timeout=0.3) is None


def test_a_changed_key_names_both_sides(tmp_path: Path) -> None:
    """What was seen stands in the refusal, and for GitHub where the right ones are."""
    with ssh_server(tmp_path) as server:
        error = host_keys.changed(Remote.parse(server.url("shop.git")))
        assert any(server.host_key.fingerprint in detail for detail in error.details)
        assert host_keys.fetch_fingerprint("127.0.0.1", server.port) == server.host_key.fingerprint


@pytest.mark.parametrize("key", [paramiko.ECDSAKey.generate(), paramiko.RSAKey.generate(2048)], ids=["ecdsa", "rsa"])
def test_every_kind_of_host_key_is_seen(key: paramiko.PKey, tmp_path: Path) -> None:
    """The line that a refusal proposes is one that is accepted."""
    with ssh_server(tmp_path) as server:
        server.host_key = key
        found = host_keys.fetch(Remote.parse(server.url("r")))
    assert found is not None
    assert HostKey.parse(found.line) == found
    assert found.fingerprint == key.fingerprint
