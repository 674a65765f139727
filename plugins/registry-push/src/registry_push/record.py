"""The release record of a run: made from what was pushed and kept."""

from collections.abc import Mapping, Sequence
from typing import Literal

from plugin_kit.release import Pipeline, Release, ReleasedImage, candidate_tag
from registry_push.plan import Plan
from registry_push.progress import Outcome
from registry_push.released import Decision
from registry_push.verify import Pushed

State = Literal["built", "cached", "kept"]


def make(plan: Plan, decision: Decision, images: Sequence[Pushed], outcomes: Mapping[str, Outcome]) -> Release:
    """Write down the images of the commit; `outcomes` are those of the targets that were built in this run."""
    return Release(
        repository=plan.source,
        revision=plan.revision,
        created=decision.created,
        pipeline=Pipeline(number=plan.pipeline, url=plan.pipeline_url),
        held=plan.hold,
        forward_tags=plan.tags.forward,
        force_latest=plan.force_latest,
        forced=plan.forced,
        images=tuple(_image(plan, pushed, outcomes.get(pushed.target.id)) for pushed in images),
    )


def _image(plan: Plan, pushed: Pushed, outcome: Outcome | None) -> ReleasedImage:
    return ReleasedImage(
        name=pushed.target.name,
        repository=str(pushed.target.repository),
        tag=candidate_tag(plan.revision) if plan.hold else plan.tags.wanted[0],
        wanted_tags=plan.tags.wanted,
        digest=pushed.manifest.digest,
        media_type=pushed.manifest.media_type,
        platforms=pushed.platforms,
        config_digest=pushed.config_digest,
        size=pushed.size,
        state=state(outcome),
        seconds=round(outcome.seconds, 3) if outcome else None,
    )


def state(outcome: Outcome | None) -> State:
    """Say how an image came to be: built here, all steps from the cache, or taken as it was in the registry."""
    if outcome is None:
        return "kept"
    return "cached" if outcome.cached else "built"
