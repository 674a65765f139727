"""Which file an object goes into: the seed's layout, and by kind where that says nothing. Pure."""

import re

from bootstrap.core.objects import Manifest

NAMESPACES = "namespaces.yaml"
_FOLDERS = {
    "storage": "pvs",
    "argo-cd": "argocd",
    "project-argo-cd": "argocd",
    "project-kargo": "kargo",
    "project-woodpecker": "woodpecker",
}
_RIGHTS = frozenset({"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105  a type of Secret
_FILES = {
    ("namespaces", "Namespace"): NAMESPACES,
    ("storage", "PersistentVolume"): "pvs/{claimed}-pv.yaml",
    ("storage", "PersistentVolumeClaim"): "pvs/{namespace}-claim.yaml",
    ("project-argo-cd", "Secret"): "argocd/repo-secret.yaml",
    ("project-argo-cd", "Application"): "argocd/apps/{name}.yaml",
    ("project-kargo", "Secret"): "kargo/credentials.yaml",
    ("project-kargo", "Stage"): "kargo/stages/{name}.yaml",
    ("woodpecker", "rights"): "woodpecker/agent-rbac.yaml",
    ("project-woodpecker", "rights"): "woodpecker/agent-rbac.yaml",
}
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def folder_of(component: str) -> str:
    """Return the folder of a component."""
    return _FOLDERS.get(component, component)


def file_of(component: str, manifest: Manifest) -> str:
    """Return the file of an object; those of several projects lie in one."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    # The token of an account can't be made before the account.
    if kind in _RIGHTS or manifest.get("type") == _TOKEN:
        kind = "rights"
    claimed = (manifest.get("spec") or {}).get("claimRef") or {}
    pattern = _FILES.get((component, kind))
    if pattern is None:
        name = "rbac" if kind == "rights" else _WORD.sub("-", kind).lower()
        return f"{folder_of(component)}/{name}.yaml"
    return pattern.format(name=metadata["name"], namespace=metadata.get("namespace"), claimed=claimed.get("namespace"))
