"""A run is opened on the cluster of a platform.yaml, and closed with all that was opened in it."""

import io
from pathlib import Path

import pytest

from bootstrap.components import COMPONENTS
from bootstrap.session import Session
from plugin_kit.console import Console

PLATFORM = """\
domain: example.lan
prerequisites: {cert_manager: {mode: external}}
gitea: {mode: external, namespace: git-server}
registry: {mode: external, namespace: git-server}
"""
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {token: none}}]
"""


class Connected:
    """A client of something."""

    def __init__(self) -> None:
        """Begin open."""
        self.closed = 0

    def close(self) -> None:
        """Close it."""
        self.closed += 1


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Write a platform.yaml and a kubeconfig; nobody listens there, and nobody is asked."""
    file, kubeconfig = tmp_path / "platform.yaml", tmp_path / "kubeconfig"
    file.write_text(PLATFORM)
    kubeconfig.write_text(KUBECONFIG)
    return file, kubeconfig


@pytest.mark.parametrize("fails", [False, True])
def test_clients_are_closed_at_the_end_of_a_run(files: tuple[Path, Path], *, fails: bool) -> None:
    """However it ends; what is kept beside them, such as a text, is no matter."""
    file, kubeconfig = files
    client = Connected()

    def run() -> None:
        with Session.open(file, Console(io.StringIO()), kubeconfig=kubeconfig) as session:
            assert session.context.once("client", lambda: client) is client
            session.context.once("a text", lambda: "text")
            assert client.closed == 0
            if fails:
                raise KeyboardInterrupt

    if fails:
        with pytest.raises(KeyboardInterrupt):
            run()
    else:
        run()
    assert client.closed == 1


def test_components_come_after_what_they_need(files: tuple[Path, Path]) -> None:
    """Those of projects need the repository, whose stage branches they name."""
    file, kubeconfig = files
    with Session.open(file, Console(io.StringIO()), kubeconfig=kubeconfig) as session:
        session.engine(COMPONENTS)
    needs = {component.name: component.needs for component in COMPONENTS}
    assert "project-repository" in needs["project-argo-cd"]
    assert "project-repository" in needs["project-woodpecker"]
