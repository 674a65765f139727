"""Small Helm charts, written when a test needs them."""

import http.server
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings, namespace: {{ .Release.Namespace }}}
data: {colour: {{ .Values.colour | quote }}}
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-login}
stringData: {password: {{ .Values.password | quote }}}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      nodeSelector: {{ .Values.nodeSelector | toJson }}
      containers:
        - name: api
          image: "registry.example.lan/shop/api:{{ .Values.tag }}"
          env: [{name: COLOUR, value: {{ .Values.colour | quote }}}]
"""
STATEFUL_SET = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: {{ .Release.Name }}-db}
spec:
  serviceName: db
  replicas: 1
  selector: {matchLabels: {app: {{ .Release.Name }}-db}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}-db}}
    spec:
      nodeSelector: {{ .Values.nodeSelector | toJson }}
      containers: [{name: db, image: "registry.example.lan/shop/db:{{ .Values.tag }}"}]
"""
VALUES = "colour: blue\npassword: unset\nreplicas: 1\ntag: one\nnodeSelector: {}\n"
# What no node of the tests is, so that pods stay pending.
NOWHERE = {"example.lan/nowhere": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFiles:
    """A chart in a folder of its own."""

    folder: Path
    name: str = "shop"
    version: str = "1.2.3"
    templates: Mapping[str, str] = field(default_factory=lambda: {"settings.yaml": CONFIG_MAP})
    crds: Mapping[str, str] = field(default_factory=dict)

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
        return place

    def pack(self) -> Path:
        """Write it as an archive, and return that."""
        files = self.write()
        archive = self.folder / f"{self.name}-{self.version}.tgz"
        with tarfile.open(archive, "w:gz") as out:
            out.add(files, arcname=self.name)
        return archive


class ChartRepository(http.server.ThreadingHTTPServer):
    """A chart repository on loopback: an index and archives."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.downloads = 0

    @classmethod
    @contextmanager
    def serving(cls, folder: Path) -> Iterator["ChartRepository"]:
        """Serve a folder as long as the block runs."""
        folder.mkdir(parents=True)
        with cls(folder) as repository:
            thread = threading.Thread(target=repository.serve_forever)
            thread.start()
            try:
                yield repository
            finally:
                repository.shutdown()
                thread.join()

    def put(self, chart: ChartFiles) -> None:
        """Offer one chart, instead of what was offered before."""
        archive = chart.pack()
        (self.folder / archive.name).write_bytes(archive.read_bytes())
        (self.folder / "index.yaml").write_text(
            f"apiVersion: v1\nentries:\n  {chart.name}:\n    - apiVersion: v2\n      name: {chart.name}\n"
            f"      version: {chart.version}\n      urls: [{self.url}/{archive.name}]\n"
        )


class _Files(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        """Serve a file, and count archives."""
        if self.path.endswith(".tgz"):
            assert isinstance(self.server, ChartRepository)
            self.server.downloads += 1
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name in the base class
        """Be quiet."""
