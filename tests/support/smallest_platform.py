"""The example with everything installed that can be, from charts with one Deployment each and CRDs of a few words: for very many runs."""

from collections.abc import Callable
from pathlib import Path

import yaml

from devtools.platform.argo_crds import FILES, OURS
from devtools.platform.chart_files import ChartFiles
from devtools.platform.definitions import definition
from devtools.platform.description import Document
from tests.support.charts import DEPLOYMENT


def edit(folder: Path) -> Callable[[Document], None]:
    """Return what changes a platform.yaml; the charts lie in a folder. Woodpecker's, which has to be itself, stays."""

    def change(document: Document) -> None:
        document["timeouts"] = {"ready": "60s", "deleted": "60s"}
        # Their CA is then one that is made, and kept.
        del document["ca"]
        chart = {"version": "1.21.1", "namespace": "certificates"}
        document["prerequisites"]["cert_manager"] = {"mode": "install", "issuer": "own-issuer", "chart": chart}
        document["registry"] |= {"mode": "install", "namespace": "registry"}
        for section, crds in _CRDS.items():
            chart = document[section]["chart"]
            chart["source"] = _chart(folder, section.replace("_", "-"), chart["version"], crds)
        chart = document["prerequisites"]["cert_manager"]["chart"]
        chart["source"] = _chart(folder, "cert-manager", chart["version"], {})

    return change


def _chart(folder: Path, name: str, version: str, crds: dict[str, str]) -> str:
    return str(ChartFiles(folder=folder, name=name, version=version, templates={"workload.yaml": DEPLOYMENT}, crds=crds).pack())


_CRDS = {
    "argo_rollouts": {"template.yaml": yaml.safe_dump(definition("argoproj.io", "AnalysisTemplate", version="v1alpha1"))},
    "argo_cd": {name: (OURS / name).read_text(encoding="utf-8") for name in FILES},
    "kargo": {file.name: file.read_text(encoding="utf-8") for file in sorted(OURS.glob("kargo.akuity.io_*.yaml"))},
}
