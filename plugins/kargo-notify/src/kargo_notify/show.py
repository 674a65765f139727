"""`kargo-notify --show COMMIT`: which digests make up a commit, read from its release record in the registry."""

import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal

from kargo_notify import presence, stock
from kargo_notify.housekeeping import LONG_AGO, revision_of
from kargo_notify.presence import Demand, Presence
from plugin_kit.access import Access
from plugin_kit.console import Console, counted, size
from plugin_kit.errors import PluginError, RegistryError
from plugin_kit.manifest import Manifest, Stamp
from plugin_kit.parallel import each
from plugin_kit.reference import Repository
from plugin_kit.registry import Registry
from plugin_kit.release import LATEST, Release, candidate_tag
from plugin_kit.releases import read_release

if TYPE_CHECKING:
    from kargo_notify.settings import Settings
    from plugin_kit.ci import CI
    from plugin_kit.options import Chosen

JSON = "--json"
_NEWEST = 5
_PREFIX = re.compile(r"[0-9a-f]{4,40}")
_CONNECTIONS = 16

State = Literal["released", "held", "incomplete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A release record with the tags that it has in the registry now, and its images as they are there now."""

    demand: Demand
    repository: Repository
    digest: str
    tags: tuple[str, ...]
    images: tuple[Presence, ...]

    @property
    def release(self) -> Release:
        """The record."""
        return self.demand.release

    @property
    def problems(self) -> tuple[str, ...]:
        """All that is not as it should be, the record's own tags first."""
        return (*self._missing(), *(problem for image in self.images for problem in image.problems))

    @property
    def state(self) -> State:
        """Whether the commit can be deployed as its tags say; `incomplete`: something of it is missing, or names something else."""
        if self.problems:
            return "incomplete"
        return "held" if self.demand.held else "released"

    def _missing(self) -> Iterator[str]:
        # The record gets its tags last: without them the run that built the commit did not end well.
        if not self.demand.held and not set(self.tags) - {self.demand.candidate}:
            waiting = [tag for tag in self.release.wanted_tags if tag not in self.release.forward_tags]
            yield from (f"{self.repository.name}:{tag} is missing" for tag in waiting)


class Incomplete(PluginError):  # noqa: N818  what the commit is
    """Something of a commit is gone, or not what its tag says."""

    def __init__(self, shown: Shown) -> None:
        words = {image.word for image in shown.images}
        if words & {"gone", "in part"}:
            hint = (
                "take another commit, or run the pipeline of this one again, with `force: true` in the step of registry-push: "
                "what is built anew has another digest"
            )
        elif "not known" in words:
            hint = "what could not be looked at may be there: try again when its registry answers"
        else:
            hint = (
                "the digests can be pulled all the same. Running the pipeline of the commit again sets tags that are missing; "
                "one that names something else was set since, by hand or by `force: true` in registry-push"
            )
        super().__init__(f"commit {shown.release.revision} is not all there", details=shown.problems, hint=hint)


def run(settings: "Settings", ci: "CI", console: Console, chosen: "Chosen") -> None:
    """Print the record; raises PluginError where there is none, or several, and after it where the registry has not all of its images."""
    home, releases = stock.place(settings, ci)
    wanted = chosen.value(chosen.action.option) if chosen.action else ""
    with Access(settings, home, ci.workspace, console, connections=_CONNECTIONS) as access:
        registry = access.registry(home.host)
        registry.ping()
        shown = find(access, releases, wanted)
    if JSON in chosen:
        # Not by the console, which would redact what looks like a secret: this is for programs.
        sys.stdout.write(json.dumps(document(shown), indent=2) + "\n")
        sys.stdout.flush()
    else:
        table(shown, console)
    if shown.problems:
        raise Incomplete(shown)


def find(access: Access, releases: Repository, wanted: str) -> Shown:
    """Find the record that a tag, a commit or the beginning of a commit names, and look at its images."""
    registry = access.registry(releases.host)
    listed = list(registry.tags(releases.path))
    tag = _choose(registry, releases, listed, wanted.strip())
    found = read_release(registry, releases.path, tag)
    if found is None:
        raise RegistryError(
            f"{releases}:{tag} is listed, and its manifest is gone", hint="run the pipeline of the commit again; see also --prune"
        )
    release, manifest = found
    tags = _tags(registry, releases, listed, release, manifest)
    demand = Demand(release=release, own=frozenset(tags), held=release.held and not set(tags) - {candidate_tag(release.revision)})
    return Shown(
        demand=demand,
        repository=releases,
        digest=manifest.digest,
        tags=tags,
        images=presence.look(demand, releases, access),
    )


def document(shown: Shown) -> dict[str, Any]:
    """Give the record as JSON: what is documented here stays; keys may be added."""
    release = shown.release
    return {
        "schema_version": 1,
        "revision": release.revision,
        "repository": release.repository,
        "created": release.created.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "pipeline": {"number": release.pipeline.number, "url": release.pipeline.url},
        "state": shown.state,
        "tags": list(shown.tags),
        "record": f"{shown.repository}@{shown.digest}",
        "problems": list(shown.problems),
        "images": [
            {
                "name": image.name,
                "repository": image.repository,
                "tag": present.tag,
                "digest": image.digest,
                "reference": f"{image.repository}@{image.digest}",
                "media_type": image.media_type,
                "platforms": list(image.platforms),
                "size": image.size,
                "state": image.state,
                "problems": list(present.problems),
            }
            for present in shown.images
            for image in (present.image,)
        ],
    }


def table(shown: Shown, console: Console) -> None:
    """Print the record for people. References stand on lines of their own, whole and at the beginning, so that they can be copied."""
    release = shown.release
    for name, text in (
        ("commit", release.revision),
        ("repository", release.repository or ""),
        ("created", f"{release.created.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"),
        ("pipeline", " ".join(filter(None, (str(release.pipeline.number or ""), release.pipeline.url)))),
        ("state", _state(shown)),
        ("tags", ", ".join(shown.tags)),
        ("record", f"{shown.repository}@{shown.digest}"),
    ):
        if text:
            console.info(f"{name:<12}{text}")
    console.info("")
    tags = {present.tag for present in shown.images}
    same = tags.pop() if len(tags) == 1 else None
    if same:
        console.info(f"Each image can be pulled as {same}:")
    rows = [
        (
            image.name,
            *(() if same else (present.tag or "none",)),
            size(image.size),
            ", ".join(image.platforms),
            image.state,
            present.word,
        )
        for present in shown.images
        for image in (present.image,)
    ]
    heads = ["image", *([] if same else ["tag"]), "size", "platforms", "build", "now"]
    console.table(heads, rows, align="lrlll" if same else "llrlll")
    console.info("")
    for image in release.images:
        console.info(f"{image.repository}@{image.digest}")


def _state(shown: Shown) -> str:
    if shown.state == "incomplete":
        return f"incomplete: {counted(len(shown.problems), 'problem')}, listed at the end"
    return f"held: kargo-notify has not set {', '.join(shown.release.wanted_tags)}" if shown.state == "held" else "released"


def _choose(registry: Registry, releases: Repository, listed: Sequence[str], wanted: str) -> str:
    """Return the tag to read: the one given, else the best of the one commit that begins so."""
    if wanted in listed:
        return wanted
    prefix = wanted.lower()
    commits = {revision for tag in listed if (revision := revision_of(tag)) and revision.startswith(prefix)}
    if not _PREFIX.fullmatch(prefix) or not commits:
        raise _nothing(registry, releases, listed, wanted)
    if len(commits) > 1:
        raise PluginError(
            f"{wanted} is the beginning of {len(commits)} commits of {releases}",
            details=_described(registry, releases, listed, commits),
            hint="give some more digits",
        )
    return _best(listed, commits.pop())


def _best(listed: Iterable[str], revision: str) -> str:
    """Choose among the tags of a commit: what is released says more than the candidate, which may have been built again."""
    own = [tag for tag in listed if revision_of(tag) == revision]
    return min(own, key=lambda tag: (tag != revision, tag == candidate_tag(revision), tag))


def _tags(registry: Registry, releases: Repository, listed: Sequence[str], release: Release, manifest: Manifest) -> tuple[str, ...]:
    """List the tags that this very record has."""
    likely = [tag for tag in listed if revision_of(tag) == release.revision or tag in {*release.wanted_tags, LATEST}]
    found = each(lambda tag: registry.manifest(releases.path, tag), likely)
    own = {tag for tag, other in zip(likely, found, strict=True) if other is not None and other.digest == manifest.digest}
    first = [tag for tag in (release.revision, *release.wanted_tags) if tag in own]
    return tuple(dict.fromkeys((*first, *sorted(own))))


def _nothing(registry: Registry, releases: Repository, listed: Sequence[str], wanted: str) -> PluginError:
    commits = {revision for tag in listed if (revision := revision_of(tag))}
    if not commits:
        return stock.nothing_recorded(registry, releases)
    return PluginError(
        f"{releases} has no record of {wanted}",
        details=("the newest commits there:", *_described(registry, releases, listed, commits)[:_NEWEST]),
        hint="give a commit (4 digits or more) or a tag of the record, such as `latest`; --prune removes old ones",
    )


def _described(registry: Registry, releases: Repository, listed: Sequence[str], commits: Collection[str]) -> list[str]:
    """Describe commits, the newest first."""
    revisions = sorted(commits)
    manifests = each(lambda revision: registry.manifest(releases.path, _best(listed, revision)), revisions)
    dated = [
        ((Stamp.of(manifest).created if manifest else None) or LONG_AGO, revision)
        for revision, manifest in zip(revisions, manifests, strict=True)
    ]
    return [
        f"{revision}  {f'{created.astimezone(UTC):%Y-%m-%d %H:%M}' if created != LONG_AGO else ''}".rstrip()
        for created, revision in sorted(dated, reverse=True)
    ]
