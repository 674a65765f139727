"""What the registry already holds of a commit, and what follows: build all, some or none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from plugin_kit.access import Access
from plugin_kit.errors import RegistryError
from plugin_kit.git import Ancestry
from plugin_kit.latest import Verdict, judge_release
from plugin_kit.manifest import Manifest, Stamp
from plugin_kit.parallel import each
from plugin_kit.release import Release, candidate_tag
from plugin_kit.releases import read_release
from registry_push.plan import Plan, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the registry answered: by target id the manifests under fixed and forward tags, and the commit's release record."""

    fixed: Mapping[str, Mapping[str, Manifest | None]]
    forward: Mapping[str, Mapping[str, Manifest | None]]
    release: Release | None = None
    kept: Mapping[str, Manifest] = field(default_factory=dict)

    @property
    def stamps(self) -> list[Stamp]:
        """The stamps of what the forward tags name now."""
        return [Stamp.of(manifest) for tags in self.forward.values() for manifest in tags.values() if manifest is not None]

    @property
    def released_tags(self) -> bool:
        """Whether any tag of the commit is there."""
        return any(manifest for tags in self.fixed.values() for manifest in tags.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a run builds (target ids), what it takes as it is, and how `latest` and its like stand.

    `created` is the time that all images built in this run carry.
    """

    build: tuple[str, ...]
    keep: Mapping[str, Manifest]
    created: datetime
    forward: Verdict


def look(plan: Plan, access: Access) -> State:
    """Ask the registry for every tag that the decision depends on, all at once."""
    wanted = [(target, tag) for target in plan.pushed for tag in (*plan.tags.fixed, *plan.tags.forward)]

    def ask(item: tuple[Target, str]) -> Manifest | None:
        target, tag = item
        if target.repository is None:
            return None
        return access.registry(target.repository.host).manifest(target.repository.path, tag)

    answers = dict(zip([(target.id, tag) for target, tag in wanted], each(ask, wanted), strict=True))
    state = State(
        fixed={target.id: {tag: answers[target.id, tag] for tag in plan.tags.fixed} for target in plan.pushed},
        forward={target.id: {tag: answers[target.id, tag] for tag in plan.tags.forward} for target in plan.pushed},
    )
    return _with_release(state, plan, access) if state.released_tags else state


def decide(plan: Plan, state: State, *, ancestry: Mapping[str, Ancestry], now: datetime) -> Decision:
    """Decide from what is there; `ancestry` tells of the commits that `latest` names, as seen from ours. Pure.

    Raises RegistryError when a tag of this commit names an image of another one, unless the build is forced.
    """
    keep = {} if plan.forced else _keep(plan, state)
    current = state.stamps
    created = _created(plan, current, ancestry, now)
    ours = Stamp(created=created, revision=plan.revision, pipeline=plan.pipeline)
    return Decision(
        build=tuple(target.id for target in plan.pushed if target.id not in keep),
        keep=keep,
        created=created,
        forward=judge_release(current, ours, ancestry=ancestry, force=plan.force_latest),
    )


def _keep(plan: Plan, state: State) -> dict[str, Manifest]:
    """Return what is taken as it is: images under a tag of the commit, else as its record names them."""
    keep = dict(state.kept)
    for target in plan.pushed:
        for tag, manifest in state.fixed[target.id].items():
            _check_revision(plan, target, tag, manifest)
        present = [manifest for manifest in state.fixed[target.id].values() if manifest is not None]
        if present:
            keep[target.id] = present[0]
    return keep


def _created(plan: Plan, current: list[Stamp], ancestry: Mapping[str, Ancestry], now: datetime) -> datetime:
    """Return the commit's time, raised above `latest`'s where that is an ancestor: clocks differ, and Kargo orders by this."""
    created = (plan.created or now).astimezone(UTC).replace(microsecond=0)
    for stamp in current:
        known = ancestry.get(stamp.revision or "", Ancestry.UNKNOWN)
        if stamp.created and stamp.revision != plan.revision and known is Ancestry.ANCESTOR and stamp.created >= created:
            created = stamp.created.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    return created


def _check_revision(plan: Plan, target: Target, tag: str, manifest: Manifest | None) -> None:
    found = Stamp.of(manifest).revision if manifest else None
    # An image without a revision was pushed by another tool under this commit's name: the name is all there is to go by.
    if found and found != plan.revision:
        raise RegistryError(
            f"{target.repository}:{tag} already names an image of another commit",
            details=(f"this commit: {plan.revision}", f"the image's:  {found}"),
            hint="somebody set the tag by hand; delete it in the registry, or set `force: true` once",
        )


def _with_release(state: State, plan: Plan, access: Access) -> State:
    """Add the commit's record, and what it says of images that have lost, or never got, their tags."""
    if plan.releases is None:
        return state
    registry = access.registry(plan.releases.host)
    found = next(
        (found for tag in (*plan.tags.fixed, candidate_tag(plan.revision)) if (found := read_release(registry, plan.releases.path, tag))),
        None,
    )
    if found is None:
        return state
    release = found[0]
    missing = [target for target in plan.pushed if not any(state.fixed[target.id].values())]

    def fetch(target: Target) -> tuple[str, Manifest | None]:
        image = release.image(str(target.repository))
        if image is None or target.repository is None:
            return target.id, None
        return target.id, access.registry(target.repository.host).manifest(target.repository.path, image.digest)

    kept = {name: manifest for name, manifest in each(fetch, missing) if manifest is not None}
    return State(fixed=state.fixed, forward=state.forward, release=release, kept=kept)
