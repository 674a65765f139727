"""`kargo-notify --show COMMIT`: which digests make up a commit, read from its release record in the registry."""

import json
import re
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal

from kargo_notify import stock
from kargo_notify.housekeeping import LONG_AGO, revision_of
from plugin_kit.access import Access
from plugin_kit.console import Console, size
from plugin_kit.errors import PluginError, RegistryError
from plugin_kit.manifest import Manifest, Stamp
from plugin_kit.parallel import each
from plugin_kit.reference import Repository
from plugin_kit.registry import Registry
from plugin_kit.release import LATEST, Release, ReleasedImage, candidate_tag
from plugin_kit.releases import read_release

if TYPE_CHECKING:
    from kargo_notify.settings import Settings
    from plugin_kit.ci import CI
    from plugin_kit.options import Chosen

JSON = "--json"
NEWEST = 5
_PREFIX = re.compile(r"[0-9a-f]{4,40}")

State = Literal["released", "held", "incomplete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A release record and the tags that it has in the registry now."""

    release: Release
    repository: Repository
    digest: str
    tags: tuple[str, ...]

    @property
    def state(self) -> State:
        """Whether the commit's tags are set; `incomplete`: they should be, and are not."""
        if set(self.tags) - {candidate_tag(self.release.revision)}:
            return "released"
        return "held" if self.release.held else "incomplete"

    def tag(self, image: ReleasedImage) -> str:
        """Return the tag that an image can be pulled by now, as far as the record tells."""
        released = [tag for tag in image.wanted_tags if tag in self.tags]
        return released[0] if self.state == "released" and released else image.tag


def run(settings: "Settings", ci: "CI", console: Console, chosen: "Chosen") -> None:
    """Print the record; raises PluginError where there is none, or several."""
    home, releases = stock.place(settings, ci)
    wanted = chosen.value(chosen.action.option) if chosen.action else ""
    with Access(settings, home, ci.workspace, console) as access:
        registry = access.registry(home.host)
        registry.ping()
        shown = find(registry, releases, wanted)
    if JSON in chosen:
        # Not by the console, which would redact what looks like a secret: this is for programs.
        sys.stdout.write(json.dumps(document(shown), indent=2) + "\n")
    else:
        table(shown, console)


def find(registry: Registry, releases: Repository, wanted: str) -> Shown:
    """Find the record that a tag, a commit or the beginning of a commit names."""
    listed = list(registry.tags(releases.path))
    tag = _choose(registry, releases, listed, wanted.strip())
    found = read_release(registry, releases.path, tag)
    if found is None:
        raise RegistryError(
            f"{releases}:{tag} is listed, and its manifest is gone", hint="run the pipeline of the commit again; see also --prune"
        )
    release, manifest = found
    return Shown(
        release=release,
        repository=releases,
        digest=manifest.digest,
        tags=_tags(registry, releases, listed, release, manifest),
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
        "images": [
            {
                "name": image.name,
                "repository": image.repository,
                "tag": shown.tag(image),
                "digest": image.digest,
                "reference": f"{image.repository}@{image.digest}",
                "media_type": image.media_type,
                "platforms": list(image.platforms),
                "size": image.size,
                "state": image.state,
            }
            for image in release.images
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
    same = len({shown.tag(image) for image in release.images}) == 1
    rows = [
        (image.name, *(() if same else (shown.tag(image),)), size(image.size), ", ".join(image.platforms), image.state)
        for image in release.images
    ]
    console.info("")
    console.table(
        ["image", *([] if same else ["tag"]), "size", "platforms", ""],
        rows,
        align="lrll" if same else "llrll",
        title=f"as {shown.tag(release.images[0])}" if same else None,
    )
    console.info("")
    for image in release.images:
        console.info(f"{image.repository}@{image.digest}")


def _state(shown: Shown) -> str:
    if shown.state == "released":
        return "released"
    waiting = ", ".join(shown.release.wanted_tags)
    if shown.state == "held":
        return f"held: kargo-notify has not set {waiting}"
    return f"incomplete: {waiting} should be there; run the pipeline again"


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
        return PluginError(
            f"{releases} has no release records",
            hint="check `registry` and `project`; records are written by registry-push, unless `record` says otherwise",
        )
    return PluginError(
        f"{releases} has no record of {wanted}",
        details=("the newest commits there:", *_described(registry, releases, listed, commits)[:NEWEST]),
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
