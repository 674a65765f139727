"""A Kargo Project, which takes its namespace along when it is deleted unless the namespace is marked."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bootstrap.components.project_kargo import readiness
from bootstrap.core.change import Change, Observation, Readiness, Removal
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.resource import ObjectResource

if TYPE_CHECKING:
    from bootstrap.core.context import Context

KEEP = "kargo.akuity.io/keep-namespace"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectResource:
    """A Project; `down` refuses to delete one that would delete its namespace."""

    manifest: Manifest

    @property
    def label(self) -> str:
        """How a person knows it."""
        return self._object.label

    def observe(self, context: "Context") -> Observation:
        """Find out what differs."""
        return self._object.observe(context)

    def apply(self, context: "Context", change: Change) -> None:
        """Apply the manifest."""
        self._object.apply(context, change)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until Kargo has set it up."""
        self._object.verify(context, deadline)

    def status(self, context: "Context") -> Readiness:
        """Say whether Kargo has set it up."""
        return self._object.status(context)

    def removal(self, context: "Context") -> Removal | None:
        """Delete it, unless its namespace would go with it."""
        found = self._object.removal(context)
        if found is None or found.kept:
            return found
        self._check(context)
        # With `keep-namespace` Kargo gives the namespace back and touches nothing in it (akuity/kargo pkg/controller/management/projects).
        note = f"its Freight stays in namespace {self._object.ref.name}, verified for no stage: it begins at the first one"
        return replace(found, note=note)

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Delete it, after another look at its namespace."""
        self._check(context)
        self._object.remove(context, deadline)

    @property
    def _object(self) -> ObjectResource:
        return ObjectResource(manifest=self.manifest, ready=readiness.project)

    def _check(self, context: "Context") -> None:
        name = self._object.ref.name
        live = context.cluster.get(Ref(api_version="v1", kind="Namespace", name=name))
        if live is None or (live["metadata"].get("annotations") or {}).get(KEEP) == "true":
            return
        raise BootstrapError(
            f"namespace {name} would be deleted with its Kargo project, and all that is in it: it has lost the annotation {KEEP}",
            hint=f"`bootstrap up` puts it back; or: kubectl annotate namespace {name} {KEEP}=true",
        )
