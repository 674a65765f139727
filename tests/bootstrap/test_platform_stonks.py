"""The platform of stonks-oracle: every value that its design document names is a value of examples/stonks-oracle/platform.yaml."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from bootstrap.platform.load import Loaded, load
from bootstrap.platform.namespaces import Use, uses

FILE = Path(__file__).parents[2] / "examples/stonks-oracle/platform.yaml"

# What the document says, and where it stands. Projects and stages go by their names.
SEED: Mapping[str, object] = {
    # Hosts, addresses and ports
    "domain": "celestium.life",
    "registry.host": "registry.celestium.life",
    "woodpecker.host": "stonks-ci.celestium.life",
    "argo_cd.host": "stonks-argocd.celestium.life",
    "gitea.endpoint.cluster_url": "http://gitea-http.git-server.svc.cluster.local:3000",
    "gitea.ssh_port": 30022,
    # Who is there already
    "gitea.mode": "external",
    "registry.mode": "external",
    "registry.plain_http": False,
    "registry.login": None,
    "prerequisites.cert_manager.mode": "external",
    "prerequisites.cert_manager.issuer": "ca-issuer",
    "prerequisites.cert_manager.issuer_kind": "ClusterIssuer",
    "prerequisites.ingress.class_name": "traefik",
    "woodpecker.tls_secret": "woodpecker-tls",
    # Namespaces
    "gitea.namespace": "git-server",
    "registry.namespace": "git-server",
    "woodpecker.chart.namespace": "woodpecker",
    "woodpecker.workspace.namespace": "woodpecker",
    "argo_cd.chart.namespace": "argocd",
    "kargo.chart.namespace": "kargo",
    "projects.stonks-oracle.stages.beta.namespace": "stonks-beta",
    "projects.stonks-oracle.stages.paper.namespace": "stonks-paper",
    "projects.stonks-oracle.stages.live.namespace": "stonks-oracle",
    # NFS
    "storage.server": "192.168.42.8",
    "storage.argo_cd.persistent_volume": "pipeline-argocd-pv",
    "storage.argo_cd.path": "/volume1/Kubernetes/pipelines/argocd",
    "storage.argo_cd.size": "5Gi",
    "storage.kargo.persistent_volume": "pipeline-kargo-pv",
    "storage.kargo.path": "/volume1/Kubernetes/pipelines/kargo",
    "storage.kargo.size": "2Gi",
    "storage.woodpecker.persistent_volume": "pipeline-woodpecker-pv",
    "storage.woodpecker.path": "/volume1/Kubernetes/pipelines/woodpecker",
    "storage.woodpecker.size": "5Gi",
    # Woodpecker
    "woodpecker.chart.name": "woodpecker",
    "woodpecker.chart.release": "woodpecker",
    "woodpecker.database.driver": "sqlite3",
    "woodpecker.storage.kind": "nfs",
    "woodpecker.storage.size": "5Gi",
    "woodpecker.agents.replicas": 2,
    "woodpecker.agents.cluster_role_binding": "woodpecker-agent-inttest",
    "woodpecker.workspace.size": "10G",
    # What goes
    "arc.namespace": "arc-system",
    "arc.scale_sets": ("arc-runner-set",),
    "arc.controller": "arc",
    "arc.persistent_volumes": ("pipeline-arc-pv",),
    # The application
    "projects.stonks-oracle.repository.name": "stonks-oracle",
    "projects.stonks-oracle.repository.branch": "main",
    "projects.stonks-oracle.registry_project": "stonks-oracle",
    "projects.stonks-oracle.watched_image": "query-api",
    "projects.stonks-oracle.chart_path": "infra/helm/stonks-oracle",
    "projects.stonks-oracle.tag_key": "image.tag",
    "projects.stonks-oracle.kargo.warehouse.name": "stonks-images",
    "projects.stonks-oracle.stages.beta.application": "stonks-beta",
    "projects.stonks-oracle.stages.beta.promotion": "auto",
    "projects.stonks-oracle.stages.beta.after": None,
    "projects.stonks-oracle.stages.beta.values_files": ("values.yaml", "values-beta.yaml"),
    "projects.stonks-oracle.stages.paper.application": "stonks-paper",
    "projects.stonks-oracle.stages.paper.promotion": "auto",
    "projects.stonks-oracle.stages.paper.after": "beta",
    "projects.stonks-oracle.stages.paper.values_files": ("values.yaml", "values-paper.yaml"),
    "projects.stonks-oracle.stages.live.application": "stonks-live",
    "projects.stonks-oracle.stages.live.promotion": "manual",
    "projects.stonks-oracle.stages.live.after": "paper",
    "projects.stonks-oracle.stages.live.values_files": ("values.yaml",),
    "projects.stonks-oracle.mirror.remote": "git@github.com:celesrenata/stonks-oracle.git",
}
# What the document says where it would not work, what stands there instead, and a word of the comment that says why.
CORRECTED: Mapping[str, tuple[object, object, str]] = {
    "gitea.endpoint.public_url": ("http://10.1.1.x:30300", "http://10.1.1.11:30300", "10.1.1.x"),
    "registry.bootstrap_url": ("registry.celestium.life:30500", "http://10.1.1.11:30500", "NodePort"),
    "gitea.admin.name": ("admin", "platform", "Not `admin`"),
    "woodpecker.admins": (("admin",), ("platform",), "can't be called `admin`"),
    "projects.stonks-oracle.repository.owner": ("admin", "platform", "Not `admin`"),
    "projects.stonks-oracle.kargo.namespace": ("stonks-oracle", "stonks-oracle-cd", "deletes its namespace"),
    "woodpecker.agents.rbac": ("cluster-admin", "scoped", "Not cluster-admin"),
    "woodpecker.workspace.rwx": (True, False, "hang in Pending"),
    "woodpecker.workspace.storage_class": ("", "local-path", "hang in Pending"),
    "woodpecker.privileged_plugins": (("woodpeckerci/plugin-docker-buildx",), (), "privileged"),
    "projects.stonks-oracle.integration_tests.rbac": ("cluster-admin", "scoped", "In place of cluster-admin"),
    "kargo.host": (None, "stonks-kargo.celestium.life", "names no host"),
}


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    """Return the platform."""
    return load(FILE)


def at(value: object, path: str) -> object:
    """Return what stands at a path."""
    for part in path.split("."):
        if isinstance(value, tuple):
            value = next(each for each in value if each.name == part)
        else:
            assert isinstance(value, BaseModel), path
            value = getattr(value, part)
    return value


@pytest.mark.parametrize(("path", "value"), SEED.items())
def test_a_value_of_the_design_is_a_value_of_the_platform(loaded: Loaded, path: str, value: object) -> None:
    """One for one."""
    assert at(loaded.platform, path) == value


@pytest.mark.parametrize(("path", "change"), CORRECTED.items())
def test_a_value_that_would_not_work_is_another_one_and_a_comment_says_why(
    loaded: Loaded, path: str, change: tuple[object, object, str]
) -> None:
    """Above the line."""
    was, is_now, why = change
    assert at(loaded.platform, path) == is_now != was
    assert why in FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("component", "name", "version"),
    [
        ("woodpecker", "woodpecker", "3.6.5"),
        ("argo_cd", "argo-cd", "10.1.1"),
        ("kargo", "kargo", "1.11.2"),
        ("argo_rollouts", "argo-rollouts", "2.41.0"),
    ],
)
def test_every_chart_has_one_version(loaded: Loaded, component: str, name: str, version: str) -> None:
    """The one that this platform was tried with."""
    chart = at(loaded.platform, f"{component}.chart")
    assert isinstance(chart, BaseModel)
    assert (at(chart, "name"), at(chart, "version")) == (name, version)
    assert at(chart, "source") in {
        "oci://ghcr.io/woodpecker-ci/helm",
        "oci://ghcr.io/akuity/kargo-charts",
        "https://argoproj.github.io/argo-helm",
    }


def test_only_what_the_design_insists_on_is_warned_about(loaded: Loaded) -> None:
    """SQLite on NFS, integration tests beside the server, and a backup without secrets, whose key nobody can make for them."""
    found = {word: each for each in loaded.warnings for word in ("SQLite", "workspace", "recipients") if word in each}
    assert len(loaded.warnings) == len(found) == 3
    assert "woodpecker.storage.kind: SQLite on NFS" in found["SQLite"]
    assert f":{_line('storage: {kind: nfs')}: " in found["SQLite"]
    assert "woodpecker.workspace.namespace: since a project has integration tests" in found["workspace"]
    assert "storage.kargo: no secret is in the nightly export" in found["recipients"]


def _line(text: str) -> int:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def test_the_namespaces_are_those_of_the_design_and_what_its_corrections_need(loaded: Loaded) -> None:
    """By what they are for."""
    by_use: dict[Use, set[str]] = {}
    for each in uses(loaded.platform):
        by_use.setdefault(each.use, set()).add(each.name)
    assert by_use == {
        Use.PLATFORM: {"local-cicd"},
        Use.SERVICE: {"git-server"},
        Use.APPLICATION: {"stonks-beta", "stonks-paper", "stonks-oracle"},
        Use.COMPONENT: {"woodpecker", "argocd", "kargo", "argo-rollouts", "buildkit"},
        Use.KARGO: {"stonks-oracle-cd"},
        Use.TESTS: {"stonks-inttest"},
        Use.ARC: {"arc-system"},
    }


def test_live_is_promoted_to_by_somebody_with_a_name(loaded: Loaded) -> None:
    """And by nobody else."""
    (project,) = loaded.platform.projects
    assert {stage.name: bool(stage.promoters) for stage in project.stages} == {"beta": False, "paper": False, "live": True}


def test_no_secret_stands_in_the_file(loaded: Loaded) -> None:
    """They are generated, or come from the environment."""
    platform = loaded.platform
    (project,) = platform.projects
    assert project.mirror is not None
    assert project.mirror.deploy_key.source == "environment variable STONKS_GITHUB_DEPLOY_KEY"
    assert (platform.gitea.admin.password.generate, platform.kargo.admin_password.generate) == (True, True)


def test_ghcr_is_not_where_images_come_from(loaded: Loaded) -> None:
    """Only the charts of others are fetched from there."""
    assert "ghcr.io/celesrenata" not in FILE.read_text(encoding="utf-8")
    assert loaded.platform.image("registry-push").startswith("registry.celestium.life/")


def test_it_is_plain_yaml(loaded: Loaded) -> None:
    """That every other program reads, too."""
    assert yaml.safe_load(FILE.read_text(encoding="utf-8"))["name"] == loaded.platform.name == "stonks"
