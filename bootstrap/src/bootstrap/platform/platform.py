"""The whole of `platform.yaml`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from bootstrap.platform.arc import Arc
from bootstrap.platform.argocd import ArgoCd
from bootstrap.platform.backup import Backup
from bootstrap.platform.break_glass import BreakGlass
from bootstrap.platform.buildkit import BuildKit
from bootstrap.platform.ca import CaBundle
from bootstrap.platform.duration import Duration
from bootstrap.platform.gitea import Gitea
from bootstrap.platform.images import Images
from bootstrap.platform.kargo import Kargo
from bootstrap.platform.market_gate import MarketGate
from bootstrap.platform.names import Host, Name
from bootstrap.platform.prerequisites import Prerequisites
from bootstrap.platform.project import Project
from bootstrap.platform.registry import Registry
from bootstrap.platform.rollouts import ArgoRollouts
from bootstrap.platform.section import Section, within
from bootstrap.platform.stage import Stage
from bootstrap.platform.storage import Storage
from bootstrap.platform.woodpecker import Woodpecker

NAMESPACE = "local-cicd"


class Timeouts(Section):
    """How long is waited. Each Helm release has a `timeout` of its own."""

    request: Duration = timedelta(seconds=10)
    """For one answer of the Kubernetes API, Gitea, Woodpecker or the registry."""

    ready: Duration = timedelta(minutes=5)
    """For one object to be in order: a Deployment, a certificate, a Kargo project."""

    deleted: Duration = timedelta(minutes=5)
    """For one object to be gone: a namespace, a runner scale set."""


class Platform(Section):
    """What is there once for all projects, and the projects."""

    version: Literal[1] = 1
    """Version of this file's format."""

    name: Name = "local-cicd"
    """Name of the platform, a label of all its objects."""

    domain: Host
    """Domain of the host names that are not given one by one."""

    context: str | None = None
    """Context of the kubeconfig that this file belongs to; another one is refused. Default: the current one."""

    namespace: Name = NAMESPACE
    """Namespace of the platform itself: its lock, the Secrets of record and the records of break-glass. `bootstrap down` leaves it."""

    labels: Mapping[str, str] = Field(default={})
    """Labels that all objects get, beside the platform's own."""

    ca: CaBundle | None = None
    """The CA that signed the certificates of Gitea, registry and ingresses: `{file: path}`, `{secret: {namespace, name, key}}` or
    `{config_map: {namespace, name, key}}`. All parts of the platform are told to trust it. Default: what the system trusts."""

    hand_managers: tuple[str, ...] = Field(default=("kubectl*", "k9s", "Lens"))
    """Field managers whose changes are put right, since they were made by hand. Those of any other manager are a conflict, which
    `--take-over` decides."""

    timeouts: Timeouts = Timeouts()
    """How long is waited."""

    prerequisites: Prerequisites
    """What the cluster must have."""

    storage: Storage | None = None
    """Volumes on NFS. Default: none."""

    gitea: Gitea
    """The forge."""

    registry: Registry
    """The registry."""

    images: Images = Images()
    """This project's own images."""

    buildkit: BuildKit = BuildKit()
    """What builds the images."""

    woodpecker: Woodpecker
    """The CI server."""

    argo_rollouts: ArgoRollouts = ArgoRollouts()
    """What runs verifications."""

    argo_cd: ArgoCd
    """What brings the charts in Git to the cluster."""

    kargo: Kargo
    """What promotes."""

    market_gate: MarketGate
    """What says whether a promotion may run now."""

    break_glass: BreakGlass = BreakGlass()
    """Letting promotions through although it says no."""

    backup: Backup = Backup()
    """The nightly export of what is nowhere else."""

    arc: Arc | None = None
    """An Actions Runner Controller that is removed first. Default: nothing is removed."""

    projects: tuple[Project, ...] = Field(default=())
    """The projects. Adding one changes nothing of the others."""

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Make host names of the domain, and give the parts what they have from each other."""
        filled = dict(data)
        domain = data.get("domain")
        # Only to find what else is wrong; without a domain nothing is valid.
        domain = domain if isinstance(domain, str) else "invalid"
        hosts = {"registry": "registry", "woodpecker": "ci", "argo_cd": "argocd", "kargo": "kargo"}
        for key, prefix in hosts.items():
            _fill(filled, key, {"host": f"{prefix}.{domain}"})
        _fill(filled, "prerequisites", {})
        namespace = data.get("namespace")
        _fill(filled, "market_gate", {"namespace": namespace if isinstance(namespace, str) else NAMESPACE})
        gitea = within(filled, "gitea")
        if gitea is not None:
            filled["gitea"] = gitea
            _fill(gitea, "endpoint", {"public_url": f"https://gitea.{domain}"})
        admin = within(gitea or {}, "admin") or {}
        user = admin.get("name") or "platform"
        _fill(filled, "woodpecker", {"admins": [user]})
        _fill_storage_class(filled)
        if isinstance(projects := data.get("projects"), list | tuple):
            filled["projects"] = [_with_owner(project, user) for project in projects]
        return filled

    @property
    def guarded(self) -> Mapping[str, tuple[Stage, ...]]:
        """The stages that the market gate guards, by Kargo project; without any there is no gate, and no break-glass."""
        stages = {project.kargo.namespace: tuple(stage for stage in project.stages if stage.gate) for project in self.projects}
        return {project: guarded for project, guarded in stages.items() if guarded}

    def image(self, name: str) -> str:
        """Return the full name of one of this project's own images, as pipelines and pods name it."""
        return f"{self.registry.host}/{self.images.project}/{name}:{self.images.tag}"


def _fill(data: dict[str, Any], key: str, defaults: Mapping[str, object]) -> None:
    section = within(data, key)
    if section is not None:
        data[key] = {**defaults, **{each: value for each, value in section.items() if value is not None or each not in defaults}}


def _fill_storage_class(data: dict[str, Any]) -> None:
    prerequisites, woodpecker = within(data, "prerequisites") or {}, within(data, "woodpecker") or {}
    workspace = within(woodpecker, "workspace")
    if workspace is None or not isinstance(data.get("woodpecker", {}), Mapping):
        return
    chosen = prerequisites.get("rwx_storage_class" if workspace.get("rwx") is True else "storage_class")
    _fill(woodpecker, "workspace", {"storage_class": chosen})
    data["woodpecker"] = woodpecker


def _with_owner(project: object, user: object) -> object:
    if not isinstance(project, Mapping):
        return project
    filled = dict(project)
    _fill(filled, "repository", {"owner": user})
    return filled
