"""Helm charts as files: small ones, written when they are needed."""

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings, namespace: {{ .Release.Namespace }}}
data: {colour: {{ .Values.colour | quote }}}
"""
VALUES = "colour: blue\npassword: unset\nreplicas: 1\ntag: one\nnodeSelector: {}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFiles:
    """A chart in a folder of its own."""

    folder: Path
    name: str = "shop"
    version: str = "1.2.3"
    templates: Mapping[str, str] = field(default_factory=lambda: {"settings.yaml": CONFIG_MAP})
    crds: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """What templates read by `.Files.Get`."""

    def write(self) -> Path:
        """Write it, and return its folder."""
        place = self.folder / f"{self.name}-{self.version}"
        (place / "templates").mkdir(parents=True, exist_ok=True)
        (place / "Chart.yaml").write_text(f"apiVersion: v2\nname: {self.name}\nversion: {self.version}\n")
        (place / "values.yaml").write_text(VALUES)
        for old in (place / "templates").iterdir():
            old.unlink()
        for name, text in self.templates.items():
            (place / "templates" / name).write_text(text)
        for name, text in self.crds.items():
            (place / "crds").mkdir(exist_ok=True)
            (place / "crds" / name).write_text(text)
        for name, text in self.files.items():
            (place / name).write_text(text)
        return place

    def pack(self) -> Path:
        """Write it as an archive, and return that."""
        files = self.write()
        archive = self.folder / f"{self.name}-{self.version}.tgz"
        with tarfile.open(archive, "w:gz") as out:
            out.add(files, arcname=self.name)
        return archive
