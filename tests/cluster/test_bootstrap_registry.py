"""cert-manager and a registry of our own on a real API server: installed, left alone by the next run, and what `down` keeps of them."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bootstrap.components.cert_manager.component import CertManager
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.registry.component import ContainerRegistry
from bootstrap.components.trust import ca_pem
from bootstrap.core.objects import Ref
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.platform import prerequisites, probes
from devtools.platform.chart_files import ChartFiles
from devtools.platform.run import Run
from tests.support.bootstrap_run import Runner, a_platform
from tests.support.charts import DEPLOYMENT
from tests.support.cluster_objects import there
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server

PREFIX = "reg-test"
PASSWORD = "the-password-of-the-registry"
RECORD = Ref(api_version="v1", kind="Secret", name="ca", namespace=f"{PREFIX}-platform")
LOGIN = Ref(api_version="v1", kind="Secret", name="registry-htpasswd", namespace=f"{PREFIX}-registry")
COMPONENTS = (Namespaces(), CertManager(), ContainerRegistry())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A cluster without either, and the registry that will answer behind the ingress."""

    runner: Runner
    server: ScriptedServer


@pytest.fixture(scope="module")
def scene(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Play cert-manager's controller and the pods; install the small chart in place of its own."""
    folder = tmp_path_factory.mktemp("registry")
    prerequisites.local_volumes(cluster, PREFIX, 1)
    cluster.apply(prerequisites.crds())
    cluster.apply(yaml.safe_dump_all(prerequisites.CLASSES))
    chart = ChartFiles(folder=folder, name="cert-manager", version="1.21.1", templates={"deployment.yaml": DEPLOYMENT}).write()
    (folder / "word").write_text(PASSWORD)
    with scripted_server() as server, prerequisites.signing(cluster), probes.answering(cluster, f"{PREFIX}-platform", probes.REACHED):
        server.on("GET", "^/v2/$", Answer())
        yield Scene(runner=Runner(plane=cluster, platform=_platform(chart, folder / "word", server.url)), server=server)


def _platform(chart: Path, password: Path, url: str) -> Platform:
    charts = {
        key: {"chart": {"namespace": f"{PREFIX}-{key.replace('_', '-')}"}} for key in ("woodpecker", "argo_cd", "kargo", "argo_rollouts")
    }
    cert_manager = {
        "mode": "install",
        "issuer": f"{PREFIX}-issuer",
        "chart": {"source": str(chart), "version": "1.21.1", "namespace": f"{PREFIX}-certs", "timeout": "60s"},
    }
    login = {"username": "ci", "password": {"file": str(password)}}
    registry = {"mode": "install", "namespace": f"{PREFIX}-registry", "bootstrap_url": url, "login": login, "install": {"size": "1Gi"}}
    return a_platform(
        f"{PREFIX}-platform",
        **charts,
        prerequisites={"cert_manager": cert_manager, "storage_class": "local-path"},
        registry=registry,
        buildkit={"enabled": False},
    )


def value(run: Run, ref: Ref, key: str) -> str:
    """Return one value of a Secret."""
    return base64.b64decode(there(run.cluster, ref)["data"][key]).decode()


def test_both_come_up_and_the_next_run_changes_nothing(scene: Scene) -> None:
    """The bcrypt hash and the CA are those of the first run; the password is in nothing that a person or the cluster sees."""
    with scene.runner.engine(*COMPONENTS) as run:
        assert run.engine.plan().problems == ()
        run.engine.up()
        printed, ca, line = run.printed, ca_pem(run.context), value(run, LOGIN, "htpasswd")
        deployment = there(run.cluster, Ref(api_version="apps/v1", kind="Deployment", name="registry", namespace=f"{PREFIX}-registry"))
        assert deployment["status"]["availableReplicas"] == 1
        assert value(run, Ref(api_version="v1", kind="Secret", name=f"{PREFIX}-issuer-ca", namespace=f"{PREFIX}-certs"), "tls.crt") == ca
    assert PASSWORD not in printed
    assert PASSWORD not in str(deployment)
    with scene.runner.engine(*COMPONENTS) as run:
        before = run.cluster.mutations
        assert run.engine.up().exit_code == 0
        assert run.cluster.mutations == before
        assert value(run, LOGIN, "htpasswd") == line


def test_up_ends_when_the_registry_answers(scene: Scene) -> None:
    """A pod that is ready is not yet a registry that anybody reaches."""
    assert scene.server.asked("^/v2/$")


def test_down_keeps_the_registry_and_the_ca_that_people_trust(scene: Scene) -> None:
    """The next `up` signs with the same CA: nodes and browsers were told by hand to trust it."""
    claim = Ref(api_version="v1", kind="PersistentVolumeClaim", name="registry", namespace=f"{PREFIX}-registry")
    with scene.runner.engine(*COMPONENTS) as run:
        run.engine.up()
        ca, uid = value(run, RECORD, "authority.pem"), there(run.cluster, claim)["metadata"]["uid"]
        run.engine.down()
        # Its certificate has to be renewed.
        assert run.cluster.get(Ref(api_version="cert-manager.io/v1", kind="ClusterIssuer", name=f"{PREFIX}-issuer"))
        assert run.cluster.get(Ref(api_version="v1", kind="Namespace", name=f"{PREFIX}-buildkit")) is None
        assert there(run.cluster, claim)["metadata"]["uid"] == uid
        assert value(run, RECORD, "authority.pem") == ca
    with scene.runner.engine(*COMPONENTS) as run:
        run.engine.up()
        assert value(run, RECORD, "authority.pem") == ca
        assert there(run.cluster, claim)["metadata"]["uid"] == uid
        run.engine.down()
