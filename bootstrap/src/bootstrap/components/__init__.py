"""The components of a platform, each a folder with its code and its manifests; core/component.py says how to write one."""

from collections.abc import Sequence

from bootstrap.components.arc.component import Arc
from bootstrap.components.argo_cd.component import ArgoCd
from bootstrap.components.argo_rollouts.component import ArgoRollouts
from bootstrap.components.backup.component import Backup
from bootstrap.components.break_glass.component import BreakGlass
from bootstrap.components.buildkit.component import BuildKit
from bootstrap.components.cert_manager.component import CertManager
from bootstrap.components.gitea.component import Forge
from bootstrap.components.images.component import Images
from bootstrap.components.kargo.component import Kargo
from bootstrap.components.market_gate.component import MarketGate
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.prerequisites.component import Prerequisites
from bootstrap.components.project_argo_cd.component import ProjectArgoCd
from bootstrap.components.project_kargo.component import ProjectKargo
from bootstrap.components.project_repository.component import ProjectRepository
from bootstrap.components.project_woodpecker.component import ProjectWoodpecker
from bootstrap.components.registry.component import ContainerRegistry
from bootstrap.components.storage.component import Storage
from bootstrap.components.woodpecker.component import Woodpecker
from bootstrap.core.component import Component

COMPONENTS: Sequence[Component] = (
    Prerequisites(),
    Arc(),
    Namespaces(),
    Storage(),
    CertManager(),
    ContainerRegistry(),
    Forge(),
    Images(),
    BuildKit(),
    Woodpecker(),
    ArgoRollouts(),
    ArgoCd(),
    Kargo(),
    BreakGlass(),
    MarketGate(),
    ProjectRepository(),
    ProjectArgoCd(),
    ProjectKargo(),
    ProjectWoodpecker(),
    Backup(),
)
"""In the order of `up`."""
