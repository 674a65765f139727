"""Actions Runner Controller: what the platform replaces, and takes away."""

from pydantic import Field

from bootstrap.platform.names import Name, ObjectName
from bootstrap.platform.section import Section


class Arc(Section):
    """An installation of Actions Runner Controller that is removed, in the order that its finalizers need."""

    namespace: Name = "arc-system"
    """Its namespace, which is deleted with all that is in it."""

    scale_sets: tuple[Name, ...] = Field(default=("arc-runner-set",))
    """Helm releases of the runner scale sets, which go first."""

    controller: Name = "arc"
    """Helm release of the controller."""

    persistent_volumes: tuple[ObjectName, ...] = Field(default=("pipeline-arc-pv",))
    """PersistentVolumes that are deleted. What lies on them stays."""

    cluster_role_bindings: tuple[ObjectName, ...] = Field(default=())
    """ClusterRoleBindings that were made by hand for the runners. Those that name only ServiceAccounts of the namespace are deleted."""
