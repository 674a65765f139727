"""Classes that others have made: IngressClass and StorageClass."""

from collections.abc import Sequence

from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.platform.platform import Platform

_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
# A volume of theirs lies on one node, or is attached to one.
_ONE_NODE = frozenset(
    {
        "rancher.io/local-path",
        "kubernetes.io/no-provisioner",
        "k8s.io/minikube-hostpath",
        "docker.io/hostpath",
        "openebs.io/local",
        "topolvm.io",
        "ebs.csi.aws.com",
        "disk.csi.azure.com",
        "pd.csi.storage.gke.io",
        "csi.hetzner.cloud",
        "rbd.csi.ceph.com",
    }
)
_NETWORK_FILES = ("nfs", "smb", "cifs")


def ingress_class(context: Context) -> None:
    """See that the IngressClass is there, and the pods that NetworkPolicies are to let in."""
    wanted = context.platform.prerequisites.ingress
    ref = Ref(api_version="networking.k8s.io/v1", kind="IngressClass", name=wanted.class_name)
    if context.cluster.get(ref) is None:
        there = _names(context.cluster.list(ref.api_version, ref.kind))
        raise BootstrapError(
            f"there is no IngressClass {wanted.class_name}",
            details=[f"there is: {there}"] if there else ["there is none at all"],
            hint="set `prerequisites.ingress.class_name`; k3s brings Traefik unless it was started with --disable=traefik",
        )
    if not context.cluster.list("v1", "Pod", namespace=wanted.namespace, labels=wanted.pod_labels):
        labels = ",".join(f"{key}={value}" for key, value in wanted.pod_labels.items())
        raise BootstrapError(
            f"the ingress controller has no pods in {wanted.namespace} with the labels {labels}: NetworkPolicies would lock it out",
            hint="set `prerequisites.ingress.namespace` and `pod_labels` to those of its pods: kubectl get pods -A --show-labels",
        )


def storage_classes(platform: Platform) -> dict[str | None, list[str]]:
    """Return which classes are wanted by whom, None for the default class."""
    prerequisites, wanted = platform.prerequisites, dict[str | None, list[str]]()

    def want(name: str | None, who: str) -> None:
        wanted.setdefault(name, []).append(who)

    want(platform.woodpecker.workspace.storage_class, "woodpecker.workspace")
    if platform.buildkit.enabled:
        want(platform.buildkit.storage.storage_class or prerequisites.storage_class, "buildkit.storage")
    if platform.woodpecker.storage.kind == "block":
        want(platform.woodpecker.storage.storage_class or prerequisites.storage_class, "woodpecker.storage")
    if platform.registry.mode == "install":
        want(platform.registry.install.storage_class or prerequisites.storage_class, "registry.install")
    if platform.gitea.mode == "install":
        want(platform.gitea.install.storage_class or prerequisites.storage_class, "gitea.install")
    return wanted


def storage_class(context: Context, name: str | None) -> None:
    """See that a class is there, and can do what those who want it need."""
    users = storage_classes(context.platform)[name]
    classes = context.cluster.list("storage.k8s.io/v1", "StorageClass")
    found = next((each for each in classes if _is(each, name)), None)
    if found is None:
        there = _names(classes)
        missing = f"there is no StorageClass {name}" if name else "no StorageClass is the cluster's default one"
        raise BootstrapError(
            f"{missing}, and {_listed(users)} would wait for a volume for ever",
            details=[f"there is: {there}"] if there else ["there is none at all"],
            hint="set `prerequisites.storage_class` to one that is there" if there else "install a provisioner; k3s brings local-path",
        )
    provisioner, called = str(found.get("provisioner")), found["metadata"]["name"]
    workspace = context.platform.woodpecker.workspace
    if workspace.rwx and "woodpecker.workspace" in users and provisioner in _ONE_NODE:
        raise BootstrapError(
            f"StorageClass {called} ({provisioner}) can't make volumes for several nodes:"
            " with `woodpecker.workspace.rwx: true` all pipelines would hang in Pending",
            hint="name a class that can (NFS, CephFS, Longhorn) in `prerequisites.rwx_storage_class`, or write `rwx: false`",
        )
    if "buildkit.storage" in users and any(sign in provisioner.lower() for sign in _NETWORK_FILES):
        raise BootstrapError(
            f"StorageClass {called} ({provisioner}) keeps its volumes on a file server:"
            " BuildKit's cache needs overlayfs, which can't lie there",
            hint="name a class of local or block volumes in `buildkit.storage.storage_class`, such as k3s' local-path",
        )


def _is(found: Manifest, name: str | None) -> bool:
    if name is not None:
        return bool(found["metadata"]["name"] == name)
    annotations = found["metadata"].get("annotations") or {}
    return any(annotations.get(key) == "true" for key in _DEFAULT)


def _names(found: Sequence[Manifest]) -> str:
    return ", ".join(sorted(each["metadata"]["name"] for each in found))


def _listed(users: Sequence[str]) -> str:
    return users[0] if len(users) == 1 else f"{', '.join(users[:-1])} and {users[-1]}"
