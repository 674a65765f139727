"""The tests' own Kubernetes does what a real one does, as far as other tests rely on it."""

import os
import signal
import socket
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import lightkube
import pytest
from lightkube import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, ServiceAccount
from lightkube.types import PatchType

from devtools.controlplane import ControlPlane, plane, programs
from devtools.paths import ROOT
from devtools.platform import kargo_crds
from tests.support.processes import is_gone, wait_for

Warehouse = create_namespaced_resource("kargo.akuity.io", "v1alpha1", "Warehouse", "warehouses")

STARTED_AND_KILLED = """
import sys
from pathlib import Path
from devtools.controlplane import ControlPlane
with ControlPlane.start(Path(sys.argv[1])) as plane:
    print(*(program.pid for program in plane.processes.running), flush=True)
    sys.stdin.read()
"""


def a_warehouse(namespace: str) -> str:
    """Write a Warehouse that Kargo's own CRD takes."""
    return f"""
apiVersion: kargo.akuity.io/v1alpha1
kind: Warehouse
metadata: {{name: shop, namespace: {namespace}}}
spec:
  freightCreationPolicy: Automatic
  interval: 5m0s
  subscriptions:
    - image: {{repoURL: registry.example.lan/shop/api, imageSelectionStrategy: NewestBuild, discoveryLimit: 5}}
"""


def test_it_is_the_version_that_is_pinned() -> None:
    """Helm charts and clients decide by it; unstamped it would be v0.0.0."""
    command = [*programs.command("kube-scheduler"), "--version"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.strip() == f"Kubernetes {programs.PROGRAMS['kubernetes'].version}"


def test_a_change_of_a_warehouse_is_seen_by_who_watches(control_plane: ControlPlane, admin: lightkube.Client, namespace: str) -> None:
    """Kargo is asked to look by an annotation."""
    control_plane.apply(a_warehouse(namespace))
    since = admin.list(Warehouse, namespace=namespace)
    assert [each.metadata.name for each in since if each.metadata] == ["shop"]
    refresh = {"metadata": {"annotations": {"kargo.akuity.io/refresh": "now"}}}
    admin.patch(Warehouse, "shop", refresh, namespace=namespace, patch_type=PatchType.MERGE)
    what, seen = next(admin.watch(Warehouse, namespace=namespace, resource_version=since.resourceVersion))
    assert what == "MODIFIED"
    assert seen.metadata
    assert seen.metadata.annotations == {"kargo.akuity.io/refresh": "now"}


def test_the_status_of_a_warehouse_is_written_by_itself(control_plane: ControlPlane, admin: lightkube.Client, namespace: str) -> None:
    """Who may change a Warehouse does not change its status by that."""
    control_plane.apply(a_warehouse(namespace))
    status = {"status": {"lastHandledRefresh": "now"}}
    changed = admin.patch(Warehouse, "shop", status, namespace=namespace, patch_type=PatchType.MERGE)
    assert changed.status is None
    admin.patch(Warehouse.Status, "shop", status, namespace=namespace, patch_type=PatchType.MERGE)
    assert admin.get(Warehouse, "shop", namespace=namespace).status == status["status"]


def test_a_user_without_rights_is_refused(control_plane: ControlPlane, namespace: str) -> None:
    """The message says which verb on what."""
    with control_plane.client("nobody") as nobody, pytest.raises(ApiError, match=r'"nobody" cannot list resource "warehouses"') as refused:
        list(nobody.list(Warehouse, namespace=namespace))
    assert refused.value.status.code == HTTPStatus.FORBIDDEN


def test_a_wrong_token_is_no_user(control_plane: ControlPlane) -> None:
    """401, not 403."""
    stranger = control_plane.write_kubeconfig("stranger", "0123")
    with control_plane.client_with(stranger) as client, pytest.raises(ApiError) as refused:
        client.get(ConfigMap, "any", namespace="default")
    assert refused.value.status.code == HTTPStatus.UNAUTHORIZED


def test_a_service_account_may_do_what_its_role_says(control_plane: ControlPlane, admin: lightkube.Client, namespace: str) -> None:
    """Its token comes from the API server, as in a pod."""
    control_plane.apply(a_warehouse(namespace))
    admin.create(ServiceAccount(metadata=ObjectMeta(name="notify", namespace=namespace)))
    control_plane.apply(f"""
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: notify, namespace: {namespace}}}
rules: [{{apiGroups: [kargo.akuity.io], resources: [warehouses], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: notify, namespace: {namespace}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: notify}}
subjects: [{{kind: ServiceAccount, name: notify, namespace: {namespace}}}]
""")
    with control_plane.client_with(control_plane.service_account(namespace, "notify")) as account:
        # Rights are looked up in a cache, which hears of a new role a moment later.
        assert wait_for(lambda: reads(account, namespace))
        with pytest.raises(ApiError, match="cannot delete"):
            account.delete(Warehouse, "shop", namespace=namespace)


def reads(client: lightkube.Client, namespace: str) -> bool:
    """Tell whether the Warehouse can be read."""
    try:
        client.get(Warehouse, "shop", namespace=namespace)
    except ApiError as error:
        if error.status.code == HTTPStatus.FORBIDDEN:
            return False
        raise
    return True


def test_an_admission_policy_refuses_what_it_is_to_refuse(control_plane: ControlPlane, admin: lightkube.Client, namespace: str) -> None:
    """The rule's own message arrives."""
    control_plane.apply(f"""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: closed.{namespace}}}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}}]
  validations: [{{expression: "object.data.window == 'open'", message: "the market is closed"}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: closed.{namespace}}}
spec:
  policyName: closed.{namespace}
  validationActions: [Deny]
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}
""")
    config = ConfigMap(metadata=ObjectMeta(name="a", namespace=namespace), data={"window": "closed"})

    def refused() -> str:
        try:
            admin.create(config, dry_run=True)
        except ApiError as error:
            return str(error)
        return ""

    assert wait_for(lambda: "the market is closed" in refused(), seconds=30)
    admin.create(ConfigMap(metadata=ObjectMeta(name="b", namespace=namespace), data={"window": "open"}))


def test_a_crd_is_served_when_apply_returns(control_plane: ControlPlane, admin: lightkube.Client) -> None:
    """Objects of the kind can come in the same text, in any order; here with the CRDs that stand for Kargo's."""
    crds = "---\n".join((kargo_crds.OURS / name).read_text(encoding="utf-8") for name in kargo_crds.FILES)
    stage = "apiVersion: kargo.akuity.io/v1alpha1\nkind: Stage\nmetadata: {name: beta, namespace: default}\nspec: {shard: any}\n"
    # Kargo's own may be there under their own group.
    control_plane.apply(f"{stage}---\n{crds}".replace("kargo.akuity.io", "apply.example.lan"))
    stages = create_namespaced_resource("apply.example.lan", "v1alpha1", "Stage", "stages")
    assert admin.get(stages, "beta", namespace="default")["spec"] == {"shard": "any"}


def test_a_port_that_somebody_takes_first_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other ports are tried."""
    free_ports = plane.free_ports
    offered: list[list[int]] = []
    with socket.create_server(("127.0.0.1", 0)) as other:

        def offer(count: int) -> list[int]:
            ports = free_ports(count)
            offered.append([*ports[:-1], other.getsockname()[1]] if not offered else ports)
            return offered[-1]

        monkeypatch.setattr(plane, "free_ports", offer)
        with ControlPlane.start(tmp_path / "plane") as started:
            assert started.url == f"https://127.0.0.1:{offered[1][-1]}"
    assert len(offered) == 2


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    """SIGKILL leaves no time to clean up."""
    argv = [sys.executable, "-P", "-c", STARTED_AND_KILLED, str(tmp_path / "plane")]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as parent:
        assert parent.stdout
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
    assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)


def test_what_is_kept_of_a_run_is_its_logs(tmp_path: Path) -> None:
    """The files of etcd are big, and of no use to anybody."""
    with ControlPlane.start(tmp_path / "plane") as started:
        pids = [program.pid for program in started.processes.running]
        assert started.files.data.is_dir()
    assert all(is_gone(pid) for pid in pids)
    assert not started.files.data.exists()
    assert (started.folder / "kube-apiserver.log").stat().st_size
