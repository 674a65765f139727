"""What a commit is expected to be in the registry, and which tags it shall get. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

from kargo_notify.freight import same_repository
from kargo_notify.records import Record, commit_of, tagged_name
from plugin_kit.ci import CI
from plugin_kit.errors import PluginError, SettingsError
from plugin_kit.home import project_path, registry_host
from plugin_kit.manifest import Manifest
from plugin_kit.reference import DOCKER_HUB, Repository, parse_repository, repository_problem, tag_problem
from plugin_kit.release import LATEST, RELEASES, Release, ReleasedImage

if TYPE_CHECKING:
    from kargo_notify.settings import Settings

_BY_HAND = "the `images` of this step"
_MOST_NAMES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One image: `tag` is where it is to be found now, `digest` what that names (None: whatever it names).

    `wanted_tags` it has or shall get; `platforms` it must have, none where nobody knows.
    """

    name: str
    repository: Repository
    digest: str | None
    tag: str
    wanted_tags: tuple[str, ...]
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is verified and released.

    `watched` are names of images (and `releases`, where Kargo watches the record itself) whose tags are set last; `forward_tags` only move
    to newer commits, unless `force_latest`; `forced`: the commit's own tags may name other bytes than before. `record` is None where the
    images are given by hand, `releases` and `record_manifest` where the registry holds no record.
    """

    revision: str
    images: tuple[Expected, ...]
    origin: str
    watched: tuple[str, ...] = ()
    held: bool = False
    forward_tags: tuple[str, ...] = ()
    force_latest: bool = False
    forced: bool = False
    created: datetime | None = None
    pipeline: int | None = None
    record: Release | None = None
    record_tags: tuple[str, ...] = ()
    in_workspace: bool = False
    releases: Repository | None = None
    record_manifest: Manifest | None = None

    @property
    def watches_record(self) -> bool:
        """Whether Kargo subscribes to the repository of release records."""
        return RELEASES in self.watched

    @property
    def watched_repositories(self) -> tuple[str, ...]:
        """The full names of the repositories that Kargo subscribes to."""
        found = {image.name: str(image.repository) for image in self.images}
        return tuple(str(self.releases) if name == RELEASES else found[name] for name in self.watched)

    @property
    def names(self) -> dict[str, str]:
        """What the images, and the record, are called, by the full names of their repositories."""
        found = {str(image.repository): image.name for image in self.images}
        return {**found, str(self.releases): RELEASES} if self.releases else found

    def is_watched(self, image: Expected) -> bool:
        """Whether Kargo subscribes to the image."""
        return image.name in self.watched

    def names_commit(self, tag: str) -> bool:
        """Whether the tag names this commit: once released it never moves."""
        return tag.endswith(self.revision) and tag not in self.forward_tags


def plan(settings: "Settings", ci: CI, record: Record | None, *, watched: Sequence[str] = ()) -> Plan:
    """Plan for a record, or without one for the `images` of the settings.

    `watched` are the repositories that the Warehouse subscribes to, where it could be asked; `watch` has precedence. Raises SettingsError.
    """
    made = _by_hand(settings, ci) if record is None else _recorded(settings, ci, record)
    names = _named(settings.watch, made) if settings.watch else _subscribed(watched, made)
    return replace(made, watched=names)


def _recorded(settings: "Settings", ci: CI, record: Record) -> Plan:
    release = record.release
    if not release.images:
        raise PluginError(f"{record.origin} names no image", hint="build the commit again with a new version of registry-push")
    return Plan(
        revision=release.revision,
        images=tuple(_image(image, settings) for image in release.images),
        origin=record.origin,
        held=release.held,
        forward_tags=release.forward_tags,
        force_latest=release.force_latest or settings.latest == "force",
        forced=release.forced,
        created=release.created,
        pipeline=release.pipeline.number or ci.pipeline_number,
        record=release,
        record_tags=_wanted(release.wanted_tags, settings),
        in_workspace=record.in_workspace,
        releases=record.releases,
        record_manifest=record.manifest,
    )


def _image(image: ReleasedImage, settings: "Settings") -> Expected:
    return Expected(
        name=image.name,
        repository=parse_repository(image.repository, default_host=DOCKER_HUB),
        digest=image.digest,
        tag=image.tag,
        wanted_tags=_wanted(image.wanted_tags, settings),
        platforms=image.platforms,
    )


def _wanted(tags: Sequence[str], settings: "Settings") -> tuple[str, ...]:
    return tuple(tag for tag in tags if settings.latest != "never" or tag != LATEST)


def _by_hand(settings: "Settings", ci: CI) -> Plan:
    revision = commit_of(settings, ci)
    tags = tuple(dict.fromkeys(settings.tags)) or (revision,)
    problems = [f"tags: {problem}" for tag in tags if (problem := tag_problem(tag))]
    images = []
    for name in dict.fromkeys(settings.images):
        try:
            repository = _repository(name, settings, ci)
        except ValueError as error:
            problems.append(str(error))
            continue
        images.append(Expected(name=name, repository=repository, digest=None, tag=tags[0], wanted_tags=tags))
    if problems:
        raise SettingsError(list(dict.fromkeys(problems)))
    return Plan(revision=revision, images=tuple(images), origin=_BY_HAND, created=ci.commit_time, pipeline=ci.pipeline_number)


def _repository(name: str, settings: "Settings", ci: CI) -> Repository:
    """Return the repository of a name below `<registry>/<project>/`, or of a full name. Raises ValueError with setting and reason."""
    problem = tagged_name(name)
    if problem:
        raise ValueError(f"images: {problem}")
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        try:
            return parse_repository(name, default_host=DOCKER_HUB)
        except ValueError as error:
            raise ValueError(f"images: {error}") from None
    if not settings.registry:
        raise ValueError(f"registry: required, but not set (or write `{name}` as a full repository name)")
    try:
        host = registry_host(settings.registry, insecure=settings.insecure).host
    except ValueError as error:
        raise ValueError(f"registry: {error}") from None
    try:
        project = project_path(settings.project, ci)
    except ValueError as error:
        raise ValueError(f"project: {error}") from None
    problem = repository_problem(name)
    if problem:
        raise ValueError(f"images: {problem}")
    return Repository(host=host, path=f"{project}/{name}")


def _named(watch: Sequence[str], made: Plan) -> tuple[str, ...]:
    """Return the names of what `watch` names. Raises SettingsError with everything that is not there."""
    known = {name: image.name for image in made.images for name in (image.name, str(image.repository))}
    problems, names = [], []
    for wanted in watch:
        if wanted == RELEASES or (made.releases is not None and wanted == str(made.releases)):
            if made.releases is None:
                problems.append(f"watch: {RELEASES}: the registry holds no release record of this commit that Kargo could see")
            names.append(RELEASES)
        elif wanted in known:
            names.append(known[wanted])
        else:
            problems.append(_unknown(wanted, made))
    if problems:
        raise SettingsError(problems)
    return tuple(dict.fromkeys(names))


def _unknown(wanted: str, made: Plan) -> str:
    names = [image.name for image in made.images]
    near = get_close_matches(wanted, names, n=1)
    meant = f", did you mean {near[0]}?" if near else ""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"watch: {wanted} is no image of {made.origin}{meant} (there are {', '.join(names[:_MOST_NAMES])}{more})"


def _subscribed(watched: Sequence[str], made: Plan) -> tuple[str, ...]:
    """Return the names of the repositories that the Warehouse subscribes to; it may also subscribe to what is not ours."""

    def subscribed(repository: Repository) -> bool:
        return any(same_repository(str(repository), url, others=watched) for url in watched)

    names = [image.name for image in made.images if subscribed(image.repository)]
    if made.releases is not None and subscribed(made.releases):
        names.append(RELEASES)
    return tuple(names)
