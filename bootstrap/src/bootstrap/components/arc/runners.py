"""The objects of Actions Runner Controller: what runs, and what holds on to them.

Kinds, finalizers and fields: actions/actions-runner-controller, apis/actions.github.com/v1alpha1 and controllers/actions.github.com.
"""

from collections.abc import Sequence
from contextlib import suppress

from bootstrap.core.context import Context
from bootstrap.core.errors import AbsentError
from bootstrap.core.objects import Manifest, Ref, ref_of

GROUP = "actions.github.com"
API_VERSION = f"{GROUP}/v1alpha1"
# Children first: that is the order in which finalizers can be taken away without making new children.
KINDS = ("EphemeralRunner", "EphemeralRunnerSet", "AutoscalingListener", "AutoscalingRunnerSet")
CRDS = tuple(f"{kind.lower()}s.{GROUP}" for kind in KINDS)
_OVER = frozenset({"Succeeded", "Failed", "Outdated"})
# Secrets, roles and accounts that the runners need until they are gone carry `actions.github.com/cleanup-protection`.
_PROTECTED = (
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
)


def left(context: Context, namespace: str | None = None) -> Sequence[Manifest]:
    """Return the objects of its own kinds, children first; by default those of all namespaces."""
    return [each for kind in KINDS for each in context.cluster.list(API_VERSION, kind, namespace=namespace)]


def busy(context: Context, namespace: str) -> Sequence[str]:
    """Say of each runner that is at work what it does: who goes on loses that job."""
    found = []
    for runner in context.cluster.list(API_VERSION, "EphemeralRunner", namespace=namespace):
        status = runner.get("status") or {}
        # Controllers before 0.12 know no jobId.
        has_job = any(status.get(key) for key in ("jobId", "jobRequestId", "jobRepositoryName"))
        if has_job and status.get("phase") not in _OVER:
            job, where = status.get("jobDisplayName") or "a job", status.get("jobRepositoryName") or "an unknown repository"
            found.append(f"{runner['metadata']['name']} runs {job} of {where}")
    return found


def held(context: Context, namespace: str) -> Sequence[Manifest]:
    """Return what carries a finalizer of the controller, children first."""
    protected = [each for api_version, kind in _PROTECTED for each in context.cluster.list(api_version, kind, namespace=namespace)]
    return [each for each in (*left(context, namespace), *protected) if _own(each)]


def release_finalizers(context: Context, namespace: str) -> int:
    """Take the controller's finalizers away, and delete what its own kinds have left; return of how many objects.

    What the finalizers stand for is not done: GitHub drops the runners by itself after a day.
    """
    count = 0
    for live in held(context, namespace):
        context.guard.check()
        ref = ref_of(live)
        if ref.api_version == API_VERSION:
            context.cluster.delete(ref)
        kept = [name for name in live["metadata"]["finalizers"] if name not in _own(live)]
        # With the finalizers that were seen: one that somebody has added since stays.
        test = {"op": "test", "path": "/metadata/finalizers", "value": live["metadata"]["finalizers"]}
        with suppress(AbsentError):
            context.cluster.patch(ref, [test, {"op": "replace", "path": "/metadata/finalizers", "value": kept}])
        count += 1
    return count


def written(objects: Sequence[Manifest]) -> list[str]:
    """Name objects and what holds them, one line each."""
    return [f"{ref_of(each).label} (finalizers: {', '.join(each['metadata'].get('finalizers') or ()) or 'none'})" for each in objects]


def controllers(context: Context) -> Sequence[Manifest]:
    """Return the Deployments of controllers in all namespaces, by the label that the scale sets' own chart finds them by."""
    return context.cluster.list("apps/v1", "Deployment", labels={"app.kubernetes.io/part-of": "gha-rs-controller"})


def crd(name: str) -> Ref:
    """Return which CRD."""
    return Ref(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition", name=name)


def _own(live: Manifest) -> list[str]:
    names = live["metadata"].get("finalizers") or ()
    return [str(name) for name in names if f".{GROUP}/" in f".{name}"]
