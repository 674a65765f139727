"""The rules for records of break-glass, and who may make one."""

from collections.abc import Sequence

from bootstrap.break_glass.policy import archive_in_force, archive_values, in_force, values
from bootstrap.components.break_glass.binding import BindingResource
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, load_manifest
from bootstrap.core.resource import ObjectResource, Resource
from bootstrap.platform.people import People
from bootstrap.platform.platform import Platform

_GROUP = "rbac.authorization.k8s.io"
_KEPT = "it protects the records of break-glass; `bootstrap down --forget-secrets` deletes both"


class BreakGlass:
    """What the API server asks of a record, and the right to make one. `down` takes the right; the policies stay as long as the records."""

    name = "break-glass"
    title = "Break-glass"
    needs: tuple[str, ...] = ("namespaces",)

    def enabled(self, platform: Platform) -> bool:
        """Tell whether there is a gate that could be broken."""
        return bool(platform.guarded)

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return policies and rights; the rights come last, when the policies are there that they are bound by."""
        platform = context.platform
        kept = "" if context.options.forget_secrets else _KEPT
        policy, binding = load_manifest(__package__, "policy.yaml", values(platform))
        archive_policy, archive_binding = load_manifest(__package__, "archive.yaml", archive_values(platform))
        rights = load_manifest(
            __package__, "rights.yaml", {"namespace": platform.namespace, "operators": subjects(platform.break_glass.operators)}
        )
        return [
            ObjectResource(manifest=policy, kept=kept),
            BindingResource(manifest=binding, in_force=in_force, kept=kept),
            ObjectResource(manifest=archive_policy, kept=kept),
            BindingResource(manifest=archive_binding, in_force=archive_in_force, kept=kept),
            *(ObjectResource(manifest=each, replaceable=each["kind"] == "RoleBinding") for each in rights),
        ]


def subjects(people: People) -> list[Manifest]:
    """Return people as a binding names them."""
    named = [("User", name) for name in people.users] + [("Group", name) for name in people.groups]
    return [{"kind": kind, "apiGroup": _GROUP, "name": name} for kind, name in named]
