"""Carrying out a restore: object after object, each in steps that can be repeated; what is done stays done, and the next run goes on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bootstrap import abridged
from bootstrap.backup import status
from bootstrap.backup.kinds import DEFINITIONS
from bootstrap.backup.loading import Loaded
from bootstrap.backup.plan import Action, Plan, Step, differences, plan
from bootstrap.backup.saved import Saved, managed
from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.engine import locked
from bootstrap.core.errors import BootstrapError, ExistsError, PlanError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.ownership import HELM, MANAGER, release_of
from plugin_kit.console import counted

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_NAMED = 8
# Of the metadata; the rest is the API server's, or of the cluster that was backed up.
_RESTORED_METADATA = ("name", "namespace", "labels", "annotations", "finalizers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the person has decided about live objects that differ from the backup; without a choice nothing is restored."""

    overwrite: bool = False
    keep: bool = False


def check(made: Plan, choice: Choice) -> None:
    """Refuse to go on where objects differ and nobody has said what is to become of them, or where they are on their way out."""
    if going := made.only(Action.GOING):
        raise PlanError(
            f"nothing was restored: {going[0].ref.label} {going[0].reason}",
            hint="wait until it is gone, and run this again; what it waits for stands in its finalizers",
        )
    differing = made.only(Action.DIFFERS)
    if not differing or choice.overwrite or choice.keep:
        return
    verb = "is" if len(differing) == 1 else "are"
    raise PlanError(
        f"nothing was restored: {counted(len(differing), 'object')} {verb} there and not as in the backup",
        details=abridged.lines([f"{step.ref.label}: {step.reason}" for step in differing], _NAMED),
        hint="--overwrite takes what the backup says, --keep leaves them as they are; both restore the rest",
    )


def wanted(made: Plan, choice: Choice) -> tuple[Step, ...]:
    """Return what is done: of what is kept as it is only the status, where Kargo knows nothing of its past."""
    return tuple(
        step
        for step in made.only(Action.CREATE, Action.FINISH, Action.DIFFERS)
        if step.action is not Action.DIFFERS or choice.overwrite or step.lacks
    )


def restore(context: "Context", loaded: Loaded, shown: Plan, choice: Choice) -> int:
    """Restore what was shown, where the cluster is still as it was then, and return how many objects that were."""
    check(shown, choice)
    steps = wanted(shown, choice)
    if not steps:
        return 0
    for step in steps:
        # The lock is in this one, which would be made without what else is said of it.
        if step.ref.kind == "Namespace" and step.ref.name == context.platform.namespace and context.cluster.get(step.ref) is None:
            _create(context, step.saved)
    with locked(context):
        # Somebody may have run `up` while the person was asked: a Kargo that runs by now would carry out the promotions of the past.
        _check_unchanged(shown, plan(context.cluster, context.platform, loaded), context.platform.namespace)
        return _carry_out(context, steps, choice)


def _check_unchanged(shown: Plan, found: Plan, home: str) -> None:
    """Refuse where the plan is another one by now; the namespace of the lock, which was made for it, does not count."""
    before, now = ({step.ref: step for step in each.steps if step.ref.label != f"Namespace {home}"} for each in (shown, found))
    if before == now:
        return
    changed = [ref for ref in {**before, **now} if before.get(ref) != now.get(ref)]
    raise PlanError(
        "nothing was restored: the cluster has changed since the plan was shown",
        details=abridged.lines([f"{ref.label}: {_word(before.get(ref))}, and now {_word(now.get(ref))}" for ref in changed], _NAMED),
        hint="run it again",
    )


def _word(step: Step | None) -> str:
    if step is None:
        return "not to be restored"
    return f"{step.action.value}{f' ({step.reason})' if step.reason else ''}"


def _carry_out(context: "Context", steps: Sequence[Step], choice: Choice) -> int:
    with context.console.step(f"Restoring {counted(len(steps), 'object')}") as said:
        done = 0
        try:
            for name in _namespaces(context, steps):
                context.guard.check()
                context.cluster.create(name)
            for step in steps:
                _restore(context, step, overwrite=choice.overwrite)
                done += 1
                if step.ref.api_version == DEFINITIONS:
                    _wait_served(context, step.saved)
        except BootstrapError:
            said.note(f"{done} of {len(steps)} are back: run it again to go on")
            raise
    return done


def _namespaces(context: "Context", steps: Sequence[Step]) -> Iterator[Manifest]:
    """Yield the namespaces that are missing and that the backup does not hold, as it does not for parts of other versions."""
    coming = {step.ref.name for step in steps if step.ref.kind == "Namespace"}
    for name in dict.fromkeys(step.ref.namespace for step in steps):
        if name and name not in coming and context.cluster.get(Ref(api_version="v1", kind="Namespace", name=name)) is None:
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _restore(context: "Context", step: Step, *, overwrite: bool) -> None:
    saved, cluster = step.saved, context.cluster
    replaced = step.action is Action.DIFFERS and overwrite
    context.guard.check()
    live = cluster.get(saved.ref)
    if live is None:
        live = _create(context, saved)
    elif replaced:
        live = cluster.replace(_over(live, _wanted(context, saved)))
    if lacking := status.missing(saved.manifest, live):
        context.guard.check()
        live = cluster.patch_status(saved.ref, lacking)
    if saved.fields and (managed(live) is None or replaced):
        context.guard.check()
        cluster.patch(
            saved.ref, {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"], "managedFields": _fields(saved, live)}}
        )


def _create(context: "Context", saved: Saved) -> Manifest:
    wanted = _wanted(context, saved)
    if release_of(saved.manifest):
        # As Helm itself applies it: Helm 4 would else find the fields in somebody else's hands when a newer chart changes them.
        return context.cluster.apply(wanted, manager=HELM)
    try:
        return context.cluster.create(wanted)
    except ExistsError:
        live = context.cluster.get(saved.ref)
        # The answer to an earlier try of our own was lost, or a controller was faster with the same.
        if live is None or differences(saved, live):
            raise
        return live


def _wanted(context: "Context", saved: Saved) -> Manifest:
    """Return the object as it is to be created: owned by those of the same names that are there now."""
    metadata = {key: value for key, value in saved.manifest["metadata"].items() if key in _RESTORED_METADATA}
    if owners := _owners(context, saved):
        metadata["ownerReferences"] = owners
    manifest = {**saved.manifest, "metadata": metadata}
    if "status" in manifest:
        # Dropped by the API server where the status is a subresource.
        manifest["status"] = status.wanted(saved.manifest)
    return manifest


def _owners(context: "Context", saved: Saved) -> list[Manifest]:
    """Return the owners under the uids of today. One that is not there is left out: Kubernetes would delete the object with it."""
    found = []
    if saved.ref.kind == "Namespace":
        # Kargo says itself whose it is, once the Project is there.
        return []
    for owner in saved.manifest["metadata"].get("ownerReferences") or ():
        ref = Ref(api_version=owner["apiVersion"], kind=owner["kind"], name=owner["name"], namespace=saved.ref.namespace)
        live = context.cluster.get(ref)
        if live is not None:
            found.append({**owner, "uid": live["metadata"]["uid"]})
    return found


def _over(live: Manifest, wanted: Manifest) -> Manifest:
    """Put the backup's object in the place of a live one, which keeps who it is, its owners and what others have noted on it."""
    metadata: dict[str, Any] = dict(live["metadata"])
    for key in ("labels", "annotations"):
        merged = {**(metadata.get(key) or {}), **(wanted["metadata"].get(key) or {})}
        if merged:
            metadata[key] = merged
    kept = {"status": live["status"]} if "status" in live else {}
    return {**{key: value for key, value in wanted.items() if key != "status"}, **kept, "metadata": metadata}


def _fields(saved: Saved, live: Manifest) -> list[Manifest]:
    """Return who manages the fields: bootstrap what it has applied, and whatever manages the status what is in there."""
    ours = {
        "manager": MANAGER,
        "operation": "Apply",
        "apiVersion": saved.ref.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": dict(saved.fields or {}),
    }
    others = [entry for entry in live["metadata"].get("managedFields") or () if entry.get("subresource")]
    return [ours, *others]


def _wait_served(context: "Context", saved: Saved) -> None:
    spec = saved.manifest["spec"]
    version = next(each["name"] for each in spec["versions"] if each.get("served"))
    api_version, kind = f"{spec['group']}/{version}", spec["names"]["kind"]

    def look() -> Readiness:
        served = context.cluster.serves(api_version, kind)
        return READY if served else Readiness(state=State.PROGRESSING, message="the API server does not serve it yet")

    context.waiter.wait(saved.ref.label, look, deadline=context.deadline(), refs=[saved.ref])
