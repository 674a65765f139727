"""The charts of the example with one Deployment each and CRDs of a few words: for tests that install them very often."""

from collections.abc import Callable
from pathlib import Path

import yaml

from devtools.platform.argo_crds import FILES, OURS
from devtools.platform.chart_files import ChartFiles
from devtools.platform.definitions import definition
from devtools.platform.description import Document
from tests.support.charts import DEPLOYMENT


def use(folder: Path) -> Callable[[Document], None]:
    """Return what puts them into a platform.yaml; Woodpecker's, which has to be itself, stays."""

    def edit(document: Document) -> None:
        for section, crds in _CRDS.items():
            chart = document[section]["chart"]
            files = ChartFiles(
                folder=folder, name=_NAMES[section], version=chart["version"], templates={"workload.yaml": DEPLOYMENT}, crds=crds
            )
            chart["source"] = str(files.pack())

    return edit


_NAMES = {"argo_rollouts": "argo-rollouts", "argo_cd": "argo-cd", "kargo": "kargo"}
_CRDS = {
    "argo_rollouts": {"template.yaml": yaml.safe_dump(definition("argoproj.io", "AnalysisTemplate", version="v1alpha1"))},
    "argo_cd": {name: (OURS / name).read_text(encoding="utf-8") for name in FILES},
    "kargo": {file.name: file.read_text(encoding="utf-8") for file in sorted(OURS.glob("kargo.akuity.io_*.yaml"))},
}
