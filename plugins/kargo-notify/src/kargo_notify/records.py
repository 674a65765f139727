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
from plugin_kit.release import RELEASES, WORKSPACE_FILE, Release, candidate_tag, read_workspace
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
            raise SettingsError([f"images: {error}"]) from None
        if repository.host:
            return RegistryHost(host=repository.host)
    raise SettingsError(
        ["registry: required, but not set (such as registry.lan:5000)"],
        hint=None if settings.images else f"only with a release record in the workspace ({WORKSPACE_FILE}) it can be left out",
    )


def find(settings: "Settings", ci: CI, access: Access, console: Console) -> Record | None:
    """Find the record of the commit; None where `images` says what to look at instead.

    Raises PluginError where there is none, and says where it was looked for.
    """
    if settings.images:
        return None
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
    releases = _releases_beside(left) or Repository(host=access.home.host, path=f"{_project(settings, ci)}/{RELEASES}")
    registry = access.registry(releases.host)
    manifest = None
    for tag in _tags(left.revision, ci):
        found = read_release(registry, releases.path, tag)
        if found is None:
            continue
        if _digests(found[0]) == _digests(left):
            manifest = found[1]
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
    image = release.images[0]
    repository = parse_repository(image.repository, default_host=DOCKER_HUB)
    project = repository.path.removesuffix(f"/{image.name}")
    if project == repository.path:
        # With `repo` registry-push names images by their repository, and puts the record beside the first one.
        return repository.sibling(RELEASES)
    return Repository(host=repository.host, path=f"{project}/{RELEASES}")


def _digests(release: Release) -> dict[str, str]:
    return {image.repository: image.digest for image in release.images}
