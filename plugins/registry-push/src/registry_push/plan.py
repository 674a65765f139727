"""The plan of a run: settings, CI metadata and the sources found become what shall be built, pushed and tagged. No I/O."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from plugin_kit.ci import CI
from plugin_kit.errors import SettingsError
from plugin_kit.home import project_path, registry_host
from plugin_kit.reference import DOCKER_HUB, RegistryHost, Repository, parse_repository, repository_problem
from plugin_kit.release import RELEASES
from registry_push import tags as tag_rules
from registry_push.sources import Found, Source
from registry_push.tags import Tags

if TYPE_CHECKING:
    from registry_push.settings import Settings

CACHE_TAG = "buildcache"
_TARGET = "target:"
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9.]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One image: what it is built from, and where it goes (None: it is a base for others and stays in the builder)."""

    id: str
    source: Source
    repository: Repository | None
    contexts: Mapping[str, str]
    platforms: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name as the YAML user knows it."""
        return self.source.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do.

    `created` is the commit's time, None where nobody knows it; `releases` is None where no record goes to a registry. `forced`: images that
    are there are built again; `force_latest`: `latest` moves whatever it names.
    """

    targets: tuple[Target, ...]
    tags: Tags
    push: bool
    hold: bool
    forced: bool
    force_latest: bool
    registry: RegistryHost
    releases: Repository | None
    revision: str
    created: datetime | None
    source: str | None
    version: str | None
    pipeline: int | None
    pipeline_url: str | None
    builders: tuple[str, ...]
    export_cache: bool

    @property
    def pushed(self) -> tuple[Target, ...]:
        """The targets that go to a registry."""
        return tuple(target for target in self.targets if target.repository is not None)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The registries that images go to, in the order of the targets."""
        return tuple(dict.fromkeys(target.repository.host for target in self.targets if target.repository))

    @property
    def embedded(self) -> bool:
        """Whether the plugin starts a BuildKit of its own."""
        return not self.builders


def make(settings: "Settings", ci: CI, found: Found, *, explicit_tags: Sequence[str], builders: Sequence[str]) -> Plan:
    """Make the plan; raises SettingsError with everything that is wrong."""
    problems = list(found.problems)
    registry = _registry(settings, problems)
    project = _project(settings, ci, problems)
    if ci.sha is None:
        problems.append("the commit is not known: run in a git checkout with a commit, or set CI_COMMIT_SHA")
    tags, tag_problems = tag_rules.choose(settings, ci, explicit_tags)
    problems += tag_problems
    targets = _targets(settings, found.sources, registry, project, problems)
    problems += _builder_problems(settings, builders)
    if settings.output:
        problems.append("output: images go to a registry here; to write files, run `buildctl` in a step of its own")
    if problems:
        raise SettingsError(list(dict.fromkeys(problems)))
    push = bool(tags.wanted) and not settings.dry_run
    home = next((target.repository for target in targets if target.repository), None)
    record = settings.record == "registry" or (settings.record == "auto" and not settings.repo)
    return Plan(
        targets=targets,
        tags=tags,
        push=push,
        hold=settings.hold,
        forced=settings.force,
        force_latest=settings.latest == "force",
        registry=registry,
        releases=_releases(home, project, settings) if home and record and push else None,
        revision=ci.sha or "",
        created=ci.commit_time,
        source=ci.repo_url or _web_address(ci.clone_url),
        version=ci.tag,
        pipeline=ci.pipeline_number,
        pipeline_url=ci.pipeline_url,
        builders=tuple(builders),
        export_cache=settings.cache == "registry" or (settings.cache == "auto" and not builders and not settings.repo),
    )


def _web_address(clone_url: str | None) -> str | None:
    """Return the page of a repository whose clone address is all that is known, as on a laptop."""
    return clone_url.removesuffix(".git") if clone_url and clone_url.startswith("https://") else None


def _releases(home: Repository, project: str, settings: "Settings") -> Repository:
    return home.sibling(RELEASES) if settings.repo else Repository(host=home.host, path=f"{project}/{RELEASES}")


def _registry(settings: "Settings", problems: list[str]) -> RegistryHost:
    if not settings.registry:
        if not settings.repo:
            problems.append("registry: required, but not set (such as registry.lan:5000)")
        return RegistryHost(host=DOCKER_HUB)
    try:
        return registry_host(settings.registry, insecure=settings.insecure)
    except ValueError as error:
        problems.append(f"registry: {error}")
        return RegistryHost(host=DOCKER_HUB)


def _project(settings: "Settings", ci: CI, problems: list[str]) -> str:
    if settings.repo:
        return ""
    try:
        return project_path(settings.project, ci)
    except ValueError as error:
        problems.append(f"project: {error}")
        return ""


def _targets(
    settings: "Settings", sources: Sequence[Source], registry: RegistryHost, project: str, problems: list[str]
) -> tuple[Target, ...]:
    ids = {source.name: re.sub(r"[^a-zA-Z0-9_-]", "-", source.name) for source in sources}
    _check_names(sources, ids, problems)
    targets = []
    for source in sources:
        platforms = source.platforms or tuple(settings.platforms)
        problems += [
            f"platforms: {platform!r} is no platform like linux/amd64" for platform in platforms if not _PLATFORM.fullmatch(platform)
        ]
        targets.append(
            Target(
                id=ids[source.name],
                source=source,
                repository=_repository(settings, source, registry, project, problems) if source.push else None,
                contexts={name: _context(value, ids, source, problems) for name, value in source.contexts.items()},
                platforms=platforms,
            )
        )
    if sources and not settings.dry_run and not any(source.push for source in sources):
        problems.append("images: every image says `push: false`, so there is nothing to push")
    circle = _circle(targets)
    if circle:
        problems.append(circle)
    return tuple(targets)


def _check_names(sources: Sequence[Source], ids: Mapping[str, str], problems: list[str]) -> None:
    problems += [
        f"images: the name {name!r} is given {count} times" for name, count in Counter(s.name for s in sources).items() if count > 1
    ]
    for same, count in Counter(ids.values()).items():
        names = sorted(name for name, each in ids.items() if each == same)
        if count > 1:
            problems.append(f"images: {' and '.join(names)} differ only in characters that BuildKit can't tell apart")


def _repository(settings: "Settings", source: Source, registry: RegistryHost, project: str, problems: list[str]) -> Repository | None:
    try:
        if settings.repo:
            repository = parse_repository(source.name, default_host=registry.host)
        else:
            path = f"{project}/{source.name}" if project else source.name
            problem = repository_problem(source.name) or repository_problem(path)
            if problem:
                raise ValueError(problem)  # noqa: TRY301  one place says how a bad name is reported
            repository = Repository(host=registry.host, path=path)
    except ValueError as error:
        problems.append(f"{'repo' if settings.repo else 'images'}: {error}")
        return None
    if repository.name == RELEASES:
        problems.append(f"{'repo' if settings.repo else 'images'}: the name `{RELEASES}` is reserved for the release records")
    return repository


def _context(value: str, ids: Mapping[str, str], source: Source, problems: list[str]) -> str:
    if not value.startswith(_TARGET):
        return value
    other = value.removeprefix(_TARGET)
    if other not in ids:
        problems.append(f"images ({source.name}): build_contexts: {value} names no image of this run")
        return value
    return _TARGET + ids[other]


def _circle(targets: Sequence[Target]) -> str | None:
    """Say which images are built from each other in a circle, or None."""
    needs = {
        target.id: [value.removeprefix(_TARGET) for value in target.contexts.values() if value.startswith(_TARGET)] for target in targets
    }
    free: set[str] = set()
    while ready := [
        name for name, others in needs.items() if name not in free and all(other in free or other not in needs for other in others)
    ]:
        free.update(ready)
    caught = [target.name for target in targets if target.id not in free]
    if len(caught) == 1:
        return f"images: {caught[0]} is built from itself"
    return f"images: {' and '.join(caught)} are built from each other in a circle" if caught else None


def _builder_problems(settings: "Settings", builders: Sequence[str]) -> list[str]:
    problems = [
        f"builder: {address!r} is no address; write tcp://host:1234 or unix:///path/to/buildkitd.sock"
        for address in builders
        if not re.fullmatch(r"tcp://[^/\s]+:\d+|unix:///\S+", address)
    ]
    problems += [f"add_host: {entry!r} is not host:ip" for entry in settings.add_host if ":" not in entry.strip(":")]
    for name in ("cache_from", "cache_to"):
        problems += [
            f"{name}[{index}]: `type` is missing"
            for index, entry in enumerate(getattr(settings, name))
            if not entry.get("type") and "" not in entry
        ]
    if bool(settings.builder_cert) != bool(settings.builder_key):
        problems.append("builder_cert and builder_key: mTLS needs both of them")
    return problems
