"""Actions Runner Controller: scale sets, controller, CRDs, bindings, namespace and volumes, in the only order that comes to an end."""

from collections.abc import Sequence

from bootstrap.components.arc import runners
from bootstrap.components.arc.departure import Binding, Controller, Definition, Namespace, Object, Runners, ScaleSet, Volume
from bootstrap.core.context import Context
from bootstrap.core.objects import Ref
from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform


class Arc:
    """What the platform replaces: found and taken away, or not there and nothing to do."""

    name = "arc"
    title = "Removal of Actions Runner Controller"
    needs: tuple[str, ...] = ("prerequisites",)

    def enabled(self, platform: Platform) -> bool:
        """Tell whether platform.yaml names one."""
        return platform.arc is not None

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return what has to go, in the order in which it can."""
        arc = context.platform.arc
        assert arc is not None  # noqa: S101  else it is not enabled
        namespace = arc.namespace

        def release(kind: type[ScaleSet] | type[Controller], name: str) -> ScaleSet | Controller:
            return kind(label=f"Helm release {namespace}/{name}", namespace=namespace, release=name)

        def one(kind: type[Object], ref: Ref) -> Object:
            return kind(label=ref.label, namespace=namespace, ref=ref)

        bindings = [
            Ref(api_version="rbac.authorization.k8s.io/v1", kind="ClusterRoleBinding", name=name) for name in arc.cluster_role_bindings
        ]
        volumes = [Ref(api_version="v1", kind="PersistentVolume", name=name) for name in arc.persistent_volumes]
        scale_sets = tuple(release(ScaleSet, name) for name in arc.scale_sets)
        return [
            *scale_sets,
            Runners(label=f"Runners in {namespace}", namespace=namespace, scale_sets=scale_sets),
            release(Controller, arc.controller),
            *(one(Definition, runners.crd(name)) for name in runners.CRDS),
            *(one(Binding, ref) for ref in bindings),
            one(Namespace, Ref(api_version="v1", kind="Namespace", name=namespace)),
            # Behind the namespace: a volume stays as long as a claim in it has it.
            *(one(Volume, ref) for ref in volumes),
        ]
