"""What Actions Runner Controller does while it is being taken away, and two charts that install as much of it as that needs.

The kinds, finalizers and labels are its own (actions/actions-runner-controller); everything else about it is left out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from lightkube.generic_resource import create_namespaced_resource

from devtools.controlplane import ControlPlane
from devtools.platform.api import Api, Rest, path_of, playing
from devtools.platform.chart_files import ChartFiles
from devtools.platform.definitions import definition

GROUP = "actions.github.com"
API_VERSION = f"{GROUP}/v1alpha1"
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
    crds = {f"{kind.lower()}.yaml": yaml.safe_dump(definition(GROUP, kind, version="v1alpha1", status=False)) for kind in KINDS}
    controller = ChartFiles(folder=folder, name="gha-runner-scale-set-controller", templates={"controller.yaml": _CONTROLLER}, crds=crds)
    return scale_set.write(), controller.write()


def runner(namespace: str, name: str, **status: Any) -> str:  # noqa: ANN401  fields of the status
    """Write a runner that needs its controller to go."""
    finalizers = [f"ephemeralrunner.{GROUP}/finalizer", f"ephemeralrunner.{GROUP}/runner-registration-finalizer"]
    metadata = {"name": name, "namespace": namespace, "finalizers": finalizers}
    return yaml.safe_dump({"apiVersion": API_VERSION, "kind": "EphemeralRunner", "metadata": metadata, "spec": {}, "status": status})


@contextmanager
def working(plane: ControlPlane, namespace: str, *, rest: Rest | None = None) -> Iterator[list[str]]:
    """Play the controller as long as its Deployment is there; yields what it has cleaned up, in order."""
    done = list[str]()

    def look(api: Api) -> None:
        if api.objects("apps/v1", "deployments", namespace=namespace, labels="app.kubernetes.io/part-of=gha-rs-controller"):
            _clean(api, namespace, done)

    with playing(plane, look, rest=rest):
        yield done


def _clean(api: Api, namespace: str, done: list[str]) -> None:
    sets_left = bool(api.objects(API_VERSION, "autoscalingrunnersets", namespace=namespace))
    for kind in KINDS:
        plural = f"{kind.lower()}s"
        for live in api.objects(API_VERSION, plural, namespace=namespace):
            place, leaving = path_of(live, API_VERSION, plural), "deletionTimestamp" in live["metadata"]
            # The runners go with their set.
            if kind == "EphemeralRunner" and not sets_left and not leaving:
                api.delete(place)
            elif leaving:
                api.merge(place, _BARE)
                done.append(f"{kind} {live['metadata']['name']}")
    for secret in [] if sets_left else api.objects("v1", "secrets", namespace=namespace):
        if secret["metadata"].get("finalizers"):
            api.merge(path_of(secret, "v1", "secrets"), _BARE)


_BARE = {"metadata": {"finalizers": None}}
