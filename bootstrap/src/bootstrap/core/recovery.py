"""A Helm release whose operation died in the middle: Helm itself refuses to touch it ("another operation is in progress")."""

from typing import TYPE_CHECKING, Protocol

from bootstrap.core import rollout
from bootstrap.core.errors import BootstrapError, HelmError
from bootstrap.core.history import HOLDER, ROLLBACK, History, Revision

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_ROLLBACK_SECONDS = 120.0
_SPARE_SECONDS = 60.0


class Release(Protocol):
    """What recovery needs to know."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def label(self) -> str:
        """How a person knows it."""

    @property
    def timeout(self) -> float:
        """Seconds for one operation."""


def undecided(context: "Context", release: Release, last: Revision) -> BootstrapError | None:
    """Return why a pending revision must not be touched: somebody may still be at work on it."""
    if last.holder is not None:
        if last.holder == context.guard.holder or context.guard.is_dead(last.holder):
            return None
        who = f"by another run of bootstrap, {last.holder}"
    else:
        age = (context.cluster.now() - last.since).total_seconds()
        if age > release.timeout + _SPARE_SECONDS:
            return None
        who = "by somebody else"
    return HelmError(
        f"{release.label} is {last.status} since {last.since:%Y-%m-%d %H:%M:%S} UTC, {who}",
        hint="wait until that is over; where nobody is at work on it, it is recovered by itself "
        f"when it is older than the timeout of the release ({release.timeout:.0f} s)",
    )


def recover(context: "Context", release: Release, there: History) -> None:
    """End the pending operation, so that Helm takes the release again."""
    last = there.last
    if last is None or not last.pending:
        return
    if doubt := undecided(context, release, last):
        raise doubt
    context.guard.check()
    if last.status == "uninstalling":
        context.console.detail(f"{release.label}: its removal was interrupted, and is ended first")
        context.helm.uninstall(release=release.name, namespace=release.namespace, timeout=release.timeout)
        return
    good = [revision for revision in there.revisions if revision.status in {"deployed", "superseded"}]
    # Where there is none, as after a first installation: to what was begun. Helm then knows what it has made, and the upgrade takes away
    # what nobody wants. `helm uninstall` would also delete objects that were there before; without its record Helm leaves fields behind.
    aim = good[-1] if good else last
    context.console.detail(f"{release.label}: {last.status} was interrupted; revision {aim.number} is set up again first")
    # A run that dies over the rollback leaves a pending revision, too, which the next one has to know for its own.
    signs = {HOLDER: context.guard.holder, ROLLBACK: str(last.number + 1)}
    context.cluster.patch(aim.secret, {"metadata": {"labels": signs}})
    # Not waited for: where pods of a StatefulSet hang, it is what comes next that frees them.
    context.helm.rollback(release=release.name, namespace=release.namespace, revision=aim.number, timeout=_ROLLBACK_SECONDS)
    rollout.free_stateful_sets(context, [context.cluster.placed(each, release.namespace) for each in aim.objects(only={"StatefulSet"})])
