"""Argo CD's CRDs: its own where they lie beside the repository, else the small ones of tests/data/crds, which stand for them."""

from pathlib import Path

from devtools.paths import ROOT

OURS = ROOT / "tests/data/crds"
REAL = ROOT.parent / "shared/specs/argo-cd"
# Ours, and what Argo CD's own is called there.
FILES = {"argoproj.io_applications.yaml": "crd-application.yaml", "argoproj.io_appprojects.yaml": "crd-appproject.yaml"}


def manifests() -> str:
    """Return the CRDs as one text."""
    return "---\n".join(_best(ours, real).read_text(encoding="utf-8") for ours, real in FILES.items())


def _best(ours: str, real: str) -> Path:
    return REAL / real if (REAL / real).exists() else OURS / ours
