"""One object of a chart: what would change if Helm applied it."""

from typing import TYPE_CHECKING, Protocol

from bootstrap.core import diff
from bootstrap.core.change import Action, Change, Observation
from bootstrap.core.errors import AbsentError, BootstrapError, ClashError, ConflictError, InvalidError, ReplacementError
from bootstrap.core.objects import Manifest, ref_of
from bootstrap.core.ownership import HELM, MANAGED_BY, MANAGER, release_of, unresolved

if TYPE_CHECKING:
    from bootstrap.core.context import Context


class Release(Protocol):
    """What an object needs to know of its release."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def take_ownership(self) -> bool:
        """Whether objects without a release become a part of it."""

    @property
    def take_over(self) -> bool:
        """Whether fields that others have set are set again."""


def observe_object(context: "Context", manifest: Manifest, release: Release) -> Observation:
    """Ask the API server what an apply by Helm would change."""
    ref = ref_of(manifest)
    # Its schema is as big as all other objects together, and is never changed by hand.
    is_definition = ref.kind == "CustomResourceDefinition"
    live = context.cluster.head(ref) if is_definition else context.cluster.get(ref)
    if live is None:
        return Observation(change=Change(resource=ref.label, action=Action.CREATE), problem=_refusal_of_new(context, manifest))
    belongs = release_of(live)
    if belongs != (release.namespace, release.name):
        if belongs is not None or not release.take_ownership:
            return Observation(change=Change(resource=ref.label, action=Action.ADOPT), problem=_clash(ref.label, belongs, release))
        return Observation(change=Change(resource=ref.label, action=Action.ADOPT, note="becomes a part of the release"))
    return Observation() if is_definition else _observe_own(context, manifest, live, release)


def _observe_own(context: "Context", manifest: Manifest, live: Manifest, release: Release) -> Observation:
    label = ref_of(manifest).label
    wanted = marked(manifest, release)
    try:
        after = context.cluster.apply(wanted, dry_run=True, force=True, manager=HELM)
        found = diff.fields(context.cluster.current(live, after), after)
    except InvalidError as error:
        return Observation(change=Change(resource=label, action=Action.REPLACE), problem=_unchangeable(label, error))
    if not found:
        return Observation()
    return Observation(
        change=Change(resource=label, action=Action.UPDATE, fields=found), problem=_conflict(context, wanted, label, release)
    )


def marked(manifest: Manifest, release: Release) -> Manifest:
    """Add what Helm adds to every object of a release."""
    metadata = manifest["metadata"]
    annotations = {"meta.helm.sh/release-name": release.name, "meta.helm.sh/release-namespace": release.namespace}
    return {
        **manifest,
        "metadata": {
            **metadata,
            "labels": {**(metadata.get("labels") or {}), MANAGED_BY: "Helm"},
            "annotations": {**(metadata.get("annotations") or {}), **annotations},
        },
    }


def _refusal_of_new(context: "Context", manifest: Manifest) -> BootstrapError | None:
    if manifest["kind"] == "CustomResourceDefinition":
        return None
    try:
        context.cluster.apply(manifest, dry_run=True, manager=HELM)
    except AbsentError:
        # Its namespace or kind comes with an earlier component, or with the chart itself.
        return None
    except InvalidError as error:
        return error
    return None


def _clash(label: str, belongs: tuple[str, str] | None, release: Release) -> ClashError:
    if belongs:
        return ClashError(
            f"{label} is part of the Helm release {belongs[0]}/{belongs[1]}, and {release.namespace}/{release.name} has one of that name",
            hint="set `release` and `namespace` of the chart in platform.yaml to those of the existing release, or uninstall that one",
        )
    return ClashError(
        f"{label} exists already, and no Helm release made it",
        hint="`take_ownership: true` for this chart in platform.yaml makes it a part of the release",
    )


def _unchangeable(label: str, error: InvalidError) -> BootstrapError:
    if not error.immutable:
        return error
    fields = ", ".join(dict.fromkeys(cause.field for cause in error.causes if cause.field)) or "a field"
    return ReplacementError(
        f"{label} needs replacement: {fields} can't be changed in place, and Helm would fail on it",
        details=error.details,
        hint="put the old value back into `values` of the chart, or delete the object yourself and run this again "
        "(a StatefulSet with --cascade=orphan, so that its pods and volumes stay)",
    )


def _conflict(context: "Context", wanted: Manifest, label: str, release: Release) -> ConflictError | None:
    if release.take_over or context.options.take_over:
        return None
    try:
        context.cluster.apply(wanted, dry_run=True, manager=HELM)
    except ConflictError as error:
        open_ones = unresolved(error.conflicts, context.platform.hand_managers, ours=(HELM, MANAGER))
        names = ", ".join(dict.fromkeys(each.manager for each in open_ones))
        hint = "--take-over lets Helm set them to what the chart says; or leave them to that manager, by `values` of the chart"
        return ConflictError(f"{label} has fields that {names} manages", conflicts=open_ones, hint=hint) if open_ones else None
    return None
