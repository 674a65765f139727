"""What the API server refuses, in the sentence that a person reads: its real answers, each with a remedy."""

import json
from pathlib import Path
from typing import Any

import pytest

from bootstrap.components.authority import new_authority, parted
from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.errors import AbsentError, BootstrapError, ExistsError, RefusedError, StaleError, UnauthorizedError, UnreachableError
from bootstrap.core.objects import Ref
from devtools.controlplane import ControlPlane
from tests.support.cluster_objects import config_map, deployment, namespace_of, there
from tests.support.processes import wait_for

SECONDS = 60


def kubeconfig(plane: ControlPlane, folder: Path, **changed: Any) -> Path:  # noqa: ANN401  keys of cluster or user
    """Write the administrator's kubeconfig with a wrong value in it."""
    content = json.loads(plane.kubeconfig("admin").read_text())
    content["users"][0]["user"] |= {key: value for key, value in changed.items() if key == "token"}
    content["clusters"][0]["cluster"] |= {key: value for key, value in changed.items() if key != "token"}
    file = folder / "kubeconfig"
    file.write_text(json.dumps(content))
    return file


def refused(file: Path) -> BootstrapError:
    """Return what is said at the first question."""
    with Cluster(Connection.find(kubeconfig=file), retry_for=0.0) as cluster, pytest.raises(BootstrapError) as caught:
        cluster.get(Ref(api_version="v1", kind="Namespace", name="default"))
    return caught.value


def test_a_login_that_has_run_out(control_plane: ControlPlane, tmp_path: Path) -> None:
    """The kubeconfig has to be fetched again."""
    error = refused(kubeconfig(control_plane, tmp_path, token="not-the-token"))
    assert isinstance(error, UnauthorizedError)
    assert error.message == "the Kubernetes API does not accept the login of the kubeconfig"
    assert "fetch the kubeconfig again" in str(error.hint)


def test_a_cluster_of_another_ca(control_plane: ControlPlane, tmp_path: Path) -> None:
    """As after a new installation of the cluster; it is not tried again for ten seconds."""
    _, certificate = parted(new_authority("another"))
    other = tmp_path / "ca.pem"
    other.write_text(certificate)
    content = json.loads(control_plane.kubeconfig("admin").read_text())
    del content["clusters"][0]["cluster"]["certificate-authority-data"]
    content["clusters"][0]["cluster"]["certificate-authority"] = str(other)
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(content))
    error = refused(file)
    assert isinstance(error, UnreachableError)
    assert error.message == f"the certificate of the Kubernetes API at {control_plane.url} is not signed by the CA in the kubeconfig"
    assert "its CA is another one" in str(error.hint)


@pytest.fixture
def connected(control_plane: ControlPlane) -> Any:  # noqa: ANN401  a generator
    """Connect as who may do everything."""
    with Cluster(Connection.find(kubeconfig=control_plane.kubeconfig("admin"))) as cluster:
        yield cluster


def test_a_quota_that_is_used_up_is_no_missing_right(connected: Cluster, namespace: str) -> None:
    """Both are 403; here nobody but the quota says no, and it is quoted."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": namespace}}
    connected.apply({**quota, "spec": {"hard": {"count/configmaps": "0"}}})
    ref = Ref(api_version="v1", kind="ResourceQuota", name="none", namespace=namespace)
    # Without a controller its status is nobody's to fill in.
    if not (there(connected, ref).get("status") or {}).get("hard"):
        body = {"status": {"hard": {"count/configmaps": "0"}, "used": {"count/configmaps": "0"}}}
        answer = connected._http.patch(
            f"/api/v1/namespaces/{namespace}/resourcequotas/none/status",
            json=body,
            headers={"Content-Type": "application/merge-patch+json"},
        )
        answer.raise_for_status()

    def said() -> BootstrapError | None:
        try:
            connected.apply(config_map(namespace), dry_run=True)
        except BootstrapError as error:
            return error
        return None

    assert wait_for(lambda: said() is not None, SECONDS)
    error = said()
    assert isinstance(error, RefusedError)
    assert error.message == f"the cluster refuses to patch ConfigMap {namespace}/settings"
    assert "exceeded quota" in " ".join(error.details)
    assert "no right is missing" in str(error.hint)


def test_a_namespace_that_is_going_takes_nothing_new(connected: Cluster, namespace: str) -> None:
    """It is held by a finalizer of its own, as in the middle of its deletion."""
    name = f"{namespace}-going"
    connected.apply(namespace_of(name))
    connected.apply({**config_map(name), "metadata": {"name": "held", "namespace": name, "finalizers": ["example.lan/never"]}})
    ref = Ref(api_version="v1", kind="Namespace", name=name)
    connected.delete(ref)
    try:
        with pytest.raises(AbsentError) as caught:
            connected.apply(config_map(name))
        assert caught.value.message == f"ConfigMap {name}/settings can't be made: its namespace is being deleted"
        assert f"kubectl get namespace {name} -o yaml" in str(caught.value.hint)
    finally:
        connected.patch(Ref(api_version="v1", kind="ConfigMap", name="held", namespace=name), {"metadata": {"finalizers": None}})


def test_what_is_missing_there_already_or_changed_meanwhile(connected: Cluster, namespace: str) -> None:
    """Each is an error of its own: what comes later, what was made by an earlier try, what somebody was faster with."""
    with pytest.raises(AbsentError, match="namespace nowhere is not there"):
        connected.apply(config_map("nowhere"))
    with pytest.raises(AbsentError, match=r"has no kind Nothing of example\.lan/v1"):
        connected.apply({"apiVersion": "example.lan/v1", "kind": "Nothing", "metadata": {"name": "a"}})
    made = connected.create(deployment(namespace, replicas=0))
    with pytest.raises(ExistsError, match=f"Deployment {namespace}/api exists already"):
        connected.create(deployment(namespace, replicas=0))
    connected.patch(Ref(api_version="apps/v1", kind="Deployment", name="api", namespace=namespace), {"spec": {"replicas": 1}})
    with pytest.raises(StaleError) as caught:
        connected.replace(made)
    assert (caught.value.message, caught.value.hint) == (
        f"Deployment {namespace}/api was changed by somebody else at the same moment",
        "run it again",
    )


def test_a_kind_that_vanishes_between_two_looks_has_no_objects(connected: Cluster) -> None:
    """Its CRD was deleted after the kind was found, as when a chart is uninstalled beside this run."""
    names = {"plural": "passings", "singular": "passing", "kind": "Passing", "listKind": "PassingList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "passings.refusals.example.lan"},
        "spec": {
            "group": "refusals.example.lan",
            "names": names,
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    ref = Ref(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition", name="passings.refusals.example.lan")
    connected.apply(crd)
    assert wait_for(lambda: connected.serves("refusals.example.lan/v1", "Passing"), SECONDS)
    connected.delete(ref)
    assert wait_for(lambda: connected.get(ref) is None, SECONDS)
    assert connected.list("refusals.example.lan/v1", "Passing") == []
