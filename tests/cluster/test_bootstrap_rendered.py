"""The rendered platform on a real API server, with nothing but kubectl and Helm: installed, again, away, and back."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import lightkube
import pytest
import yaml
from lightkube.resources.core_v1 import ConfigMap, Namespace, PersistentVolume, PersistentVolumeClaim, Secret

from bootstrap.components import COMPONENTS
from bootstrap.platform.load import parse
from bootstrap.render.folder import write
from bootstrap.render.render import render
from devtools.controlplane import ControlPlane, programs
from devtools.paths import ROOT
from tests.support import argo_crds, kargo_crds, prerequisites
from tests.support.charts import ChartFiles
from tests.support.status_writer import StatusWriter

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on this machine, and the scripts are made for it")

EXAMPLE = ROOT / "examples/stonks-oracle/platform.yaml"
CHARTS = {"argo_cd": "argo-cd", "argo_rollouts": "argo-rollouts", "kargo": "kargo", "woodpecker": "woodpecker"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
BY_HAND = ("GITEA_ADMIN_PASSWORD", "KARGO_ADMIN_PASSWORD_HASH", "WOODPECKER_CLIENT_ID", "WOODPECKER_CLIENT_SECRET")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A rendered platform, and the cluster that it is for."""

    folder: Path
    plane: ControlPlane
    environment: Mapping[str, str]

    def run(self, script: str, *arguments: str) -> str:
        """Run a script and return what it printed; its own words are shown where it fails."""
        done = subprocess.run([self.folder / script, *arguments], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Render the example with small charts in place of the real ones, for a cluster with all its kinds, whose controllers are played."""
    folder = tmp_path_factory.mktemp("rendered")
    document = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for section, name in CHARTS.items():
        chart = ChartFiles(folder=folder / "charts", name=name).write()
        document[section]["chart"] |= {"source": f"./{chart.relative_to(folder)}", "name": name, "version": "1.2.3"}
    output = folder / "out"
    platform = parse(yaml.safe_dump(document), folder / "platform.yaml").platform
    write(output, render(platform, COMPONENTS, folder, output=output, source="platform.yaml"))
    for name in BY_HAND:
        (output / "secrets" / name).write_text(f'{name} with "quotes", a \\ and $& in it\n')
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane.start(folder / "plane", controllers=True, nodes=2))
        prerequisites.prepare(plane)
        # Nobody provisions any here, and one is used up each time.
        prerequisites.local_volumes(plane, "local", 4)
        plane.apply(kargo_crds.manifests())
        plane.apply(argo_crds.manifests())
        ca = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ca-key-pair", "namespace": "cert-manager"}}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cert-manager"}}
        plane.apply(yaml.safe_dump_all([namespace, {**ca, "stringData": {"tls.crt": PEM}}]))
        stack.enter_context(StatusWriter(plane))
        tools = folder / "bin"
        tools.mkdir()
        (tools / "helm").symlink_to(programs.command("helm4")[0])
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        yield Place(folder=output, plane=plane, environment={**os.environ, "PATH": path, "KUBECONFIG": str(plane.kubeconfig("admin"))})


def uids(client: lightkube.Client) -> dict[str, str]:
    """Return which volumes, claims and Secrets there are."""
    objects: list[PersistentVolume | PersistentVolumeClaim | Secret] = list(client.list(PersistentVolume))
    objects += [*client.list(PersistentVolumeClaim, namespace="*"), *client.list(Secret, namespace="*")]
    found: dict[str, str] = {}
    for each in objects:
        assert each.metadata
        # Helm's own records, one for each run.
        if not str(each.metadata.name).startswith("sh.helm"):
            found[f"{type(each).__name__} {each.metadata.namespace}/{each.metadata.name}"] = str(each.metadata.uid)
    return found


def test_installed_again_away_and_back(place: Place) -> None:
    """A second run replaces nothing; what is taken away leaves volumes and applications, and a third run binds the same volumes."""
    said = place.run("runmefirst.sh")
    assert "==> Kargo" in said
    with place.plane.client() as client:
        first = uids(client)
        secret = client.get(Secret, "git", namespace="stonks-oracle-cd")
        authority = client.get(ConfigMap, "platform-ca", namespace="kargo")
        assert secret.data
        assert authority.data
        # Quotes, backslashes and line feeds mean nothing to shell and YAML.
        assert base64.b64decode(secret.data["password"]).decode() == 'GITEA_ADMIN_PASSWORD with "quotes", a \\ and $& in it'
        assert authority.data["ca-1.crt"] == PEM
        place.run("runmefirst.sh")
        assert uids(client) == first
        place.run("runmelast.sh", "--yes")
        left = {str(each.metadata and each.metadata.name) for each in client.list(Namespace)}
        assert {"stonks-beta", "stonks-oracle", "stonks-oracle-cd", "local-cicd"} <= left
        assert not {"woodpecker", "argocd", "kargo", "buildkit"} & left
        place.run("runmefirst.sh")
        volumes = {name: uid for name, uid in uids(client).items() if name.startswith("PersistentVolume ")}
        assert volumes == {name: uid for name, uid in first.items() if name.startswith("PersistentVolume ")}
        phases = {str(each.metadata and each.metadata.name): each.status and each.status.phase for each in client.list(PersistentVolume)}
        assert phases["pipeline-woodpecker-pv"] == "Bound"
