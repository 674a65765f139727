"""Things that have to go. Once gone they are no part of the platform: `status` and `down` know nothing of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from bootstrap.components.arc import runners
from bootstrap.core import readiness
from bootstrap.core.change import READY, Action, Change, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError, HelmError, WaitError
from bootstrap.core.objects import Manifest, Ref

_HANGS = (
    "the controller is to clean up first and does not; --remove-finalizers takes its finalizers away,"
    " and GitHub drops the runners by itself"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure(ABC):
    """One thing that has to go; who inherits says whether it is there and how it goes."""

    label: str
    namespace: str

    @abstractmethod
    def present(self, context: Context) -> bool:
        """Tell whether it is there."""

    @abstractmethod
    def leave(self, context: Context) -> None:
        """Make it go, and wait where the next thing must not go before."""

    def note(self, context: Context) -> str:
        """Say in the plan what goes along."""
        del context
        return ""

    def problem(self, context: Context) -> BootstrapError | None:
        """Say why it must not go like this."""
        del context
        return None

    def observe(self, context: Context) -> Observation:
        """Nothing there is nothing to do."""
        if not self.present(context):
            return Observation()
        change = Change(resource=self.label, action=Action.DELETE, note=self.note(context))
        return Observation(change=change, problem=self.problem(context))

    def apply(self, context: Context, change: Change) -> None:
        """Make it go."""
        del change
        context.guard.check()
        self.leave(context)

    def verify(self, context: Context, deadline: Deadline) -> None:
        """Wait until it is gone."""
        del deadline  # that is for things that come
        until = context.deadline(context.platform.timeouts.deleted)
        context.waiter.wait(f"Deletion of {self.label}", lambda: self.status(context), deadline=until, hint=_HANGS)

    def status(self, context: Context) -> Readiness:
        """Gone is as it should be."""
        return Readiness(state=State.PROGRESSING, message="is still there") if self.present(context) else READY

    def removal(self, context: Context) -> Removal | None:
        """Not a part of the platform."""
        del context
        return None

    def remove(self, context: Context, deadline: Deadline) -> None:
        """Not a part of the platform."""
        del context, deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Departure):
    """A Helm release."""

    release: str

    def present(self, context: Context) -> bool:
        """Look for Helm's own records of it."""
        return bool(context.cluster.list("v1", "Secret", namespace=self.namespace, labels={"owner": "helm", "name": self.release}))

    def leave(self, context: Context) -> None:
        """Let Helm uninstall it."""
        timeout = context.platform.timeouts.deleted.total_seconds()
        context.helm.uninstall(release=self.release, namespace=self.namespace, timeout=timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSet(Release):
    """The release of a runner scale set; its controller must outlive it, or its finalizers stay for ever."""

    def note(self, context: Context) -> str:
        """Warn of jobs that would be lost."""
        jobs = runners.busy(context, self.namespace)
        return f"a job is lost: {'; '.join(jobs)}" if jobs else ""

    def leave(self, context: Context) -> None:
        """Uninstall it and wait until its runners are gone."""
        if context.options.remove_finalizers and not _is_alive(context):
            runners.release_finalizers(context, self.namespace)
        try:
            Release.leave(self, context)
        except HelmError as error:
            # Helm only says that the time is over; what hangs is said below.
            if not runners.left(context, self.namespace):
                raise
            _wait_for_runners(context, self.namespace, context.deadline(0), cause=error)
            Release.leave(self, context)
        _wait_for_runners(context, self.namespace, context.deadline(context.platform.timeouts.deleted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Runners(Departure):
    """Runners and scale sets that no release is left of."""

    scale_sets: tuple[Release, ...]

    def present(self, context: Context) -> bool:
        """Those of a release go along with it."""
        return not any(each.present(context) for each in self.scale_sets) and bool(runners.left(context, self.namespace))

    def note(self, context: Context) -> str:
        """Say how many there are."""
        return f"{len(runners.left(context, self.namespace))} objects whose Helm release is gone already"

    def leave(self, context: Context) -> None:
        """Delete them, parents first, as their controller wants it."""
        for live in reversed(runners.left(context, self.namespace)):
            context.cluster.delete(
                Ref(api_version=runners.API_VERSION, kind=live["kind"], name=live["metadata"]["name"], namespace=self.namespace)
            )
        length = context.platform.timeouts.deleted if _is_alive(context) else 0
        _wait_for_runners(context, self.namespace, context.deadline(length))


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller(Release):
    """The release of the controller."""

    def problem(self, context: Context) -> BootstrapError | None:
        """Runners elsewhere need it, unless somebody else's controller looks after them."""
        return _strays(context, self.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Object(Departure):
    """One object of the cluster."""

    ref: Ref

    def present(self, context: Context) -> bool:
        """Look for it."""
        return context.cluster.get(self.ref) is not None

    def leave(self, context: Context) -> None:
        """Delete it."""
        context.cluster.delete(self.ref)

    def status(self, context: Context) -> Readiness:
        """Say what it waits for."""
        live = context.cluster.get(self.ref)
        return READY if live is None else Readiness(state=State.PROGRESSING, message=readiness.of(live).message or "is still there")

    def verify(self, context: Context, deadline: Deadline) -> None:
        """Wait until it is gone, and say its conditions where it stays."""
        del deadline
        until = context.deadline(context.platform.timeouts.deleted)
        context.waiter.wait(f"Deletion of {self.label}", lambda: self.status(context), deadline=until, refs=[self.ref], hint=_HANGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition(Object):
    """A CRD; Helm never takes those away."""

    def present(self, context: Context) -> bool:
        """Leave it to whoever else has a controller and runners on this cluster."""
        return Object.present(self, context) and not _elsewhere(context, self.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding(Object):
    """A ClusterRoleBinding that was made by hand."""

    def problem(self, context: Context) -> BootstrapError | None:
        """See that it is nobody else's, too."""
        live = context.cluster.get(self.ref) or {}
        others = [
            each for each in live.get("subjects") or () if each.get("kind") != "ServiceAccount" or each.get("namespace") != self.namespace
        ]
        if not others:
            return None
        named = [f"{each.get('kind')} {each['namespace'] + '/' if each.get('namespace') else ''}{each.get('name')}" for each in others]
        return BootstrapError(
            f"{self.label} is not only that of the runners: it also names {', '.join(named)}",
            hint="take it out of `arc.cluster_role_bindings`, or the runners' account out of it",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Object):
    """A PersistentVolume; what lies on it stays."""

    def problem(self, context: Context) -> BootstrapError | None:
        """See that it does not take its data along."""
        live = context.cluster.get(self.ref) or {}
        policy = (live.get("spec") or {}).get("persistentVolumeReclaimPolicy")
        if policy == "Retain":
            return None
        return BootstrapError(
            f"{self.label} would take its data along: its persistentVolumeReclaimPolicy is {policy}",
            hint=f'kubectl patch pv {self.ref.name} -p \'{{"spec":{{"persistentVolumeReclaimPolicy":"Retain"}}}}\'',
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace(Object):
    """The namespace, and all that is left in it."""

    def note(self, context: Context) -> str:
        """Name the volumes that go along: what they hold can't be had again."""
        volumes = {each["metadata"]["name"]: each for each in context.cluster.list("v1", "PersistentVolume")}
        claims = context.cluster.list("v1", "PersistentVolumeClaim", namespace=self.namespace)
        lost = [claim["metadata"]["name"] for claim in claims if _is_deleted_with(claim, volumes)]
        return f"with the data of its claims {', '.join(lost)}" if lost else "with all that is in it"

    def leave(self, context: Context) -> None:
        """Delete it; where that is allowed, without what would hold it for ever."""
        Object.leave(self, context)
        if context.options.remove_finalizers:
            runners.release_finalizers(context, self.namespace)


def _is_deleted_with(claim: Manifest, volumes: dict[str, Manifest]) -> bool:
    volume = volumes.get((claim.get("spec") or {}).get("volumeName", ""))
    return volume is not None and volume["spec"].get("persistentVolumeReclaimPolicy") != "Retain"


def _is_alive(context: Context) -> bool:
    return any((each.get("status") or {}).get("availableReplicas") for each in runners.controllers(context))


def _elsewhere(context: Context, namespace: str) -> list[Manifest]:
    return [each for each in runners.left(context) if each["metadata"].get("namespace") != namespace]


def _strays(context: Context, namespace: str) -> BootstrapError | None:
    strays = _elsewhere(context, namespace)
    others = [each for each in runners.controllers(context) if each["metadata"]["namespace"] != namespace]
    if not strays or others:
        return None
    return BootstrapError(
        f"runner scale sets in other namespaces need the controller in {namespace}, and could never be deleted without it",
        details=runners.written([each for each in strays if each["kind"] == "AutoscalingRunnerSet"] or strays),
        hint="uninstall their Helm releases first: helm uninstall NAME -n NAMESPACE",
    )


def _wait_for_runners(context: Context, namespace: str, deadline: Deadline, *, cause: Exception | None = None) -> None:
    """Wait until nothing of the controller's own kinds is left in the namespace; by force where that is allowed."""

    def look() -> Readiness:
        left = runners.left(context, namespace)
        return Readiness(state=State.PROGRESSING, message=f"{len(left)} objects are left") if left else READY

    try:
        context.waiter.wait(f"The end of the runners in {namespace}", look, deadline=deadline)
    except WaitError as error:
        if not context.options.remove_finalizers:
            alive = _is_alive(context)
            why = "their controller has not cleaned up" if alive else "their controller does not run, so nobody cleans up"
            raise WaitError(
                f"the runners in {namespace} are still there: {why}", details=runners.written(runners.left(context, namespace)), hint=_HANGS
            ) from cause or error
        runners.release_finalizers(context, namespace)
        context.waiter.wait(f"The end of the runners in {namespace}", look, deadline=context.deadline(), hint=_HANGS)
