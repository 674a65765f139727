"""Setting the tags that were held back, in the order that keeps a failure harmless."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kargo_notify.expected import Expected, Plan
from kargo_notify.freight import Artifact
from kargo_notify.verify import Found
from plugin_kit.access import Access
from plugin_kit.ci import CI
from plugin_kit.console import Console, counted
from plugin_kit.errors import RegistryError
from plugin_kit.latest import Verdict, ancestries, judge, judge_release
from plugin_kit.manifest import Stamp
from plugin_kit.parallel import each
from plugin_kit.reference import Repository
from plugin_kit.release import WORKSPACE_FILE, write_workspace
from plugin_kit.tagging import Move, set_tags

_SHORT = 12
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What a tag names now."""

    digest: str
    stamp: Stamp


# By full name of the tag.
State = Mapping[str, Present | None]

# All tags (repository, tag) that name the commit's images, and its record.
Standing = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Tags that may be set at the same time, and what they are, in words."""

    title: str
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intention:
    """What is to be done, stage after stage.

    `latest` is the verdict on the tags that only move forward, None where there are none. `replaced` are tags of the commit that will name
    other bytes; `standing` are all tags (repository, tag) that name the commit's images in the end.
    """

    stages: tuple[Stage, ...] = ()
    latest: Verdict | None = None
    replaced: tuple[str, ...] = ()
    standing: Standing = frozenset()

    @property
    def moves(self) -> int:
        """How many tags are set."""
        return sum(len(stage.moves) for stage in self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was done: `moved` tags of images were set, those of `tags`; `recorded`: the release record has its tags.

    `standing` are all tags (repository, tag) that name the commit's images, and its record, now.
    """

    moved: int = 0
    tags: tuple[str, ...] = ()
    latest: Verdict | None = None
    recorded: bool = False
    standing: Standing = frozenset()


def publish(plan: Plan, found: Sequence[Found], access: Access, ci: CI, console: Console) -> Published:
    """Set what is held; images first, the watched ones last, then `latest`, then the record's tags.

    Raises RegistryError that says what moved. Setting a tag again is harmless, so that a rerun finishes what a failure left.
    """
    if not plan.held:
        return Published(standing=intend(plan, found, access, ci).standing)
    with console.step(f"Releasing {counted(len(found), 'image')} of {plan.revision[:_SHORT]}") as step:
        intention = intend(plan, found, access, ci)
        if intention.replaced:
            console.warn(
                f"{counted(len(intention.replaced), 'tag')} of {plan.revision[:_SHORT]} will name other bytes than before, "
                "since it was built again with `force: true`",
                hint="nodes and Kargo that have seen the old ones keep them; make a new commit instead where you can",
            )
        _carry_out(intention.stages, at_once=access.connections)
        tags = tuple(dict.fromkeys(move.tag for stage in intention.stages for move in stage.moves))
        step.note(", ".join(tags) if tags else "all tags are where they belong")
    _tell(plan, intention, console)
    _update_workspace(plan, ci, console)
    return Published(
        moved=sum(move.path != _path(plan.releases) for stage in intention.stages for move in stage.moves),
        tags=tags,
        latest=intention.latest,
        recorded=plan.record_manifest is not None,
        standing=intention.standing,
    )


def intend(plan: Plan, found: Sequence[Found], access: Access, ci: CI) -> Intention:
    """Ask the registry what the tags name now, and decide what is to be set; nothing where no tag is held.

    Raises RegistryError where a tag of this commit names something else already.
    """
    if plan.record is None:
        return Intention(standing=frozenset((str(each.expected.repository), tag) for each in found for tag in each.expected.wanted_tags))
    state = _look(plan, found, access)
    digests = {str(each.expected.repository): each.manifest.digest for each in found}
    if plan.releases is not None and plan.record_manifest is not None:
        digests[str(plan.releases)] = plan.record_manifest.digest
    if not plan.held:
        return Intention(standing=_standing(digests, state, ()))
    replaced = _replaced(plan, found, state)
    latest = _judge(plan, found, state, ci)
    stages = tuple(stage for stage in _stages(plan, found, access, state, latest) if stage.moves)
    return Intention(stages=stages, latest=latest, replaced=replaced, standing=_standing(digests, state, stages))


def artifacts(plan: Plan, found: Sequence[Found], standing: Standing) -> tuple[Artifact, ...]:
    """Name everything of the commit that Kargo may discover: each image, and the record, under each of its tags."""
    made = [
        Artifact(repo_url=str(image.expected.repository), tag=tag, digest=image.manifest.digest)
        for image in found
        for tag in image.expected.wanted_tags
        if (str(image.expected.repository), tag) in standing
    ]
    if plan.releases is not None and plan.record_manifest is not None:
        made += [
            Artifact(repo_url=str(plan.releases), tag=tag, digest=plan.record_manifest.digest)
            for tag in plan.record_tags
            if (str(plan.releases), tag) in standing
        ]
    return tuple(made)


def _look(plan: Plan, found: Sequence[Found], access: Access) -> State:
    """Ask for every tag that is to be set, all at once."""
    wanted = [(image.expected.repository, tag) for image in found for tag in image.expected.wanted_tags]
    if plan.releases is not None:
        wanted += [(plan.releases, tag) for tag in plan.record_tags]

    def ask(item: tuple[Repository, str]) -> Present | None:
        repository, tag = item
        manifest = access.registry(repository.host).manifest(repository.path, tag)
        return Present(digest=manifest.digest, stamp=Stamp.of(manifest)) if manifest else None

    answers = each(ask, wanted, at_once=access.connections)
    return {f"{repository}:{tag}": answer for (repository, tag), answer in zip(wanted, answers, strict=True)}


def _replaced(plan: Plan, found: Sequence[Found], state: State) -> tuple[str, ...]:
    """Return the tags of this commit that name something else; raises RegistryError unless that is what `force` asked for."""
    taken = []
    for image in found:
        for tag in image.expected.wanted_tags:
            name = f"{image.expected.repository}:{tag}"
            present = state[name]
            if plan.names_commit(tag) and present is not None and present.digest != image.manifest.digest:
                taken.append((name, present.digest, image.manifest.digest))
    if not taken or plan.forced:
        return tuple(name for name, _, _ in taken)
    more = (f"and {len(taken) - _SHOWN} more",) if len(taken) > _SHOWN else ()
    raise RegistryError(
        f"{counted(len(taken), 'tag')} of {plan.revision[:_SHORT]} {'names' if len(taken) == 1 else 'name'} other bytes already "
        "than those that were verified; nothing was tagged",
        details=(*(f"{name} is {now}, verified was {ours}" for name, now, ours in taken[:_SHOWN]), *more),
        hint="a released commit stays what it is: make a new commit, or build this one once with `force: true` in registry-push",
    )


def _judge(plan: Plan, found: Sequence[Found], state: State, ci: CI) -> Verdict | None:
    """Decide for all images together whether the tags that only move forward do."""
    forward = [f"{image.expected.repository}:{tag}" for image in found for tag in image.expected.wanted_tags if tag in plan.forward_tags]
    if not forward:
        return None
    current = [present.stamp for name in forward if (present := state[name]) is not None]
    ours = Stamp(created=plan.created, revision=plan.revision, pipeline=plan.pipeline)
    # Reading the history takes as long as setting many tags, and only counts where the times say no.
    doubtful = [stamp for stamp in current if not judge(stamp, ours, force=plan.force_latest).moves]
    return judge_release(current, ours, ancestry=ancestries(ci.workspace, doubtful, plan.revision), force=plan.force_latest)


def _stages(plan: Plan, found: Sequence[Found], access: Access, state: State, latest: Verdict | None) -> Iterator[Stage]:
    """Order the moves: Kargo can't see half a commit, and `latest` never names one that is not all there."""
    unwatched = [image for image in found if not plan.is_watched(image.expected)]
    watched = [image for image in found if plan.is_watched(image.expected)]
    names = ", ".join(image.expected.name for image in watched)

    def moves(images: Sequence[Found], *, forward: bool) -> tuple[Move, ...]:
        return tuple(
            Move(
                registry=access.registry(image.expected.repository.host),
                path=image.expected.repository.path,
                tag=tag,
                manifest=image.manifest,
            )
            for image in images
            for tag in image.expected.wanted_tags
            if (tag in plan.forward_tags) is forward and _differs(state, image.expected, tag, image.manifest.digest)
        )

    yield Stage(title="the tags of the commit", moves=moves(unwatched, forward=False))
    yield Stage(title=f"the tags of the watched {names}", moves=moves(watched, forward=False))
    if latest is not None and latest.moves:
        forward = " and ".join(plan.forward_tags)
        yield Stage(title=forward, moves=moves(unwatched, forward=True))
        yield Stage(title=f"{forward} of the watched {names}", moves=moves(watched, forward=True))
    if plan.releases is not None and plan.record_manifest is not None:
        yield Stage(title="the tags of the release record", moves=tuple(_record_moves(plan, plan.releases, access, state, latest)))


def _record_moves(plan: Plan, releases: Repository, access: Access, state: State, latest: Verdict | None) -> Iterator[Move]:
    if plan.record_manifest is None:
        raise AssertionError(releases)
    for tag in plan.record_tags:
        present = state[f"{releases}:{tag}"]
        if tag in plan.forward_tags and not (latest and latest.moves):
            continue
        # A rerun may have written another record of the same images (what was built then is kept now): the first one stays.
        kept = plan.names_commit(tag) and present is not None and not plan.forced
        if not kept and (present is None or present.digest != plan.record_manifest.digest):
            yield Move(registry=access.registry(releases.host), path=releases.path, tag=tag, manifest=plan.record_manifest)


def _differs(state: State, image: Expected, tag: str, digest: str) -> bool:
    present = state[f"{image.repository}:{tag}"]
    return present is None or present.digest != digest


def _standing(digests: Mapping[str, str], state: State, stages: Sequence[Stage]) -> Standing:
    set_now = {(f"{move.registry.host}/{move.path}", move.tag) for stage in stages for move in stage.moves}
    named = (name.rpartition(":") for name in state)
    return frozenset(
        {
            (repository, tag)
            for repository, _, tag in named
            if (present := state[f"{repository}:{tag}"]) and present.digest == digests.get(repository)
        }
        | set_now
    )


def _carry_out(stages: Sequence[Stage], *, at_once: int) -> None:
    for number, stage in enumerate(stages):
        try:
            set_tags(stage.moves, at_once=at_once)
        except RegistryError as error:
            before = sum(len(earlier.moves) for earlier in stages[:number])
            raise RegistryError(
                error.message,
                details=(
                    *(detail for detail in error.details if not detail.startswith("moved: ")),
                    *(f"not moved: {later.title} ({counted(len(later.moves), 'tag')})" for later in stages[number + 1 :]),
                    *(detail for detail in error.details if detail.startswith("moved: ")),
                    *((f"moved before: {counted(before, 'tag')}",) if before else ()),
                ),
                hint=f"{error.hint}; then run the pipeline again: it sets only what is missing"
                if error.hint
                else "run the pipeline again: it sets only what is missing",
            ) from error


def _tell(plan: Plan, intention: Intention, console: Console) -> None:
    """Say what a person would otherwise look for."""
    if not intention.moves:
        console.info(f"{plan.revision[:_SHORT]} is released already: nothing was changed")
    if intention.latest is not None and not intention.latest.moves:
        console.info(f"{' and '.join(plan.forward_tags)} stays: {intention.latest.reason}")
    if plan.record_manifest is None:
        console.info("the registry holds no release record (registry-push `record: workspace`), so none was tagged")


def _update_workspace(plan: Plan, ci: CI, console: Console) -> None:
    """Let later steps of the workflow read the released state; the record in the registry stays as it was written."""
    if plan.record is None or not plan.in_workspace:
        return
    tags = {str(image.repository): next(filter(plan.names_commit, image.wanted_tags), image.tag) for image in plan.images}
    images = tuple(image.model_copy(update={"tag": tags.get(image.repository, image.tag)}) for image in plan.record.images)
    try:
        write_workspace(plan.record.model_copy(update={"held": False, "images": images}), ci.workspace)
    except OSError as error:
        console.warn(f"{WORKSPACE_FILE} in the workspace still says that the tags are held: it can't be written ({error.strerror})")


def _path(repository: Repository | None) -> str:
    return repository.path if repository else ""
