"""What a cluster has before bootstrap comes: ingress controller, storage classes, and a cert-manager that is played here.

Its kinds are made of our own few words: what our objects use of them, and nothing of the project's own CRDs.
"""

import base64
from contextlib import AbstractContextManager
from typing import Any

import yaml
from lightkube.generic_resource import create_global_resource
from lightkube.types import PatchType

from bootstrap.core.objects import Manifest
from devtools.controlplane import ControlPlane
from devtools.platform.api import Api, Rest, path, path_of, playing
from devtools.platform.definitions import definition

GROUP = "cert-manager.io"
API_VERSION = f"{GROUP}/v1"
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
ClusterIssuer = create_global_resource(GROUP, "v1", "ClusterIssuer", "clusterissuers")


def issuer(name: str, *, ready: str = "True", message: str = "Signing CA verified") -> Manifest:
    """Write a ClusterIssuer as cert-manager leaves it."""
    status = {"conditions": [{"type": "Ready", "status": ready, "message": message}]}
    spec = {"ca": {"secretName": "ca-key-pair"}}
    return {"apiVersion": API_VERSION, "kind": "ClusterIssuer", "metadata": {"name": name}, "spec": spec, "status": status}


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
            "apiVersion": API_VERSION,
            "kind": "Certificate",
            "metadata": {"name": "any", "namespace": "default"},
            "spec": {"secretName": "any"},
        },
    ]


def crds() -> str:
    """Write the kinds of cert-manager that are used."""
    kinds = (("Certificate", "Namespaced"), ("Issuer", "Namespaced"), ("ClusterIssuer", "Cluster"))
    return yaml.safe_dump_all([definition(GROUP, kind, scope=scope) for kind, scope in kinds])


def prepare(plane: ControlPlane) -> None:
    """Put all of it into a control plane."""
    plane.apply(crds())
    plane.apply(yaml.safe_dump_all(cluster_objects()))
    with plane.client() as client:
        status = {"status": issuer("ca-issuer")["status"]}
        client.patch(ClusterIssuer.Status, "ca-issuer", status, patch_type=PatchType.MERGE)


def signing(plane: ControlPlane, text: str = "one", *, rest: Rest | None = None) -> AbstractContextManager[None]:
    """Play cert-manager: every Issuer and Certificate that comes is ready, and the Secrets of the latter are filled."""

    def look(api: Api) -> None:
        for plural in ("issuers", "certificates"):
            for each in api.objects(API_VERSION, plural):
                if not each.get("status"):
                    _answer(api, plural, each, text)

    return playing(plane, look, rest=rest)


def _answer(api: Api, plural: str, live: dict[str, Any], text: str) -> None:
    if plural == "certificates":
        namespace, name = live["metadata"]["namespace"], live["spec"]["secretName"]
        data = {key: base64.b64encode(f"{text} {key}".encode()).decode() for key in ("ca.crt", "tls.crt", "tls.key")}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        api.apply(path("v1", "secrets", namespace, name), secret, manager="cert-manager")
    api.merge(path_of(live, API_VERSION, plural, "status"), {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})


def _traefik() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "traefik", "namespace": "kube-system", "labels": {"app.kubernetes.io/name": "traefik"}},
        "spec": {"containers": [{"name": "traefik", "image": "traefik:3"}]},
    }


def local_volumes(plane: ControlPlane, prefix: str, count: int, *, size: str = "100Gi") -> None:
    """Make volumes of the class local-path, for who does not play its provisioner (devtools.platform.provisioner)."""
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
