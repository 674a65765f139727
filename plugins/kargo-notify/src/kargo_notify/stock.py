"""What a project has in its registry: release records, and the tags of every image that one of them names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from kargo_notify import records
from kargo_notify.housekeeping import LONG_AGO, Commit, Shelf, Tagged, revision_of, state_of
from plugin_kit.errors import PluginError, RegistryError, RegistryUnavailable, SettingsError
from plugin_kit.home import project_path
from plugin_kit.manifest import Manifest, Stamp
from plugin_kit.parallel import each
from plugin_kit.reference import RegistryHost, Repository, parse_repository
from plugin_kit.registry import Registry
from plugin_kit.release import RELEASES, Release
from plugin_kit.releases import read_release

if TYPE_CHECKING:
    from kargo_notify.settings import Settings
    from plugin_kit.ci import CI

_MOST_REPOSITORIES = 5000
_MOST_PROJECTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Repositories and recorded commits; `digests` are those that a commit had in a repository, `elsewhere` images outside the project."""

    shelves: tuple[Shelf, ...]
    commits: tuple[Commit, ...]
    digests: Mapping[tuple[Repository, str], frozenset[str]]
    elsewhere: tuple[str, ...] = ()

    @property
    def tags(self) -> int:
        """How many tags there are."""
        return sum(len(shelf.tags) for shelf in self.shelves)


def place(settings: "Settings", ci: "CI") -> tuple[RegistryHost, Repository]:
    """Return the registry and the repository of the project's release records. Raises SettingsError where they are not known."""
    home = records.home(settings, ci)
    try:
        return home, Repository(host=home.host, path=f"{project_path(settings.project, ci)}/{RELEASES}")
    except ValueError as error:
        raise SettingsError([f"project: {error}"]) from None


def project(releases: Repository) -> str:
    """Name what the images of a project have in common: registry and path."""
    return str(releases).removesuffix(f"/{RELEASES}")


def nothing_recorded(registry: Registry, releases: Repository) -> PluginError:
    """Make the error for a project without release records; it names those projects that have some, where the registry tells."""
    try:
        # The last page of a registry with very many repositories is worth no minute.
        paths = list(islice(registry.repositories(), _MOST_REPOSITORIES))
    except (RegistryError, ValueError):
        paths = []
    others = sorted(path.removesuffix(f"/{RELEASES}") for path in paths if path.endswith(f"/{RELEASES}") and path != releases.path)
    more = (f"and {len(others) - _MOST_PROJECTS} more",) if len(others) > _MOST_PROJECTS else ()
    return PluginError(
        f"{releases} has no release records",
        details=(f"{releases.host} has records of: {', '.join((*others[:_MOST_PROJECTS], *more))}",) if others else (),
        hint="check `registry` and `project`; records are written by registry-push, unless `record` says otherwise",
    )


def read(registry: Registry, releases: Repository) -> Stock:
    """Read everything that a decision needs; raises PluginError where that is not possible."""
    own = tags(registry, releases)
    by_digest = {tagged.digest: tag for tag, tagged in own.items() if tagged.digest and revision_of(tag)}
    known = each(lambda tag: _record(registry, releases, tag), by_digest.values())
    named = _named(own, by_digest)
    commits: dict[str, Commit] = {}
    digests: dict[tuple[Repository, str], frozenset[str]] = {}
    elsewhere: dict[str, None] = {}
    repositories: dict[Repository, None] = {}
    for tag, release in zip(by_digest.values(), known, strict=True):
        commit = _commit(tag, own[tag], release, named)
        commits[commit.revision] = _merged(commits.get(commit.revision), commit)
        for image in release.images if isinstance(release, Release) else ():
            repository = here(image.repository, releases)
            if repository is None:
                elsewhere[image.repository] = None
                continue
            repositories[repository] = None
            place = repository, commit.revision
            digests[place] = digests.get(place, frozenset()) | {image.digest}
    shelves = [Shelf(repository=repository, tags=tags(registry, repository)) for repository in sorted(repositories, key=str)]
    return Stock(
        shelves=(*shelves, Shelf(repository=releases, tags=own)),
        commits=tuple(commits.values()),
        digests=digests,
        elsewhere=tuple(elsewhere),
    )


def tags(registry: Registry, repository: Repository) -> dict[str, Tagged]:
    """Read what every tag of a repository names."""
    return _resolve(registry, repository, list(registry.tags(repository.path)))


def look_again(registry: Registry, shelf: Shelf, revisions: Collection[str]) -> Shelf:
    """Read a repository anew as far as it may have changed: its list of tags, those that move, and those of these commits."""
    listed = list(registry.tags(shelf.repository.path))
    asked = [tag for tag in listed if tag not in shelf.tags or (revision_of(tag) or "") in {"", *revisions}]
    fresh = _resolve(registry, shelf.repository, asked)
    return replace(shelf, tags={tag: fresh[tag] if tag in fresh else shelf.tags[tag] for tag in listed})


def with_untagged(registry: Registry, shelf: Shelf, digests: Collection[str]) -> Shelf:
    """Return the repository with those of the digests that it has without a tag; only where indexes are about does that matter."""
    if not any(tagged.children for tagged in shelf.tags.values()):
        return shelf
    wanted = sorted(set(digests) - {tagged.digest or "" for tagged in shelf.tags.values()})
    found = each(lambda digest: registry.manifest(shelf.repository.path, digest), wanted)
    return replace(shelf, untagged=tuple(_tagged(manifest) for manifest in found if manifest is not None))


def here(name: str, releases: Repository) -> Repository | None:
    """Find an image beside the records; its registry may go by another host name in the network that it was built in."""
    project = releases.path.removesuffix(RELEASES)
    try:
        path = parse_repository(name, default_host=releases.host).path
    except ValueError:
        return None
    return Repository(host=releases.host, path=path) if path.startswith(project) else None


def _resolve(registry: Registry, repository: Repository, tags: Sequence[str]) -> dict[str, Tagged]:
    found = dict(zip(tags, each(lambda tag: registry.manifest(repository.path, tag), tags), strict=True))
    missing = [tag for tag, manifest in found.items() if manifest is None]
    if missing:
        # Between the list and the question somebody may have removed one: what is listed again has no manifest.
        listed = set(registry.tags(repository.path))
        found |= {tag: registry.manifest(repository.path, tag) for tag in missing if tag in listed}
        found = {tag: manifest for tag, manifest in found.items() if manifest is not None or tag in listed}
    return {tag: _tagged(manifest) for tag, manifest in found.items()}


def _tagged(manifest: Manifest | None) -> Tagged:
    if manifest is None:
        return Tagged(digest=None)
    stamp = Stamp.of(manifest)
    # Attestations are children as well: an index is whole only with all that it lists.
    listed = manifest.document.get("manifests") or () if manifest.is_index else ()
    children = frozenset(str(entry.get("digest")) for entry in listed)
    return Tagged(digest=manifest.digest, children=children, created=stamp.created, revision=stamp.revision)


def _record(registry: Registry, releases: Repository, tag: str) -> Release | str:
    """Read a record, or say why it can't be read: one that is broken must not keep all others from being tidied up."""
    try:
        found = read_release(registry, releases.path, tag)
    except RegistryUnavailable:
        raise
    except PluginError as error:
        return f"its release record can't be read: {error.message}"
    return found[0] if found else "its release record has vanished while this ran"


def _named(own: Mapping[str, Tagged], by_digest: Mapping[str, str]) -> Mapping[str, frozenset[str]]:
    """Collect the tags of each commit's records; a version names no commit, and belongs to the one whose record it names."""
    found: dict[str, frozenset[str]] = {}
    for tag, tagged in own.items():
        revision = revision_of(tag) or revision_of(by_digest.get(tagged.digest or "", ""))
        if revision:
            found[revision] = found.get(revision, frozenset()) | {tag}
    return found


def _commit(tag: str, tagged: Tagged, release: Release | str, named: Mapping[str, frozenset[str]]) -> Commit:
    revision = revision_of(tag) or ""
    if isinstance(release, str):
        state = state_of(revision, named.get(revision, ()), held=True)
        return Commit(revision=revision, created=tagged.created or LONG_AGO, state=state, fault=release)
    return Commit(
        revision=release.revision,
        created=release.created,
        pipeline=release.pipeline.number or 0,
        digests=frozenset(image.digest for image in release.images),
        state=state_of(release.revision, named.get(release.revision, ()), held=release.held),
    )


def _merged(known: Commit | None, commit: Commit) -> Commit:
    """Join what two records of one commit say, which was built again."""
    if known is None:
        return commit
    newer = max(known, commit, key=lambda each: (not each.fault, each.age))
    return replace(newer, digests=known.digests | commit.digests, fault=known.fault or commit.fault)
