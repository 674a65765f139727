"""A Stage, and what goes with it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bootstrap.core.change import Removal
from bootstrap.core.resource import ObjectResource

if TYPE_CHECKING:
    from bootstrap.core.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResource(ObjectResource):
    """A Stage; its controller has to let it go."""

    def removal(self, context: "Context") -> Removal | None:
        """Delete it, and say what Kargo forgets with it."""
        found = ObjectResource.removal(self, context)
        if found is None or found.kept:
            return found
        # Promotions are owned by their Stage; its finalizer takes the Stage out of `verifiedIn` and `approvedFor` of all Freight
        # (akuity/kargo pkg/controller/stages).
        return replace(found, note="with the history of its promotions; no Freight counts as verified or approved here any more")
