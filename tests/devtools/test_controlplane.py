"""Starting a control plane when something is wrong; what it does when all is well is in tests/cluster."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.controlplane import ControlPlane, plane, programs
from devtools.controlplane.options import Files
from devtools.errors import DevError

Assets = Callable[[str], Path]
NOTE = "echo $$ >>../pids; "


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assets:
    """Put an etcd that does nothing and a kube-apiserver of the test's own where KUBEBUILDER_ASSETS points."""

    def make(apiserver: str) -> Path:
        folder = tmp_path / "assets"
        folder.mkdir()
        for name, script in {"etcd": "exec sleep 60", "kube-apiserver": apiserver}.items():
            (folder / name).write_text(f"#!/bin/sh\n{NOTE}{script}\n", encoding="utf-8")
            (folder / name).chmod(0o755)
        monkeypatch.setenv(programs.ASSETS_VARIABLE, str(folder))
        return folder

    return make


def test_an_api_server_that_fails_is_quoted(assets: Assets, tmp_path: Path) -> None:
    """The person reads why, and where the whole log is."""
    assets("echo 'E1123 unknown flag: --colour' >&2; exit 1")
    with (
        pytest.raises(
            DevError, match=r"kube-apiserver ended with exit code 1; the end of \S+/plane/kube-apiserver.log:\nE1123 unknown flag"
        ),
        ControlPlane.start(tmp_path / "plane"),
    ):
        pass
    assert_nothing_runs(tmp_path)


def test_an_api_server_that_never_gets_ready_is_quoted(assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a deadline, with the end of each log."""
    monkeypatch.setattr("devtools.controlplane.processes.READY_SECONDS", 0.5)
    assets("echo waiting for etcd; exec sleep 60")
    with (
        pytest.raises(DevError, match=r"(?s)were not enough: an API server that is ready.*waiting for etcd"),
        ControlPlane.start(tmp_path / "p"),
    ):
        pass
    assert_nothing_runs(tmp_path)


def test_ports_that_are_always_taken_end_the_attempts(assets: Assets, tmp_path: Path) -> None:
    """Somebody else's fault is not retried for ever."""
    assets("echo again >>../attempts; echo listen tcp 127.0.0.1:1234: bind: address already in use; exit 1")
    with pytest.raises(DevError, match="address already in use"), ControlPlane.start(tmp_path / "plane"):
        pass
    assert len((tmp_path / "attempts").read_text(encoding="utf-8").splitlines()) == plane.ATTEMPTS
    assert_nothing_runs(tmp_path)


def assert_nothing_runs(tmp_path: Path) -> None:
    """Check that the programs that were started have ended."""
    for pid in (tmp_path / "pids").read_text(encoding="utf-8").split():
        assert not Path("/proc", pid).exists()


def test_assets_without_the_program_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Building one instead would test something else than what was asked for."""
    monkeypatch.setenv(programs.ASSETS_VARIABLE, str(tmp_path))
    with pytest.raises(DevError, match=f"KUBEBUILDER_ASSETS is {re.escape(str(tmp_path))}, and there is no program etcd"):
        programs.command("etcd")


def test_the_assets_are_what_is_started(assets: Assets) -> None:
    """And nothing is built for that."""
    folder = assets("exit 0")
    assert programs.command("kube-apiserver") == [str(folder / "kube-apiserver")]
    assert programs.command("etcd") == [str(folder / "etcd")]


def test_nodes_need_controllers(tmp_path: Path) -> None:
    """Nobody else takes away the taint that they start with."""
    with pytest.raises(ValueError, match="without controllers no node becomes ready"), ControlPlane.start(tmp_path, nodes=1):
        pass


def test_keys_and_tokens_are_for_their_owner_only(tmp_path: Path) -> None:
    """The folder may lie where others read."""
    files = Files(folder=tmp_path)
    plane.write_credentials(files, {"admin": ("system:masters",)})
    secret = (files.ca_key, files.server_key, files.account_key, files.tokens)
    assert {oct(file.stat().st_mode & 0o777) for file in secret} == {"0o600"}


def test_users_have_their_groups(tmp_path: Path) -> None:
    """As the API server reads them: token, name, uid, groups."""
    files = Files(folder=tmp_path)
    tokens = plane.write_credentials(files, {"ada": ("ops", "traders"), "nobody": ()})
    assert files.tokens.read_text(encoding="utf-8") == f'{tokens["ada"]},ada,ada,"ops,traders"\n{tokens["nobody"]},nobody,nobody,""\n'
