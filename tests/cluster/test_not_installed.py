"""On a cluster without the platform, each command says so: nobody takes it for one on which all is well."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.command_line import run
from devtools.controlplane import ControlPlane, programs

# Of a name that never resolves (RFC 6761).
PLATFORM = """\
domain: lan.invalid
prerequisites: {cert_manager: {mode: install}}
gitea: {mode: external, namespace: git-server}
registry: {mode: external, namespace: git-server}
break_glass: {operators: {users: [ada]}}
projects:
  - name: shop
    watched_image: api
    chart_path: deploy/shop
    stages: [{name: live, promotion: auto, gate: hold}]
"""
NOT_HERE = "this platform is not installed here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """A terminal, with the kubeconfig of an empty cluster."""

    plane: ControlPlane
    folder: Path
    capture: pytest.CaptureFixture[str]

    def types(self, *arguments: str) -> tuple[int, str]:
        """Run a command and return its exit code, and what it printed without the line breaks of a terminal."""
        self.capture.readouterr()
        code = run([*arguments, "--file", str(self.folder / "platform.yaml"), "--kubeconfig", str(self.plane.admin_kubeconfig)])
        out, err = self.capture.readouterr()
        return code, " ".join((out + err).split())


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Start a cluster on which nothing is."""
    programs.build("helm3", "helm4")
    with ControlPlane.start(tmp_path_factory.mktemp("nothing")) as started:
        yield started


@pytest.fixture
def empty(plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Empty:
    """Sit down with a kubeconfig of the wrong cluster."""
    (tmp_path / "platform.yaml").write_text(PLATFORM, encoding="utf-8")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return Empty(plane=plane, folder=tmp_path, capture=capsys)


@pytest.mark.parametrize("only", [(), ("--only", "records"), ("--only", "argo-cd")])
def test_there_is_nothing_to_back_up(empty: Empty, only: tuple[str, ...]) -> None:
    """A nightly run fails, and leaves no file that looks like a backup."""
    code, said = empty.types("backup", *only, "--output", str(empty.folder / "backups"))
    assert code == 1
    assert re.search(rf"namespace (local-cicd|argocd) is not there: {NOT_HERE}", said), said
    assert f"is {empty.plane.url} the right cluster? If so: `bootstrap up`" in said
    assert not (empty.folder / "backups").exists()


def test_the_state_ends_with_what_to_do(empty: Empty) -> None:
    """Behind all that is absent."""
    code, said = empty.types("status")
    assert code == 1
    assert said.endswith("This platform is not installed here: `bootstrap up`, or another kubeconfig")
    assert "later: when Secret of record ca is there" in said
    assert "waits for" not in said


def test_there_is_nothing_to_delete(empty: Empty) -> None:
    """And of a Gitea that nobody can ask, nothing is claimed."""
    code, said = empty.types("down", "--yes")
    assert code == 0
    assert f"Nothing to delete: {NOT_HERE}" in said
    assert "Gitea repository platform/shop: if it is there, which Gitea does not tell: it holds the code" in said
    assert "its webhook in Gitea stays, if there is one" in said


def test_names_that_do_not_resolve_have_one_remedy(empty: Empty) -> None:
    """Told once; and what is missing on the cluster has one, too."""
    code, said = empty.types("verify", "--only", "gitea,dashboard,registry,argocd,certificates,break-glass,audit")
    assert code == 1
    assert said.count("*.lan.invalid must lead to a node: tutorial, section 1") == 1, said
    assert said.count("its name does not resolve on this machine") == 1
    assert said.count("the same as of Gitea accessible") == 4
    assert "bootstrap_url" not in said
    assert "logs" not in said
    assert "namespace local-cicd is not there hint: `bootstrap up`, or another kubeconfig" in said
