"""Who may promote to which stage by hand."""

from collections.abc import Sequence

from bootstrap.components.absent import Absent
from bootstrap.core.objects import Manifest, Ref, load_manifest
from bootstrap.core.resource import ObjectResource, Resource
from bootstrap.platform.project import Project
from bootstrap.platform.stage import Stage

_GROUP = "rbac.authorization.k8s.io"


def promoters(project: Project, stage: Stage) -> Sequence[Resource]:
    """Return the right to promote to a manual stage; of any other stage, that nobody has it any longer."""
    namespace = project.kargo.namespace
    role = f"promote-{stage.name}"
    if stage.promotion != "manual" or not stage.promoters:
        binding = Ref(api_version=f"{_GROUP}/v1", kind="RoleBinding", name=role, namespace=namespace)
        reason = "platform.yaml names nobody who promotes" if stage.promotion == "manual" else "the stage is promoted by itself"
        return [Absent(ref=binding, reason=reason)]
    values = {"role": role, "namespace": namespace, "stage": stage.name, "subjects": _subjects(stage)}
    manifests = load_manifest(__package__, "promoters.yaml", values)
    return [ObjectResource(manifest=each, replaceable=each["kind"] == "RoleBinding") for each in manifests]


def _subjects(stage: Stage) -> list[Manifest]:
    named = [("User", name) for name in stage.promoters.users] + [("Group", name) for name in stage.promoters.groups]
    return [{"kind": kind, "apiGroup": _GROUP, "name": name} for kind, name in named]
