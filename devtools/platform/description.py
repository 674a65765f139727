"""platform.yaml of examples/stonks-oracle, with what is elsewhere here put in: addresses, charts, and the clone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bootstrap.platform.load import load
from bootstrap.platform.platform import Platform
from devtools.paths import ROOT
from devtools.platform import charts

EXAMPLE = ROOT / "examples/stonks-oracle/platform.yaml"
Document = dict[str, Any]
Edit = Callable[[Document], None]


def example() -> Platform:
    """Read the file as it is."""
    return load(EXAMPLE).platform


def nothing(document: Document) -> None:
    """Change no more than must be."""
    del document


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the services are for the command; pods and browsers know them by the names that the file gives."""

    gitea: str
    registry: str
    woodpecker: str
    clones: Path
    """The folder with a clone for each project, called like it."""


def write(folder: Path, places: Places, edit: Edit = nothing, *, small: bool = False) -> Path:
    """Write platform.yaml into a folder, with its charts beside it; `edit` changes the document after that."""
    document = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for section, name in charts.NAMES.items():
        chart = document[section]["chart"]
        chart["source"] = f"./charts/{_chart(folder / 'charts', name, chart['version'], small=small).name}"
    document["gitea"]["endpoint"]["bootstrap_url"] = places.gitea
    document["registry"]["bootstrap_url"] = places.registry
    document["woodpecker"]["bootstrap_url"] = places.woodpecker
    for project in document["projects"]:
        project["repository"]["import_from"] = str(places.clones / project["name"])
    edit(document)
    # At once: the stand-ins of a running platform read it at any moment.
    fresh = folder / "platform.yaml.new"
    fresh.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return fresh.replace(folder / "platform.yaml")


def _chart(folder: Path, name: str, version: str, *, small: bool) -> Path:
    archive = folder / f"{name}-{version}.tgz"
    if archive.exists():
        # Packed anew it would have another digest, which is another chart.
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    return charts.small(folder, name, version).pack() if small else charts.pack(folder, name, version)
