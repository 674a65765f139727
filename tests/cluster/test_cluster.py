"""With controllers, scheduler and made-up nodes, workloads come up and go as on a cluster."""

import secrets
from collections.abc import Callable, Iterator
from http import HTTPStatus

import lightkube
import pytest
from lightkube import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Namespace, Node, PersistentVolumeClaim, Pod, ServiceAccount

from devtools.controlplane import ControlPlane
from tests.support.processes import listening, wait_for

SECONDS = 60


@pytest.fixture
def client(cluster: ControlPlane) -> Iterator[lightkube.Client]:
    """Connect as admin."""
    with cluster.client() as connected:
        yield connected


@pytest.fixture
def place(client: lightkube.Client) -> Iterator[str]:
    """Make a namespace and take it away with all that is in it."""
    name = f"test-{secrets.token_hex(4)}"
    client.create(Namespace(metadata=ObjectMeta(name=name)))
    assert wait_for(lambda: there(lambda: client.get(ServiceAccount, "default", namespace=name)), SECONDS)
    yield name
    client.delete(Namespace, name)


def there(read: Callable[[], object]) -> bool:
    """Tell whether what is read exists."""
    try:
        read()
    except ApiError as error:
        if error.status.code == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True


def deployment(namespace: str) -> str:
    """Write a Deployment of three pods, whose image nobody pulls."""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: api, namespace: {namespace}}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: api}}}}
  template:
    metadata: {{labels: {{app: api}}}}
    spec: {{containers: [{{name: api, image: registry.example.lan/shop/api:1}}]}}
"""


def test_everything_listens_on_loopback_only(cluster: ControlPlane) -> None:
    """Whoever shares the network does not share the cluster."""
    addresses = {program.name: listening(program.pid) for program in cluster.processes.running}
    loopback = {"0100007F"}
    assert addresses == {
        "etcd": loopback,
        "kube-apiserver": loopback,
        "kube-controller-manager": set(),
        "kube-scheduler": set(),
        "kwok": set(),
    }


def test_the_nodes_take_pods(client: lightkube.Client) -> None:
    """Ready and without taints."""
    nodes = list(client.list(Node))
    assert [node.metadata and node.metadata.name for node in nodes] == ["node-1", "node-2"]
    assert [node.spec and node.spec.taints for node in nodes] == [None, None]


def test_a_deployment_becomes_available(cluster: ControlPlane, client: lightkube.Client, place: str) -> None:
    """Its pods run on the nodes, under the namespace's ServiceAccount."""
    cluster.apply(deployment(place))

    def available() -> bool:
        status = client.get(Deployment, "api", namespace=place).status
        return status is not None and status.availableReplicas == 3

    assert wait_for(available, SECONDS)
    pods = list(client.list(Pod, namespace=place))
    assert {pod.spec.nodeName for pod in pods if pod.spec} <= {"node-1", "node-2"}
    assert {pod.spec.serviceAccountName for pod in pods if pod.spec} == {"default"}


def test_what_a_deployment_owns_goes_with_it(cluster: ControlPlane, client: lightkube.Client, place: str) -> None:
    """The garbage collector runs."""
    cluster.apply(deployment(place))
    assert wait_for(lambda: len(list(client.list(Pod, namespace=place))) == 3, SECONDS)
    client.delete(Deployment, "api", namespace=place)
    assert wait_for(lambda: not list(client.list(Pod, namespace=place)), SECONDS)


def test_a_job_completes(cluster: ControlPlane, client: lightkube.Client, place: str) -> None:
    """Hooks of Helm charts are Jobs."""
    cluster.apply(f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: hook, namespace: {place}}}
spec:
  template:
    spec: {{restartPolicy: Never, containers: [{{name: hook, image: registry.example.lan/shop/hook:1}}]}}
""")

    def completed() -> bool:
        status = client.get(Job, "hook", namespace=place).status
        return any(condition.type == "Complete" for condition in (status and status.conditions) or [])

    assert wait_for(completed, SECONDS)


def test_a_claim_is_bound_to_the_volume_that_was_made_for_it(cluster: ControlPlane, client: lightkube.Client, place: str) -> None:
    """A static NFS volume, as the platform has them; nobody mounts it."""
    cluster.apply(f"""
apiVersion: v1
kind: PersistentVolume
metadata: {{name: data.{place}}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  claimRef: {{namespace: {place}, name: data}}
  nfs: {{server: nfs.example.lan, path: /export/data}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, namespace: {place}}}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: ""
  volumeName: data.{place}
  resources: {{requests: {{storage: 1Gi}}}}
""")

    def bound() -> bool:
        status = client.get(PersistentVolumeClaim, "data", namespace=place).status
        return status is not None and status.phase == "Bound"

    assert wait_for(bound, SECONDS)


def test_a_namespace_goes_with_all_that_is_in_it(cluster: ControlPlane, client: lightkube.Client) -> None:
    """Deleting one comes to an end."""
    name = f"going-{secrets.token_hex(4)}"
    client.create(Namespace(metadata=ObjectMeta(name=name)))
    cluster.apply(deployment(name))
    client.delete(Namespace, name)
    assert wait_for(lambda: not there(lambda: client.get(Namespace, name)), SECONDS)
