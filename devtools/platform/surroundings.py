"""What the cluster of the example has before its platform comes: Gitea's workload, a CA, and the runners that are to go."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from bootstrap.core.objects import Manifest
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.platform import prerequisites, runner_controller
from plugin_kit import process

_HELM_SECONDS = 120.0


def prepare(plane: ControlPlane, platform: Platform) -> None:
    """Put all but the runners into the cluster."""
    prerequisites.prepare(plane)
    plane.apply(yaml.safe_dump_all([*_authority(plane, platform), *_gitea(platform)]))


def install_runners(plane: ControlPlane, platform: Platform, folder: Path, helm: str) -> None:
    """Install what `arc` names, with a runner that waits for work, as it was before the platform."""
    arc = platform.arc
    if arc is None:
        return
    scale_set, controller = runner_controller.charts(folder)
    login = ["--namespace", arc.namespace, "--kubeconfig", str(plane.admin_kubeconfig)]
    charts = [(arc.controller, controller), *((name, scale_set) for name in arc.scale_sets)]
    for name, chart in charts:
        process.run([helm, "upgrade", "--install", name, str(chart), "--create-namespace", "--wait", *login], timeout=_HELM_SECONDS)
    plane.apply(runner_controller.runner(arc.namespace, "runner-one"))
    plane.apply(yaml.safe_dump_all([_runner_volume(name) for name in arc.persistent_volumes]))


def _authority(plane: ControlPlane, platform: Platform) -> Iterator[Manifest]:
    wanted = platform.ca.secret if platform.ca else None
    if wanted is not None:
        yield _namespace(wanted.namespace)
        metadata = {"name": wanted.name, "namespace": wanted.namespace}
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {wanted.key: plane.ca_cert.read_text()}}


def _gitea(platform: Platform) -> Iterator[Manifest]:
    wanted, labels = platform.gitea, {"app": "gitea"}
    env = [{"name": "GITEA__webhook__ALLOWED_HOST_LIST", "value": "private"}]
    pod = {"containers": [{"name": "gitea", "image": "docker.gitea.com/gitea:1.25.5", "env": env}]}
    yield _namespace(wanted.namespace)
    yield {
        "apiVersion": "apps/v1",
        "kind": wanted.workload.kind,
        "metadata": {"name": wanted.workload.name, "namespace": wanted.namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def _namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _runner_volume(name: str) -> Manifest:
    spec = {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "",
        "persistentVolumeReclaimPolicy": "Retain",
        "nfs": {"server": "192.168.42.8", "path": "/volume1/Kubernetes/pipelines/arc"},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
