"""Finding the release record of the commit: in the workspace, else in the registry."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_kit.access import Access
from plugin_kit.ci import CI
from plugin_kit.console import Console
from plugin_kit.errors import PluginError, SettingsError
from plugin_kit.home import project_path, registry_host
from plugin_kit.manifest import Manifest
from plugin_kit.reference import DOCKER_HUB, RegistryHost, Repository, branch_slug, is_full_sha, parse_repository
from plugin_kit.release import RELEASES, WORKSPACE_FILE, Release, ReleasedImage, candidate_tag, read_workspace
from plugin_kit.releases import read_release

if TYPE_CHECKING:
    from kargo_notify.settings import Settings

_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The release record of the commit, and where it was found, in words.

    `releases` and `manifest` are where and as what the registry holds it; None where it holds none.
    """

    release: Release
    origin: str
    in_workspace: bool
    releases: Repository | None
    manifest: Manifest | None


def tagged_name(name: str) -> str | None:
    """Say what is wrong with the name of an image that comes with a tag; None where it comes without."""
    last, colon, tag = name.rpartition("/")[2].partition(":")
    if not colon or "@" in last:
        return None
    return f"{name!r} is not a repository name: its tag belongs into `tags`, as in `tags: [{tag}]`"


def skipped(ci: CI) -> str | None:
    """Say why there is nothing to do for this pipeline, or None."""
    return "a pull request is built and not pushed" if ci.event.is_pull_request else None


def commit_of(settings: "Settings", ci: CI) -> str:
    """Return the commit that is released. Raises SettingsError where it is not known, or is no full object id."""
    revision = settings.revision or ci.sha
    if not revision:
        raise SettingsError(["revision: the commit is not known: run in a git checkout with a commit, or set it"])
    if not is_full_sha(revision):
        raise SettingsError([f"revision: {revision!r} is no full commit id (40 hexadecimal digits, lower case)"])
    return revision


def home(settings: "Settings", ci: CI) -> RegistryHost:
    """Return the registry that the run is about: `registry`, else the one of the record in the workspace, or of `images`."""
    if settings.registry:
        try:
            return registry_host(settings.registry, insecure=settings.insecure)
        except ValueError as error:
            raise SettingsError([f"registry: {error}"]) from None
    left = None if settings.images else read_workspace(ci.workspace)
    names = settings.images or ([image.repository for image in left.images] if left else [])
    for name in names:
        try:
            repository = parse_repository(name, default_host="")
        except ValueError as error:
            raise SettingsError([f"images: {tagged_name(name) or error}"]) from None
        if repository.host:
            return RegistryHost(host=repository.host)
    raise SettingsError(
        ["registry: required, but not set (such as registry.lan:5000)"],
        hint=None if settings.images else f"only with a release record in the workspace ({WORKSPACE_FILE}) it can be left out",
    )


def find(settings: "Settings", ci: CI, access: Access, console: Console) -> Record | None:
    """Find the record of the commit; None where `images` says what to look at instead.

    Raises PluginError where there is none, and says where it was looked for; SettingsError where the settings say something else than it.
    """
    if settings.images:
        return None
    if settings.tags:
        raise SettingsError(["tags: it belongs to `images`, and the tags of a release record are in it"], hint="leave `tags` out")
    revision = commit_of(settings, ci)
    left = read_workspace(ci.workspace)
    with access.retrying_for(settings.timeout.total_seconds()):
        if left is not None and left.revision == revision:
            return _from_workspace(left, settings, ci, access, console)
        if left is not None:
            console.info(
                f"{WORKSPACE_FILE} in the workspace is of commit {left.revision[:_SHORT]}, not of {revision[:_SHORT]}; "
                "the record is looked for in the registry"
            )
        return _from_registry(revision, left, settings, ci, access)


def _from_workspace(left: Release, settings: "Settings", ci: CI, access: Access, console: Console) -> Record:
    _demand_agreement(left, settings, ci, access.home)
    releases = _releases_beside(left) or Repository(host=access.home.host, path=f"{_project(settings, ci)}/{RELEASES}")
    registry = access.registry(releases.host)
    manifest = None
    for tag in _tags(left.revision, ci):
        found = read_release(registry, releases.path, tag)
        if found is None:
            continue
        if _digests(found[0]) == _digests(left):
            manifest = found[1]
            # The workspace's says no more that its tags are held once they are set. The registry's says it for ever.
            left = left.model_copy(update={"held": left.held or found[0].held})
            break
        console.warn(
            f"{releases}:{tag} names other images than the release record in the workspace",
            hint="the commit was built again meanwhile; if the images are refused below, run the pipeline again",
        )
    return Record(
        release=left,
        origin=f"the release record in the workspace ({WORKSPACE_FILE})",
        in_workspace=True,
        releases=releases if manifest else None,
        manifest=manifest,
    )


def _demand_agreement(left: Release, settings: "Settings", ci: CI, home: RegistryHost) -> None:
    """Raise SettingsError where `registry` or `project` are written and name another place than the images of the record are in."""
    places = [place for image in left.images if (place := _place(image)) is not None]
    problems = []
    if settings.registry and (other := next((place for place in places if place.host != home.host), None)):
        problems.append(f"registry: the record in the workspace is of {other}, the setting says {home.host}")
    if settings.project:
        project = _project(settings, ci)
        other = next((place for place in places if not f"{place.path}/".startswith(f"{project}/")), None)
        if other is not None:
            problems.append(f"project: the record in the workspace is of {other}, the setting says {project}")
    if problems:
        raise SettingsError(problems, hint="write `registry` and `project` as in registry-push, or leave them out")


def _place(image: ReleasedImage) -> Repository | None:
    """Return registry and project of an image; None where registry-push names it by its repository (`repo`), which may be anywhere."""
    repository = parse_repository(image.repository, default_host=DOCKER_HUB)
    project = repository.path.removesuffix(f"/{image.name}")
    return Repository(host=repository.host, path=project) if project != repository.path else None


def _from_registry(revision: str, left: Release | None, settings: "Settings", ci: CI, access: Access) -> Record:
    project = _project(settings, ci)
    releases = Repository(host=access.home.host, path=f"{project}/{RELEASES}")
    tags = _tags(revision, ci)
    for tag in tags:
        found = read_release(access.registry(releases.host), releases.path, tag)
        if found is None:
            continue
        release, manifest = found
        if release.revision != revision:
            raise PluginError(
                f"{releases}:{tag} is the release record of another commit, {release.revision}",
                hint="somebody set the tag by hand; remove it and run the pipeline again",
            )
        return Record(
            release=release, origin=f"the release record {releases}:{tag}", in_workspace=False, releases=releases, manifest=manifest
        )
    stale = f"of commit {left.revision[:_SHORT]}" if left else "not there"
    raise PluginError(
        f"there is no release record of commit {revision[:_SHORT]}: it is not known which images it has",
        details=(f"looked at: {WORKSPACE_FILE} in the workspace ({stale})", *(f"looked at: {releases}:{tag} (not there)" for tag in tags)),
        hint="run registry-push before this step, with the same `registry` and `project`; where it has `record: workspace`, both must be "
        "steps of one workflow. For images that other plugins build, set `images` (and `tags`)",
    )


def _tags(revision: str, ci: CI) -> tuple[str, ...]:
    """Return the tags that a record may have; the candidate first, since a commit that is built again has a new one there."""
    branch = (f"{branch_slug(ci.branch)}-{revision}",) if ci.branch else ()
    return (candidate_tag(revision), revision, *branch)


def _project(settings: "Settings", ci: CI) -> str:
    try:
        return project_path(settings.project, ci)
    except ValueError as error:
        raise SettingsError([f"project: {error}"]) from None


def _releases_beside(release: Release) -> Repository | None:
    """Return the repository of records of the project that the images are in; None without images."""
    if not release.images:
        return None
    place = _place(release.images[0])
    if place is None:
        # With `repo` registry-push puts the record beside the first image.
        return parse_repository(release.images[0].repository, default_host=DOCKER_HUB).sibling(RELEASES)
    return Repository(host=place.host, path=f"{place.path}/{RELEASES}")


def _digests(release: Release) -> dict[str, str]:
    return {image.repository: image.digest for image in release.images}
