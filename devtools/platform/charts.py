"""The charts of the platform: the real ones' objects where they lie beside the repository, else small ones of our own."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from devtools.paths import ROOT
from devtools.platform import argo_crds, kargo_crds
from devtools.platform.chart_files import ChartFiles
from devtools.platform.definitions import definition

RENDERED = ROOT.parent / "shared/specs/charts-rendered"
NAMES = {"woodpecker": "woodpecker", "argo_rollouts": "argo-rollouts", "argo_cd": "argo-cd", "kargo": "kargo"}
"""The charts by the section of platform.yaml that names them."""

# Read as a file of the chart: nothing in it is a template.
_READ = '{{ .Files.Get "objects.yaml" }}'
# Nothing would answer them on a control plane whose nodes run nothing.
_WEBHOOKS = re.compile(r"^kind: (Mutating|Validating)WebhookConfiguration$", re.MULTILINE)
# As much of Woodpecker's chart as decides here: names, what is taken from Secrets, and what restarts the pods.
_WOODPECKER = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: woodpecker-%(part)s, namespace: {{ .Release.Namespace }}}
spec:
  serviceName: woodpecker-%(part)s
  replicas: %(replicas)s
  selector: {matchLabels: {app: %(part)s}}
  template:
    metadata: {labels: {app: %(part)s}, annotations: {{ .Values.%(part)s.podAnnotations | toJson }}}
    spec:
      containers:
        - name: %(part)s
          image: "docker.io/woodpeckerci/woodpecker-%(part)s:{{ .Values.%(part)s.image.tag }}"
          env:
            {{- range $name, $value := .Values.%(part)s.env }}
            - {name: {{ $name }}, value: {{ $value | quote }}}
            {{- end }}
          envFrom: [{{ range .Values.%(part)s.extraSecretNamesForEnvFrom }}{secretRef: {name: {{ . }}}}{{ end }}]
"""
_DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: %(name)s, namespace: {{ .Release.Namespace }}, labels: {app.kubernetes.io/part-of: {{ .Release.Name }}}}
spec:
  selector: {matchLabels: {app: %(name)s}}
  template:
    metadata: {labels: {app: %(name)s}}
    spec: {containers: [{name: main, image: "example.lan/%(name)s:{{ .Chart.Version }}"}]}
---
apiVersion: v1
kind: Service
metadata: {name: %(name)s, namespace: {{ .Release.Namespace }}}
spec: {selector: {app: %(name)s}, ports: [{port: 80}]}
"""
_WORKLOADS = {
    "argo-cd": ("argocd-server", "argocd-repo-server"),
    "argo-rollouts": ("argo-rollouts",),
    "kargo": ("kargo-api", "kargo-controller", "kargo-management-controller"),
}


def pack(folder: Path, name: str, version: str) -> Path:
    """Write the archive of a chart: the real one's objects where they are known for this version."""
    rendered = RENDERED / f"{name}-{version}.yaml"
    if not rendered.exists():
        return small(folder, name, version).pack()
    documents = [
        each for each in re.split(r"^---$", rendered.read_text(encoding="utf-8"), flags=re.MULTILINE) if not _WEBHOOKS.search(each)
    ]
    return ChartFiles(
        folder=folder, name=name, version=version, templates={"objects.yaml": _READ}, files={"objects.yaml": "---".join(documents)}
    ).pack()


def small(folder: Path, name: str, version: str) -> ChartFiles:
    """Return a chart of our own that stands for the real one."""
    return ChartFiles(folder=folder, name=name, version=version, templates=_templates(name), crds=_crds(name))


def _templates(name: str) -> Mapping[str, str]:
    if name == "woodpecker":
        return {f"{part}.yaml": _WOODPECKER % {"part": part, "replicas": count} for part, count in (("server", 1), ("agent", 2))}
    return {f"{workload}.yaml": _DEPLOYMENT % {"name": workload} for workload in _WORKLOADS[name]}


def _crds(name: str) -> Mapping[str, str]:
    match name:
        case "kargo":
            return {"crds.yaml": kargo_crds.manifests()}
        case "argo-cd":
            return {"crds.yaml": argo_crds.manifests()}
        case "argo-rollouts":
            return {"crds.yaml": yaml.safe_dump(definition("argoproj.io", "AnalysisTemplate", version="v1alpha1"))}
    return {}
