"""The CRD of Argo Rollouts' AnalysisTemplate: its own where it lies beside the repository, else one that takes everything."""

import yaml

from devtools.paths import ROOT
from devtools.platform.definitions import definition

REAL = ROOT.parent / "shared/specs/argo-rollouts/analysis-template-crd.yaml"


def manifests() -> str:
    """Return it as text."""
    if REAL.exists():
        return REAL.read_text(encoding="utf-8")
    return yaml.safe_dump(definition("argoproj.io", "AnalysisTemplate", version="v1alpha1", status=False))
