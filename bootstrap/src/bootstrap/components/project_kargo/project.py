"""A Kargo Project, which takes its namespace along when it is deleted unless the namespace is marked."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bootstrap.components.project_kargo import readiness
from bootstrap.core.change import Removal
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Ref
from bootstrap.core.readiness import Judge
from bootstrap.core.resource import ObjectResource

if TYPE_CHECKING:
    from bootstrap.core.context import Context

KEEP = "kargo.akuity.io/keep-namespace"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectResource(ObjectResource):
    """A Project; `down` refuses to delete one that would delete its namespace."""

    ready: Judge = readiness.project

    def removal(self, context: "Context") -> Removal | None:
        """Delete it, unless its namespace would go with it."""
        found = ObjectResource.removal(self, context)
        if found is None or found.kept:
            return found
        self._check(context)
        # With `keep-namespace` Kargo gives the namespace back and touches nothing in it (akuity/kargo pkg/controller/management/projects).
        note = f"its Freight stays in namespace {self.ref.name}, verified for no stage: it begins at the first one"
        return replace(found, note=note)

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Delete it, after another look at its namespace."""
        self._check(context)
        ObjectResource.remove(self, context, deadline)

    def _check(self, context: "Context") -> None:
        name = self.ref.name
        live = context.cluster.get(Ref(api_version="v1", kind="Namespace", name=name))
        if live is None or (live["metadata"].get("annotations") or {}).get(KEEP) == "true":
            return
        raise BootstrapError(
            f"namespace {name} would be deleted with its Kargo project, and all that is in it: it has lost the annotation {KEEP}",
            hint=f"`bootstrap up` puts it back; or: kubectl annotate namespace {name} {KEEP}=true",
        )
