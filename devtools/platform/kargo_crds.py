"""Kargo's CRDs: its own where they lie beside the repository, else the small ones of tests/data/crds, which stand for them."""

from pathlib import Path
from typing import Any

import yaml

from devtools.paths import ROOT

OURS = ROOT / "tests/data/crds"
REAL = ROOT.parent / "shared/specs/kargo"
FILES = tuple(sorted(file.name for file in OURS.glob("kargo.akuity.io_*.yaml")))


def manifests() -> str:
    """Return the CRDs of the kinds that the tests use, as one text."""
    return "---\n".join(_best(name).read_text(encoding="utf-8") for name in FILES)


def contract(file: Path) -> dict[str, Any]:
    """Return what clients depend on in a CRD, whatever its schema."""
    crd = yaml.safe_load(file.read_text(encoding="utf-8"))
    spec = crd["spec"]
    return {
        "name": crd["metadata"]["name"],
        "group": spec["group"],
        "names": spec["names"],
        "scope": spec["scope"],
        "versions": [_version(version) for version in spec["versions"]],
    }


def _version(version: dict[str, Any]) -> dict[str, Any]:
    wanted = ("name", "served", "storage", "subresources", "selectableFields")
    return {key: version.get(key) for key in wanted}


def _best(name: str) -> Path:
    real = REAL / name
    return real if real.exists() else OURS / name
