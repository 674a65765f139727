"""A CA of others beside the one that the platform makes, on a real API server: both are trusted, and each change is announced."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bootstrap.components.argo_cd.component import ArgoCd
from bootstrap.components.authority import new_authority, parted
from bootstrap.components.cert_manager.component import CertManager
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.trust import ca_pem
from bootstrap.platform.ca import CaBundle
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.platform import prerequisites
from devtools.platform.chart_files import ChartFiles
from tests.support.bootstrap_run import Runner, a_platform
from tests.support.charts import DEPLOYMENT

VERSION = "1.2.3"
COMPONENTS = (Namespaces(), CertManager(), ArgoCd())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A cluster on which nothing is installed, the platform with both CAs, and the certificate of the others."""

    runner: Runner
    certificate: str

    def alone(self) -> Runner:
        """Run with the platform's own CA alone."""
        return replace(self.runner, platform=self.runner.platform.model_copy(update={"ca": None}))


@pytest.fixture
def scene(cluster: ControlPlane, tmp_path: Path) -> Iterator[Scene]:
    """Play cert-manager's controller; small charts stand in for its own and for Argo CD's. All of it goes after the test."""
    cluster.apply(prerequisites.crds())
    _, certificate = parted(new_authority("the CA of others"))
    file = tmp_path / "ca.pem"
    file.write_text(certificate)
    runner = Runner(plane=cluster, platform=_platform(f"trust-{secrets.token_hex(3)}", tmp_path, file))
    with prerequisites.signing(cluster):
        yield Scene(runner=runner, certificate=certificate)
        with runner.engine(*COMPONENTS) as run:
            run.engine.down()


def _platform(namespace: str, folder: Path, file: Path) -> Platform:
    def chart(name: str) -> dict[str, str]:
        source = ChartFiles(folder=folder, name=name, version=VERSION, templates={"deployment.yaml": DEPLOYMENT}).write()
        return {"source": str(source), "version": VERSION, "namespace": f"{namespace}-{name}", "timeout": "60s"}

    return a_platform(
        namespace,
        ca=CaBundle(file=str(file)),
        prerequisites={"cert_manager": {"mode": "install", "issuer": f"{namespace}-issuer", "chart": chart("cert-manager")}},
        gitea={"mode": "external", "endpoint": {"public_url": "https://git.example.lan"}},
        argo_cd={"chart": chart("argo-cd")},
        buildkit={"enabled": False},
        **{key: {"chart": {"namespace": f"{namespace}-{key.replace('_', '-')}"}} for key in ("woodpecker", "kargo", "argo_rollouts")},
    )


def test_what_trusts_both_is_installed_once(scene: Scene) -> None:
    """Of the second CA nothing is known before `up` has made it: the plan says so, and `up` waits for it."""
    with scene.runner.engine(*COMPONENTS) as run:
        plan = run.engine.plan()
        assert plan.problems == ()
        (release,) = [each.label for each in ArgoCd().resources(run.context) if "argo-cd" in each.label]
        assert release in {later.resource for later in plan.later}
        run.engine.up()
        assert scene.certificate in ca_pem(run.context)
        assert ca_pem(run.context).count("BEGIN CERTIFICATE") == 2
    with scene.runner.engine(*COMPONENTS) as run:
        before = run.cluster.mutations
        assert run.engine.up().exit_code == 0
        assert run.cluster.mutations == before


def test_a_ca_that_is_named_later_is_a_change_that_the_plan_shows(scene: Scene) -> None:
    """And so is one that is no longer named; nothing else changes with it."""
    with scene.alone().engine(*COMPONENTS) as run:
        run.engine.up()
    for runner in (scene.runner, scene.alone()):
        with runner.engine(*COMPONENTS) as run:
            (change,) = run.engine.up().changes
            assert change.resource.startswith("Helm release")
        with runner.engine(*COMPONENTS) as run:
            assert run.engine.plan().exit_code == 0
