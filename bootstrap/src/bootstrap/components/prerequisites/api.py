"""The API server: its version, and what this user may do there."""

from collections.abc import Sequence
from dataclasses import dataclass

from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Ref
from plugin_kit import parallel

# Where securityContext.appArmorProfile became a field (KEP-24): an older server refuses BuildKit's pods because of it.
OLDEST = (1, 30)
_RBAC = "rbac.authorization.k8s.io/v1"
_ALL = ("get", "list", "create", "patch", "delete")
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Verbs on a kind, in all namespaces."""

    api_version: str
    kind: str
    verbs: Sequence[str] = _ALL


RIGHTS: Sequence[Right] = (
    Right(api_version="v1", kind="Namespace"),
    Right(api_version="v1", kind="Node", verbs=("get", "list")),
    Right(api_version="v1", kind="PersistentVolume"),
    Right(api_version="v1", kind="PersistentVolumeClaim"),
    Right(api_version="v1", kind="Secret"),
    Right(api_version="v1", kind="ConfigMap"),
    Right(api_version="v1", kind="Service"),
    Right(api_version="v1", kind="ServiceAccount"),
    Right(api_version="v1", kind="Pod"),
    Right(api_version="v1", kind="Event", verbs=("list",)),
    Right(api_version="apps/v1", kind="Deployment"),
    Right(api_version="apps/v1", kind="StatefulSet"),
    Right(api_version="networking.k8s.io/v1", kind="Ingress"),
    Right(api_version="networking.k8s.io/v1", kind="NetworkPolicy"),
    Right(api_version="networking.k8s.io/v1", kind="IngressClass", verbs=("get", "list")),
    Right(api_version="storage.k8s.io/v1", kind="StorageClass", verbs=("get", "list")),
    Right(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition"),
    Right(api_version="coordination.k8s.io/v1", kind="Lease"),
    # The charts, and the platform itself, make roles with rights that nobody has by themselves: who may not escalate is refused.
    Right(api_version=_RBAC, kind="Role", verbs=(*_ALL, "escalate", "bind")),
    Right(api_version=_RBAC, kind="RoleBinding"),
    Right(api_version=_RBAC, kind="ClusterRole", verbs=(*_ALL, "escalate", "bind")),
    Right(api_version=_RBAC, kind="ClusterRoleBinding"),
)
_ADMISSION = "admissionregistration.k8s.io/v1"
GUARDED: Sequence[Right] = (
    Right(api_version=_ADMISSION, kind="ValidatingAdmissionPolicy"),
    Right(api_version=_ADMISSION, kind="ValidatingAdmissionPolicyBinding"),
    Right(api_version="policy/v1", kind="PodDisruptionBudget"),
)
"""What it takes besides where stages have a `gate`."""


def version(context: Context) -> None:
    """See that the API server is not too old."""
    found = context.cluster.version()
    if (found.major, found.minor) < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise BootstrapError(
            f"the cluster runs Kubernetes {found}, and {needed} is the oldest that can do what is needed",
            hint="upgrade it; k3s: curl the installer with INSTALL_K3S_CHANNEL=stable on each node, the servers first",
        )


def rights(context: Context) -> None:
    """See that the user may do what `up` does, dry-runs of the plan included; name every right that is missing."""
    # An administrator may do everything, and one answer says so.
    if context.cluster.can("*", Ref(api_version="*/*", kind="*", name="")):
        return
    wanted = (*RIGHTS, *GUARDED) if context.platform.guarded else RIGHTS
    asked = [(right, verb) for right in wanted for verb in right.verbs]

    def is_allowed(item: tuple[Right, str]) -> bool:
        right, verb = item
        return context.cluster.can(verb, Ref(api_version=right.api_version, kind=right.kind, name=""))

    allowed = parallel.each(is_allowed, asked, at_once=_AT_ONCE)
    missing: dict[Right, list[str]] = {}
    for (right, verb), is_given in zip(asked, allowed, strict=True):
        if not is_given:
            missing.setdefault(right, []).append(verb)
    if missing:
        raise BootstrapError(
            "this user may not do everything that is needed on the cluster",
            details=[f"may not {', '.join(verbs)}: {_resource(right)}" for right, verbs in missing.items()],
            hint="take a kubeconfig of an administrator;"
            " or: kubectl create clusterrolebinding bootstrap --clusterrole=cluster-admin --user=NAME",
        )


def _resource(right: Right) -> str:
    group = right.api_version.rpartition("/")[0]
    return f"{right.kind}{f' ({group})' if group else ''}"
