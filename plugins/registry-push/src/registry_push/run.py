"""A run of registry-push: settings -> plan -> execute -> report."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_kit import git
from plugin_kit.access import Access
from plugin_kit.console import Console, counted
from plugin_kit.errors import PluginError, SettingsError
from plugin_kit.latest import ancestries
from plugin_kit.release import Release, write_workspace
from registry_push import builder, embedded, record, released, report, sources, verify
from registry_push import plan as planning
from registry_push.build import Built, build
from registry_push.plan import Plan
from registry_push.publish import Publication, publish
from registry_push.released import Decision, State

if TYPE_CHECKING:
    from plugin_kit.ci import CI
    from registry_push.settings import Settings


def run(settings: "Settings", ci: "CI", console: Console, dry_run: bool) -> None:
    """Build, push, verify and tag; raises PluginError when no or not all tags could be set."""
    found = sources.find(settings, ci.workspace)
    plan = planning.make(settings, ci, found, explicit_tags=_explicit_tags(settings, ci.workspace), builders=builder.addresses(settings))
    access = Access(settings, plan.registry, ci.workspace, console)
    if plan.embedded:
        embedded.demand_program()
    _warn_of_changes(plan, ci, console)
    if dry_run:
        _show(plan, settings, access, ci, console)
    elif plan.tags.reason and settings.auto_tag:
        console.info(f"nothing to do: {plan.tags.reason}")
    elif plan.push:
        _release(plan, settings, access, ci, console)
    else:
        console.info(f"nothing is pushed: {plan.tags.reason or '`dry_run: true` builds only'}")
        built = build(plan, settings, access, [target.id for target in plan.targets], plan.created or _now(), console)
        report.built(plan, built.outcomes, console)


def _release(plan: Plan, settings: "Settings", access: Access, ci: "CI", console: Console) -> None:
    state = _look(plan, access)
    decision = _decide(plan, state, ci)
    if plan.forced and state.released_tags:
        console.warn(
            f"force: true: the tags of {plan.revision[:12]} will name other bytes than before",
            hint="nodes and Kargo that have seen the old ones keep them; make a new commit instead where you can",
        )
    if decision.keep:
        console.info(_kept(plan, decision))
    built = Built(digests={}, outcomes={})
    if decision.build:
        built = build(plan, settings, access, decision.build, decision.created, console)
    manifests = dict(decision.keep)
    release = _known_release(plan, state, decision)
    fresh = release is None
    if release is None:
        digests = {**{name: manifest.digest for name, manifest in decision.keep.items()}, **built.digests}
        images = verify.read_back(plan, access, digests)
        manifests = {image.target.id: image.manifest for image in images}
        release = record.make(plan, decision, images, built.outcomes)
    write_workspace(release, ci.workspace)
    publish(Publication(plan=plan, manifests=manifests, forward=decision.forward), release, state, access, console, fresh=fresh)
    report.released(release, built.outcomes, plan, console)


def _show(plan: Plan, settings: "Settings", access: Access, ci: "CI", console: Console) -> None:
    report.plan(plan, settings, ci.workspace, console)
    if not plan.push:
        return
    try:
        state = _look(plan, access)
    except PluginError as error:
        console.warn(f"what is in the registry is left out of the plan: {error.message}")
        return
    report.decision(_decide(plan, state, ci), plan, console)


def _look(plan: Plan, access: Access) -> State:
    for host in plan.hosts:
        access.registry(host).ping()
    return released.look(plan, access)


def _decide(plan: Plan, state: State, ci: "CI") -> Decision:
    ancestry = ancestries(ci.workspace, state.stamps, plan.revision)
    return released.decide(plan, state, ancestry=ancestry, now=_now())


def _warn_of_changes(plan: Plan, ci: "CI", console: Console) -> None:
    """Say that a person's uncommitted edits go into images that are named after the commit; a pipeline's checkout has none."""
    changed = [] if ci.in_woodpecker or not plan.push else git.modified(ci.workspace)
    if changed:
        files = counted(len(changed), "file")
        names = f"{', '.join(changed[:3])}{', ...' if len(changed) > len(changed[:3]) else ''}"
        console.warn(f"{files} with uncommitted changes ({names}), but the images will say that they are {plan.revision[:12]}")


def _known_release(plan: Plan, state: State, decision: Decision) -> Release | None:
    """Return the commit's record from the registry where it says just what this run would write."""
    kept = sorted(manifest.digest for manifest in decision.keep.values())
    known = state.release
    if decision.build or known is None or known.held != plan.hold or sorted(image.digest for image in known.images) != kept:
        return None
    return known


def _kept(plan: Plan, decision: Decision) -> str:
    if decision.build:
        return f"{len(decision.keep)} of {len(plan.pushed)} images of {plan.revision[:12]} are in the registry already and are kept"
    return f"{plan.revision[:12]} is built already: its images are kept as they are"


def _explicit_tags(settings: "Settings", workspace: Path) -> list[str]:
    if not settings.tags_file:
        return [tag.strip() for tag in settings.tags if tag.strip()]
    try:
        text = (workspace / settings.tags_file).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError([f"tags_file: {settings.tags_file} can't be read: {error.strerror}"]) from None
    # Lines are what plugin-docker-buildx documents, commas what the .tags files of older plugins hold.
    return [tag.strip() for line in text.splitlines() for tag in line.split(",") if tag.strip()]


def _now() -> datetime:
    return datetime.now(UTC)
