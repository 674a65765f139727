"""The CronJob of an export, in whose status a failed night shows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.core.change import Readiness, State
from bootstrap.core.clock import Deadline
from bootstrap.core.objects import Manifest
from bootstrap.core.readiness import Judge
from bootstrap.core.resource import ObjectResource

if TYPE_CHECKING:
    from bootstrap.core.context import Context


def judge(live: Manifest) -> Readiness:
    """Compare when it last ran with when it last succeeded."""
    status = live.get("status") or {}
    began, succeeded = status.get("lastScheduleTime"), status.get("lastSuccessfulTime")
    # Both are written in UTC, in one form, to the second.
    if not began or status.get("active") or (succeeded and succeeded >= began):
        return Readiness(state=State.READY, message=f"the last backup was made at {succeeded}" if succeeded else "")
    metadata = live["metadata"]
    since = f"the last whole one is of {succeeded}" if succeeded else "there was none before"
    return Readiness(
        state=State.FAILED,
        message=f"the backup of {began} has failed, {since}; kubectl -n {metadata['namespace']} logs -l app.kubernetes.io/name=backup",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob(ObjectResource):
    """A CronJob; that its last run has failed is told by `status`, and is nothing that `up` waits for."""

    ready: Judge = judge

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it runs at night."""
