"""What Actions Runner Controller does while it is being taken away, and two charts that install as much of it as that needs.

The kinds, finalizers and labels are its own (actions/actions-runner-controller); everything else about it is left out.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import lightkube
import yaml
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Secret
from lightkube.types import PatchType

from devtools.controlplane import ControlPlane
from tests.support.charts import ChartFiles

GROUP = "actions.github.com"
KINDS = ("EphemeralRunner", "EphemeralRunnerSet", "AutoscalingListener", "AutoscalingRunnerSet")
RESOURCES = {kind: create_namespaced_resource(GROUP, "v1alpha1", kind, f"{kind.lower()}s") for kind in KINDS}
_SCALE_SET = f"""
apiVersion: {GROUP}/v1alpha1
kind: AutoscalingRunnerSet
metadata:
  name: {{{{ .Release.Name }}}}
  finalizers: [autoscalingrunnerset.{GROUP}/finalizer]
spec: {{}}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{{{ .Release.Name }}}}-github
  finalizers: [{GROUP}/cleanup-protection]
"""
_CONTROLLER = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-gha-rs-controller
  labels: {app.kubernetes.io/part-of: gha-rs-controller}
spec:
  selector: {matchLabels: {app: controller}}
  template:
    metadata: {labels: {app: controller}}
    spec: {containers: [{name: manager, image: "ghcr.io/actions/gha-runner-scale-set-controller:0.14.2"}]}
"""


def charts(folder: Path) -> tuple[Path, Path]:
    """Write the charts of a scale set and of the controller, whose CRDs Helm never takes away."""
    scale_set = ChartFiles(folder=folder, name="gha-runner-scale-set", templates={"set.yaml": _SCALE_SET})
    crds = {f"{kind.lower()}.yaml": yaml.safe_dump(_crd(kind)) for kind in KINDS}
    controller = ChartFiles(folder=folder, name="gha-runner-scale-set-controller", templates={"controller.yaml": _CONTROLLER}, crds=crds)
    return scale_set.write(), controller.write()


def runner(namespace: str, name: str, **status: Any) -> str:  # noqa: ANN401  fields of the status
    """Write a runner that needs its controller to go."""
    finalizers = [f"ephemeralrunner.{GROUP}/finalizer", f"ephemeralrunner.{GROUP}/runner-registration-finalizer"]
    metadata = {"name": name, "namespace": namespace, "finalizers": finalizers}
    return yaml.safe_dump(
        {"apiVersion": f"{GROUP}/v1alpha1", "kind": "EphemeralRunner", "metadata": metadata, "spec": {}, "status": status}
    )


@contextmanager
def working(plane: ControlPlane, namespace: str) -> Iterator[list[str]]:
    """Play the controller as long as its Deployment is there; yields what it has cleaned up, in order."""
    stop, done = threading.Event(), list[str]()
    with plane.client() as client:
        thread = threading.Thread(target=_work, args=(client, namespace, done, stop))
        thread.start()
        try:
            yield done
        finally:
            stop.set()
            thread.join()


def _work(client: lightkube.Client, namespace: str, done: list[str], stop: threading.Event) -> None:
    while not stop.wait(0.05):
        if not list(client.list(Deployment, namespace=namespace, labels={"app.kubernetes.io/part-of": "gha-rs-controller"})):
            continue
        for kind in KINDS:
            _clean(client, namespace, kind, done)


def _clean(client: lightkube.Client, namespace: str, kind: str, done: list[str]) -> None:
    try:
        live = list(client.list(RESOURCES[kind], namespace=namespace))
        sets_left = bool(list(client.list(RESOURCES["AutoscalingRunnerSet"], namespace=namespace)))
        for each in live:
            assert each.metadata
            name = str(each.metadata.name)
            # The runners go with their set.
            if kind == "EphemeralRunner" and not sets_left and not each.metadata.deletionTimestamp:
                client.delete(RESOURCES[kind], name, namespace=namespace)
            elif each.metadata.deletionTimestamp:
                client.patch(RESOURCES[kind], name, _BARE, namespace=namespace, patch_type=PatchType.MERGE)
                done.append(f"{kind} {name}")
        for secret in client.list(Secret, namespace=namespace):
            assert secret.metadata
            if secret.metadata.finalizers and not sets_left:
                client.patch(Secret, str(secret.metadata.name), _BARE, namespace=namespace, patch_type=PatchType.MERGE)
    except httpx2.HTTPStatusError as error:
        # Gone between two requests, or its CRD is.
        if error.response.status_code not in {404, 409}:
            raise


_BARE = {"metadata": {"finalizers": None}}


def _crd(kind: str) -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.lower()}s.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": f"{kind.lower()}s", "singular": kind.lower()},
            "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": schema}],
        },
    }
