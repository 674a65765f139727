"""The cluster that is meant is found, or the error says what to do."""

import base64
from pathlib import Path

import pytest
import trustme
import yaml

from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.errors import ClusterError, UnreachableError


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """Write a kubeconfig with two contexts."""
    ca = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    clusters = [
        {"name": name, "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": ca}} for name, port in PORTS
    ]
    contexts = [{"name": name, "context": {"cluster": name, "user": "admin"}} for name, _ in PORTS]
    user = {"name": "admin", "user": {"token": "0123456789"}}
    content = {"apiVersion": "v1", "kind": "Config", "clusters": clusters, "contexts": contexts, "users": [user], "current-context": "one"}
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(content))
    return file


PORTS = (("one", 1), ("two", 2))


def test_the_current_context_is_taken_or_the_one_that_is_named(kubeconfig: Path) -> None:
    """From the file that is given, or that of KUBECONFIG."""
    assert Connection.find(kubeconfig=kubeconfig).address == "https://127.0.0.1:1"
    assert Connection.find(kubeconfig=kubeconfig, context="two").address == "https://127.0.0.1:2"
    found = Connection.find(environ={"KUBECONFIG": str(kubeconfig)})
    assert (found.context, found.kubeconfig) == ("one", kubeconfig)


def test_an_unknown_context_is_told_with_those_that_there_are(kubeconfig: Path) -> None:
    """A misspelt one is seen at a glance."""
    with pytest.raises(ClusterError, match="no usable context tow") as unknown:
        Connection.find(kubeconfig=kubeconfig, context="tow")
    assert unknown.value.details[0] == "it has: one, two"


def test_a_missing_kubeconfig_is_told_with_where_k3s_has_its_own(tmp_path: Path) -> None:
    """The first thing that goes wrong on a fresh cluster."""
    with pytest.raises(ClusterError, match="there is no kubeconfig") as missing:
        Connection.find(kubeconfig=tmp_path / "none")
    assert "/etc/rancher/k3s/k3s.yaml" in (missing.value.hint or "")


@pytest.mark.parametrize("text", ["just text", "clusters: 5", "a: [", ""])
def test_a_file_that_is_no_kubeconfig_is_told(tmp_path: Path, text: str) -> None:
    """Without a traceback."""
    (tmp_path / "wrong").write_text(text)
    with pytest.raises(ClusterError, match="wrong is no kubeconfig") as caught:
        Connection.find(kubeconfig=tmp_path / "wrong")
    assert "object has no attribute" not in " ".join(caught.value.details)


def test_several_files_are_not_merged_by_guess() -> None:
    """Which one is meant is for the person to say."""
    with pytest.raises(ClusterError, match="KUBECONFIG names 2 files"):
        Connection.find(environ={"KUBECONFIG": "/a:/b"})


def test_an_unreachable_cluster_is_told_in_the_end(kubeconfig: Path) -> None:
    """With its address, and what to try."""
    with Cluster(Connection.find(kubeconfig=kubeconfig), retry_for=0.0) as cluster, pytest.raises(UnreachableError) as unreachable:
        cluster.version()
    assert "the Kubernetes API at https://127.0.0.1:1 can't be reached: " in unreachable.value.message
    assert "kubectl version" in (unreachable.value.hint or "")


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with kubectl and Helm."""
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    with Cluster(Connection.find(kubeconfig=kubeconfig), retry_for=0.0) as cluster, pytest.raises(UnreachableError) as unreachable:
        cluster.version()
    assert "proxy" not in unreachable.value.message.lower()
