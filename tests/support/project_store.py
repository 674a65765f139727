"""A project in the registry of the test's memory: commits with their images and release records, and a registry that removes things.

tests/e2e/test_prune.py asks a real docker-registry the same questions.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qs, urlsplit

from plugin_kit.manifest import CREATED, OCI_MANIFEST, REVISION, Manifest
from plugin_kit.reference import is_digest
from plugin_kit.release import ARTIFACT_TYPE, RELEASES, Pipeline, Release, ReleasedImage, candidate_tag
from tests.support.image_store import Deletion, ImageStore
from tests.support.scripted_server import Answer, Asked, ScriptedServer, scripted_server

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
IMAGES = ("api", "query-api", "web")


class Removal(StrEnum):
    """What a registry removes."""

    TAGS = "OCI distribution 1.1: a tag by itself, and digests"
    DIGESTS = "docker-registry 2.8: digests only, with all their tags"
    OFF = "docker-registry 2.8 as it comes: nothing"
    GREEDY = "a tag, and with it the manifest and all its other tags"


_OF_TAGS = {Removal.TAGS: Deletion.TAG, Removal.GREEDY: Deletion.MANIFEST}


def sha(number: int) -> str:
    """Return the SHA of the test's commit of that number."""
    return f"{number:04x}" * 10


class ProjectStore(ImageStore):
    """The registry, with one project in it; `deleted` are the references of the DELETEs that were granted, in order."""

    def __init__(self, server: ScriptedServer, removal: Removal, project: str) -> None:
        super().__init__(server, _OF_TAGS.get(removal, Deletion.REFUSED))
        self.removal = removal
        self.project = project
        self.releases = f"{project}/{RELEASES}"
        self.deleted: list[tuple[str, str]] = []

    def commit(
        self,
        number: int,
        *,
        tags: Sequence[str] | None = None,
        more: Sequence[str] = (),
        images: Sequence[str] = IMAGES,
        held: bool = False,
        host: str | None = None,
    ) -> Release:
        """Store the images and the record of a commit, as many minutes after noon as its number; `more` are tags beside its own."""
        revision = sha(number)
        wanted = (*((revision,) if tags is None else tags), *more)
        own = (candidate_tag(revision), *(() if held else wanted))
        entries = []
        for name in images:
            path = f"{self.project}/{name}"
            manifest = self.push(path, revision, tags=own, created=NOON + timedelta(minutes=number))
            entries.append(
                ReleasedImage(
                    name=name,
                    repository=f"{host or self.host}/{path}",
                    tag=own[0],
                    wanted_tags=wanted,
                    digest=manifest.digest,
                    media_type=manifest.media_type,
                    platforms=("linux/amd64",),
                    size=manifest.size,
                    state="built",
                )
            )
        release = Release(
            repository="https://git.example.lan/acme/shop",
            revision=revision,
            created=NOON + timedelta(minutes=number),
            pipeline=Pipeline(number=number, url=f"https://ci.example.lan/{number}"),
            held=held,
            images=tuple(entries),
        )
        self.record(release, own)
        return release

    def record(self, release: Release, tags: Sequence[str]) -> Manifest:
        """Store a release record."""
        return self.put(
            self.releases,
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "artifactType": ARTIFACT_TYPE,
                "config": self._blob(self.releases, b"{}", "application/vnd.oci.empty.v1+json"),
                "layers": [self._blob(self.releases, release.to_json(), ARTIFACT_TYPE)],
                "annotations": {CREATED: release.created.isoformat(), REVISION: release.revision},
            },
            tags,
        )

    def tag(self, name: str, digest: str, tag: str) -> None:
        """Set a tag of an image, whether the digest is there or not."""
        self.tags[f"{self.project}/{name}"][tag] = digest

    def heal(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def names(self, name: str) -> set[str]:
        """Return the tags of an image."""
        return set(self.tags.get(f"{self.project}/{name}", {}))

    def commits(self, name: str) -> set[int]:
        """Return the numbers of the commits that an image has a tag of."""
        return {int(tag[-4:], 16) for tag in self.names(name) if tag[-40:-36] == tag[-4:]}

    def everything(self) -> dict[str, dict[str, str]]:
        """Return every tag with its digest."""
        return {path: dict(tags) for path, tags in self.tags.items()}

    def answer(self, asked: Asked) -> Answer:
        """Answer what the plain store leaves out: lists of repositories and tags, uploads."""
        url = urlsplit(asked.path)
        if url.path == "/v2/_catalog":
            with self._lock:
                return Answer(body=json.dumps({"repositories": sorted(self.manifests)}).encode())
        if url.path.endswith("/tags/list"):
            with self._lock:
                path = url.path.removeprefix("/v2/").removesuffix("/tags/list")
                listed = sorted(self.tags.get(path, {}))
                return Answer(status=200 if path in self.manifests else 404, body=json.dumps({"name": path, "tags": listed}).encode())
        if url.path.endswith("/blobs/uploads/") and asked.method == "POST":
            return Answer(status=202, headers={"Location": f"{url.path}session"})
        if url.path.endswith("/blobs/uploads/session"):
            path = url.path.removeprefix("/v2/").removesuffix("/blobs/uploads/session")
            digest = parse_qs(url.query)["digest"][0]
            assert self._blob(path, asked.body, "")["digest"] == digest
            return Answer(status=201)
        return super().answer(asked)

    def _delete(self, path: str, reference: str) -> Answer:
        if self.removal is Removal.OFF:
            return Answer(status=405, body=b'{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}')
        answer = self._delete_digest(path, reference) if is_digest(reference) else super()._delete(path, reference)
        if answer.status == 202:
            self.deleted.append((path, reference))
        return answer

    def _delete_digest(self, path: str, digest: str) -> Answer:
        if self.manifests.get(path, {}).pop(digest, None) is None:
            return Answer(status=404, body=b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
        self.tags[path] = {tag: named for tag, named in self.tags[path].items() if named != digest}
        return Answer(status=202)


@contextmanager
def project_store(removal: Removal = Removal.DIGESTS, project: str = "shop") -> Iterator[ProjectStore]:
    """Serve a registry with an empty project on a free port of 127.0.0.1."""
    with scripted_server() as server:
        yield ProjectStore(server, removal, project)
