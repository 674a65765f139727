"""A run of registry-push: settings -> plan -> execute -> report."""

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_kit import git
from plugin_kit.console import Console
from plugin_kit.errors import BuildError, PluginError, SettingsError
from plugin_kit.latest import Verdict
from plugin_kit.release import Release, candidate_tag, write_workspace
from plugin_kit.releases import push_release, tag_release
from plugin_kit.tagging import Move, set_tags
from registry_push import bake, builder, failure, record, released, report, sources, verify
from registry_push import plan as planning
from registry_push.access import Access
from registry_push.build_secrets import write_secrets
from registry_push.buildx import Buildx
from registry_push.plan import Plan
from registry_push.progress import Outcome, Progress
from registry_push.verify import Pushed

if TYPE_CHECKING:
    from plugin_kit.ci import CI
    from registry_push.settings import Settings

_TRIES = 3


def run(settings: "Settings", ci: "CI", console: Console, dry_run: bool) -> None:
    """Build, push, verify and tag; raises PluginError when no or not all tags could be set."""
    found = sources.find(settings, ci.workspace)
    plan = planning.make(settings, ci, found, explicit_tags=_explicit_tags(settings, ci.workspace), builders=builder.addresses(settings))
    access = Access(plan, settings, ci.workspace, console)
    if dry_run:
        _dry_run(plan, settings, access, ci, console)
    elif plan.tags.reason and settings.auto_tag:
        console.info(f"nothing to do: {plan.tags.reason}")
    elif not plan.push:
        console.info(f"nothing is pushed: {plan.tags.reason or '`dry_run: true` builds only'}")
        _build(plan, settings, access, tuple(target.id for target in plan.targets), plan.created or _now(), console)
    else:
        _release(plan, settings, access, ci, console)


def _release(plan: Plan, settings: "Settings", access: Access, ci: "CI", console: Console) -> None:
    for host in access.hosts():
        access.registry(host).ping()
    state = released.look(plan, access)
    decision = _decide(plan, state, settings, ci)
    if settings.force and any(manifest for tags in state.fixed.values() for manifest in tags.values()):
        console.warn(
            f"force: true: the tags of {plan.revision[:12]} will name other bytes than before",
            hint="nodes and Kargo that have seen the old ones keep them; make a new commit instead where you can",
        )
    outcomes: Mapping[str, Outcome] = {}
    digests = {name: manifest.digest for name, manifest in decision.keep.items()}
    if decision.build:
        if decision.keep:
            console.info(f"{len(decision.keep)} of {len(plan.pushed)} images of this commit are in the registry already and are kept")
        digests |= (result := _build(plan, settings, access, decision.build, decision.created, console)).digests
        outcomes = result.outcomes
    else:
        console.info(f"{plan.revision[:12]} is built already: {len(decision.keep)} images are kept as they are, nothing is built")
    held = plan.hold and not decision.complete
    if not decision.build and state.release is not None and _same(state.release, digests):
        release = state.release
        images = [Pushed(target=target, manifest=decision.keep[target.id], platforms=(), size=0) for target in plan.pushed]
    else:
        images = verify.read_back(plan, access, digests)
        release = record.make(plan, decision, images, outcomes, held=held)
    write_workspace(release, ci.workspace)
    _tag(plan, access, release, images, decision.forward, console, held=held, fresh=bool(decision.build))
    report.release(release, console)


def _tag(
    plan: Plan,
    access: Access,
    release: Release,
    images: Sequence[Pushed],
    forward: Verdict,
    console: Console,
    *,
    held: bool,
    fresh: bool,
) -> None:
    """Set the tags in the order that keeps a failure harmless: the record, the commit's own tags, `latest` last."""
    ours = [(access.registry(image.target.repository.host), image) for image in images if image.target.repository]

    def moves(tags: Sequence[str]) -> list[Move]:
        return [
            Move(registry=registry, path=image.target.repository.path, tag=tag, manifest=image.manifest)
            for registry, image in ours
            if image.target.repository
            for tag in tags
        ]

    candidate = candidate_tag(plan.revision)
    stored = None
    if plan.releases is not None:
        registry = access.registry(plan.releases.host)
        stored = (
            push_release(registry, plan.releases.path, release, candidate) if fresh else registry.manifest(plan.releases.path, candidate)
        )
        stored = stored or push_release(registry, plan.releases.path, release, candidate)
    first = (candidate,) if held else (*plan.tags.fixed, *plan.tags.moving)
    last = () if held or not forward.moves else plan.tags.forward
    with console.step(f"Tagging {len(images)} images") as step:
        set_tags(moves(first))
        set_tags(moves(last))
        if plan.releases is not None and stored is not None and not held:
            tag_release(access.registry(plan.releases.host), plan.releases.path, stored, (*first, *last))
        step.note(", ".join((*first, *last)))
    if held:
        console.info(f"held for kargo-notify: {', '.join(plan.tags.wanted)}")
    elif plan.tags.forward and not last:
        console.info(f"{plan.tags.forward[0]} stays: {forward.reason}")


class _Built:
    """What a build gave: digests and outcomes by target id."""

    def __init__(self, digests: Mapping[str, str], outcomes: Mapping[str, Outcome]) -> None:
        self.digests = dict(digests)
        self.outcomes = outcomes


def _build(plan: Plan, settings: "Settings", access: Access, build: Sequence[str], created: datetime, console: Console) -> _Built:
    names = {target.id: target.name for target in plan.targets}
    deadline = time.monotonic() + settings.timeout.total_seconds()
    title = f"Building {len(build)} images with {builder.describe(plan.builders)}"
    with tempfile.TemporaryDirectory(prefix="registry-push-", ignore_cleanup_errors=True) as folder, console.step(title) as step:
        buildx = Buildx(folder=Path(folder))
        buildx.write_logins(access.credentials.docker_config())
        secret_files = write_secrets(plan, settings, Path(folder))
        extras = bake.Extras(created=created, secret_files=secret_files, plain_hosts=access.plain_hosts())
        document = bake.document(plan, settings, build, extras)
        with builder.connected(buildx, plan, settings, console):
            for attempt in range(1, _TRIES + 1):
                progress = Progress(
                    list(document["target"]),
                    on_done=lambda name, outcome: console.detail(_line(names[name], outcome)),
                    on_log=(lambda name, line: console.raw(line, prefix=f"{names.get(name, name)} | ")) if settings.verbose else None,
                )
                # Every path in the document is absolute.
                result = buildx.bake(document, progress, cwd=Path(os.sep), deadline=deadline)
                if result.returncode == 0:
                    break
                if attempt == _TRIES or not failure.is_race(progress):
                    raise failure.explain(progress, plan, names)
                console.detail("the registry refused a blob that two uploads sent at once; the same build is sent again")
        digests = buildx.digests()
        missing = [names[name] for name in build if plan.push and name not in digests]
        if missing:
            raise BuildError(f"BuildKit reported no digest for {', '.join(missing)}; no tag was set")
        outcomes = {name: outcome for name, outcome in progress.outcomes.items() if name in build}
        cached = sum(outcome.cached for outcome in outcomes.values())
        step.note(f"{len(outcomes) - cached} built, {cached} cached")
    return _Built({name: digest for name, digest in digests.items() if name in build}, outcomes)


def _dry_run(plan: Plan, settings: "Settings", access: Access, ci: "CI", console: Console) -> None:
    cache = (
        "as set"
        if settings.cache_from or settings.cache_to or settings.cache_images
        else "registry"
        if plan.export_cache
        else "the builder's own"
    )
    report.plan(plan, console, cache=cache)
    if not plan.push:
        return
    try:
        for host in access.hosts():
            access.registry(host).ping()
        state = released.look(plan, access)
    except PluginError as error:
        console.warn(f"what is in the registry is left out of the plan: {error.message}")
        return
    report.decision(_decide(plan, state, settings, ci), plan, console)


def _decide(plan: Plan, state: released.State, settings: "Settings", ci: "CI") -> released.Decision:
    ancestry = {revision: git.ancestry(ci.workspace, revision, plan.revision) for revision in released.revisions(state)}
    return released.decide(plan, state, ancestry=ancestry, now=_now(), force_build=settings.force, force_latest=settings.latest == "force")


def _same(release: Release, digests: Mapping[str, str]) -> bool:
    return sorted(image.digest for image in release.images) == sorted(digests.values())


def _explicit_tags(settings: "Settings", workspace: Path) -> list[str]:
    if not settings.tags_file:
        return [tag.strip() for tag in settings.tags if tag.strip()]
    try:
        text = (workspace / settings.tags_file).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError([f"tags_file: {settings.tags_file} can't be read: {error.strerror}"]) from None
    # The default file of older plugins, .tags, holds commas; docs of plugin-docker-buildx say lines.
    return [tag.strip() for line in text.splitlines() for tag in line.split(",") if tag.strip()]


def _line(name: str, outcome: Outcome) -> str:
    return f"{name}: {'cached' if outcome.cached else 'built'}, {outcome.seconds:.1f}s"


def _now() -> datetime:
    return datetime.now(UTC)
