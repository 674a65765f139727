"""What a cluster has before bootstrap comes: ingress controller, storage classes, and a cert-manager that is played here.

Its kinds are made of our own few words: what our objects use of them, and nothing of the project's own CRDs.
"""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import lightkube
import yaml
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret
from lightkube.types import PatchType

from bootstrap.core.objects import Manifest
from devtools.controlplane import ControlPlane

GROUP = "cert-manager.io"
CLASSES: list[Manifest] = [
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "local-path", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "rancher.io/local-path",
        "volumeBindingMode": "WaitForFirstConsumer",
    },
    {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "nfs"}, "provisioner": "nfs.csi.k8s.io"},
]
Certificate = create_namespaced_resource(GROUP, "v1", "Certificate", "certificates")
Issuer = create_namespaced_resource(GROUP, "v1", "Issuer", "issuers")
ClusterIssuer = create_global_resource(GROUP, "v1", "ClusterIssuer", "clusterissuers")


def issuer(name: str, *, ready: str = "True", message: str = "Signing CA verified") -> Manifest:
    """Write a ClusterIssuer as cert-manager leaves it."""
    status = {"conditions": [{"type": "Ready", "status": ready, "message": message}]}
    spec = {"ca": {"secretName": "ca-key-pair"}}
    return {"apiVersion": f"{GROUP}/v1", "kind": "ClusterIssuer", "metadata": {"name": name}, "spec": spec, "status": status}


def cluster_objects() -> list[Manifest]:
    """Return the objects of a cluster that has everything."""
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "traefik"},
            "spec": {"controller": "traefik.io/ingress-controller"},
        },
        _traefik(),
        *CLASSES,
        issuer("ca-issuer"),
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Certificate",
            "metadata": {"name": "any", "namespace": "default"},
            "spec": {"secretName": "any"},
        },
    ]


def crds() -> str:
    """Write the kinds of cert-manager that are used."""
    kinds = [
        ("Certificate", "certificates", "Namespaced"),
        ("Issuer", "issuers", "Namespaced"),
        ("ClusterIssuer", "clusterissuers", "Cluster"),
    ]
    return yaml.safe_dump_all([_crd(*each) for each in kinds])


def prepare(plane: ControlPlane) -> None:
    """Put all of it into a control plane."""
    plane.apply(crds())
    plane.apply(yaml.safe_dump_all(cluster_objects()))
    with plane.client() as client:
        status = {"status": issuer("ca-issuer")["status"]}
        client.patch(ClusterIssuer.Status, "ca-issuer", status, patch_type=PatchType.MERGE)


@contextmanager
def signing(plane: ControlPlane, text: str = "one") -> Iterator[None]:
    """Play cert-manager: every Issuer and Certificate that comes is ready, and the Secrets of the latter are filled."""
    stop = threading.Event()
    with plane.client() as client:
        thread = threading.Thread(target=_sign, args=(client, text, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _sign(client: lightkube.Client, text: str, stop: threading.Event) -> None:
    while not stop.wait(0.05):
        for kind in (Issuer, Certificate):
            for each in client.list(kind, namespace="*"):
                if not each.status:
                    _answer(client, kind, each, text)


def _answer(client: lightkube.Client, kind: Any, each: Any, text: str) -> None:  # noqa: ANN401  classes made at run time
    namespace, name = str(each.metadata.namespace), str(each.metadata.name)
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    try:
        if kind is Certificate:
            data = {key: base64.b64encode(f"{text} {key}".encode()).decode() for key in ("ca.crt", "tls.crt", "tls.key")}
            secret = Secret(metadata=ObjectMeta(name=each["spec"]["secretName"], namespace=namespace), data=data)
            client.apply(secret, field_manager="cert-manager")
        client.patch(kind.Status, name, ready, namespace=namespace, patch_type=PatchType.MERGE)
    except httpx2.HTTPStatusError as error:
        # Gone meanwhile, or its namespace is on its way out.
        if error.response.status_code not in {404, 409, 403}:
            raise


def _traefik() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "traefik", "namespace": "kube-system", "labels": {"app.kubernetes.io/name": "traefik"}},
        "spec": {"containers": [{"name": "traefik", "image": "traefik:3"}]},
    }


def _crd(kind: str, plural: str, scope: str) -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


def local_volumes(plane: ControlPlane, prefix: str, count: int, *, size: str = "100Gi") -> None:
    """Make volumes of the class local-path, since nobody here provisions any."""
    manifests = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{prefix}-{number}"},
            "spec": {
                "capacity": {"storage": size},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local-path",
                "hostPath": {"path": f"/var/{prefix}-{number}"},
            },
        }
        for number in range(1, count + 1)
    ]
    plane.apply(yaml.safe_dump_all(manifests))
