"""Tags and the release record, set in the order that keeps a failure harmless."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plugin_kit.access import Access
from plugin_kit.console import Console, counted
from plugin_kit.latest import Verdict
from plugin_kit.manifest import Manifest
from plugin_kit.release import Release, candidate_tag
from plugin_kit.releases import push_release, tag_release
from plugin_kit.tagging import Move, set_tags
from registry_push.plan import Plan, Target
from registry_push.released import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is to be tagged: the images' manifests by target id, and the verdict on `latest` and its like."""

    plan: Plan
    manifests: Mapping[str, Manifest]
    forward: Verdict

    @property
    def first(self) -> tuple[str, ...]:
        """The tags that name the commit; with `hold` the candidate, again in a rerun too, since an integration test runs it."""
        return (candidate_tag(self.plan.revision),) if self.plan.hold else (*self.plan.tags.fixed, *self.plan.tags.moving)

    @property
    def last(self) -> tuple[str, ...]:
        """The tags that deployments follow without looking: set when all others are."""
        return () if self.plan.hold or not self.forward.moves else self.plan.tags.forward


def publish(publication: Publication, release: Release, state: State, access: Access, console: Console, *, fresh: bool) -> None:
    """Store the record, set the images' tags, then the record's; `fresh` where the record was made in this run.

    Raises RegistryError that says what moved. Setting a tag again is harmless, so that a rerun finishes what a failure left.
    """
    plan = publication.plan
    with console.step(f"Tagging {counted(len(publication.manifests), 'image')}") as step:
        record = _store(plan, release, access, fresh=fresh)
        moved = 0
        for tags in (publication.first, publication.last):
            moves = [move for target in plan.pushed for move in _moves(target, tags, publication, state, access)]
            set_tags(moves)
            moved += len(moves)
        if record is not None and plan.releases is not None and not plan.hold and (moved or fresh):
            tag_release(access.registry(plan.releases.host), plan.releases.path, record, (*publication.first, *publication.last))
        step.note(f"{', '.join((*publication.first, *publication.last))}" if moved else "all tags are where they belong")
    if plan.hold:
        console.info(f"held for kargo-notify: {', '.join(plan.tags.wanted)}")
    elif plan.tags.forward and not publication.last:
        console.info(f"{plan.tags.forward[0]} stays: {publication.forward.reason}")


def _store(plan: Plan, release: Release, access: Access, *, fresh: bool) -> Manifest | None:
    """Store the record under the commit's candidate tag before any other tag is set: from it a rerun knows the digests."""
    if plan.releases is None:
        return None
    registry, candidate = access.registry(plan.releases.host), candidate_tag(plan.revision)
    known = None if fresh else registry.manifest(plan.releases.path, candidate)
    return known or push_release(registry, plan.releases.path, release, candidate)


def _moves(target: Target, tags: Sequence[str], publication: Publication, state: State, access: Access) -> list[Move]:
    if target.repository is None:
        return []
    manifest = publication.manifests[target.id]
    known = {**state.fixed.get(target.id, {}), **state.forward.get(target.id, {})}
    return [
        Move(registry=access.registry(target.repository.host), path=target.repository.path, tag=tag, manifest=manifest)
        for tag in tags
        if not _is_at(known.get(tag), manifest)
    ]


def _is_at(known: Manifest | None, manifest: Manifest) -> bool:
    return known is not None and known.digest == manifest.digest
