"""What the charts of tests hold, and a repository of charts."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from devtools.platform.chart_files import ChartFiles

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
# What no node of the tests is, so that pods stay pending.
NOWHERE = {"example.lan/nowhere": "true"}


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
