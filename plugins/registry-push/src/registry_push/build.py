"""The build: one bake for all images, tried again where only the registry was clumsy."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_kit.access import Access
from plugin_kit.console import Console, counted
from plugin_kit.errors import BuildError, ProcessError
from registry_push import bake, builder, failure
from registry_push.build_secrets import write_secrets
from registry_push.buildx import Buildx
from registry_push.plan import Plan
from registry_push.progress import Outcome, Progress

if TYPE_CHECKING:
    from registry_push.settings import Settings

_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build gave, by target id: digests of what was pushed, and how it went."""

    digests: Mapping[str, str]
    outcomes: Mapping[str, Outcome]


def build(plan: Plan, settings: "Settings", access: Access, wanted: Sequence[str], created: datetime, console: Console) -> Built:
    """Build the targets with the ids in `wanted` and push those that go to a registry, by digest; raises the error that fits."""
    title = f"Building {counted(len(wanted), 'image')} with {builder.describe(plan.builders)}"
    with tempfile.TemporaryDirectory(prefix="registry-push-", ignore_cleanup_errors=True) as name, console.step(title) as step:
        folder = Path(name)
        buildx = Buildx(folder=folder)
        buildx.write_logins(access.credentials.docker_config())
        extras = bake.Extras(
            created=created, secret_files=write_secrets(plan, settings, folder), plain_hosts=plan.hosts if settings.insecure else ()
        )
        document = bake.document(plan, settings, wanted, extras)
        with builder.connected(buildx, plan, settings, console):
            progress = _bake(buildx, document, plan, settings, console)
        built = Built(
            digests={target: digest for target, digest in buildx.digests().items() if target in wanted},
            outcomes={target: outcome for target, outcome in progress.outcomes.items() if target in wanted},
        )
        wrong = failure.wrong_platform(progress, {target.id: target.name for target in plan.targets})
        if wrong is not None:
            raise wrong
        cached = sum(outcome.cached for outcome in built.outcomes.values())
        step.note(f"{len(built.outcomes) - cached} built, {cached} cached")
    missing = [target.name for target in plan.pushed if plan.push and target.id in wanted and target.id not in built.digests]
    if missing:
        raise BuildError(f"BuildKit reported no digest for {', '.join(missing)}; no tag was set")
    return built


def _bake(buildx: Buildx, document: Mapping[str, Any], plan: Plan, settings: "Settings", console: Console) -> Progress:
    names = {target.id: target.name for target in plan.targets}
    deadline = time.monotonic() + settings.timeout.total_seconds()

    def done(target: str, outcome: Outcome) -> None:
        console.detail(f"{names[target]}: {'cached' if outcome.cached else 'built'}, pushed after {outcome.seconds:.1f}s")

    def log(target: str, line: str) -> None:
        console.raw(line, prefix=f"{names.get(target, target)} | ")

    for attempt in range(1, _TRIES + 1):
        progress = Progress(list(document["target"]), on_done=done, on_log=log if settings.verbose else None)
        try:
            result = buildx.bake(document, progress, deadline=deadline)
        except ProcessError as error:
            if time.monotonic() < deadline:
                raise
            raise BuildError(
                f"the build took longer than {settings.timeout.total_seconds():g}s: no tag was set",
                hint="raise `timeout`, or see with `verbose: true` what takes so long",
            ) from error
        if result.returncode == 0:
            for text, targets in progress.warnings.items():
                console.warn(f"{', '.join(sorted(names[target] for target in targets)) or 'build'}: {text}")
            return progress
        if attempt == _TRIES or not failure.is_race(progress):
            raise failure.explain(progress, plan, names)
        console.detail("the registry refused a blob that two uploads sent at once; the same build is sent again")
    raise AssertionError("the last try returns or raises")
