"""A commit whose images are held for kargo-notify, in a registry in memory."""

import io
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kargo_notify import expected, records
from kargo_notify.expected import Plan
from kargo_notify.records import Record
from kargo_notify.settings import Settings
from plugin_kit.access import Access
from plugin_kit.ci import CI, Event
from plugin_kit.console import Console
from plugin_kit.manifest import OCI_MANIFEST, Manifest
from plugin_kit.reference import Repository
from plugin_kit.release import ARTIFACT_TYPE, Pipeline, Release, ReleasedImage, candidate_tag
from tests.support.image_store import ImageStore

SHA = "4c1f0d0a7e5b9d1c2f3a4b5c6d7e8f9012345678"
OLDER, OTHER = "a" * 40, "b" * 40
CANDIDATE = candidate_tag(SHA)
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WATCHED = "query-api"


@dataclass(slots=True)
class HeldCommit:
    """Images in `store` under their candidate's tag, the record that names them, and the pipeline that releases them."""

    store: ImageStore
    workspace: Path
    names: Sequence[str] = ("api", "web", WATCHED)
    wanted: tuple[str, ...] = (SHA, "latest")
    sha: str = SHA
    images: dict[str, Manifest] = field(default_factory=dict)
    console: Console = field(init=False)
    out: io.StringIO = field(default_factory=io.StringIO)
    opened: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.console = Console(self.out, colour=False)
        for name in self.names:
            self.images.setdefault(
                name, self.store.push(f"shop/{name}", self.sha, tags=[candidate_tag(self.sha)], created=NOON, pipeline=7)
            )

    @property
    def log(self) -> str:
        """What a person has read so far, line breaks as spaces."""
        return " ".join(self.out.getvalue().split())

    @property
    def ci(self) -> CI:
        """The pipeline of the commit."""
        return CI(
            event=Event.PUSH,
            workspace=self.workspace,
            in_woodpecker=True,
            default_branch="main",
            branch="main",
            sha=self.sha,
            commit_time=NOON,
            repo="acme/shop",
            pipeline_number=7,
        )

    def settings(self, **given: Any) -> Settings:  # noqa: ANN401  the fields of Settings
        """Return settings for the registry, changed."""
        return Settings(**{"registry": self.store.host, "timeout": 0.3, "registry_timeout": 0.3, "insecure": True, **given})

    def access(self, settings: Settings | None = None) -> Access:
        """Open clients for the registry."""
        chosen = settings or self.settings()
        return self.opened.enter_context(Access(chosen, records.home(chosen, self.ci), self.workspace, self.console))

    def release(self, **changes: Any) -> Release:  # noqa: ANN401  the fields of Release
        """Return the record as registry-push writes it, changed."""
        release = Release(
            revision=self.sha,
            created=NOON,
            pipeline=Pipeline(number=7),
            held=True,
            images=tuple(self.released(name) for name in self.images),
        )
        return release.model_copy(update=changes)

    def released(self, name: str) -> ReleasedImage:
        """Return what the record says of an image."""
        manifest = self.images[name]
        return ReleasedImage(
            name=name,
            repository=f"{self.store.host}/shop/{name}",
            tag=candidate_tag(self.sha),
            wanted_tags=self.wanted,
            digest=manifest.digest,
            media_type=manifest.media_type,
            platforms=("linux/amd64",),
            size=manifest.size,
            state="built",
        )

    def push_record(self, release: Release | None = None, *, tags: Sequence[str] = (), path: str = "shop/releases") -> Manifest:
        """Store the record in the registry, as a candidate unless told otherwise."""
        return self.store.put(path, self._artifact(release or self.release(), path), tags or [candidate_tag(self.sha)])

    def record(self, *, in_registry: bool = True, **changes: Any) -> Record:  # noqa: ANN401  the fields of Release
        """Return the record as it is found in the workspace, and, unless told otherwise, in the registry."""
        release = self.release(**changes)
        manifest = self.push_record(release) if in_registry else None
        return Record(
            release=release,
            origin="the release record",
            in_workspace=False,
            releases=Repository(host=self.store.host, path="shop/releases") if manifest else None,
            manifest=manifest,
        )

    def plan(self, *, watch: Sequence[str] = (WATCHED,), in_registry: bool = True, **changes: Any) -> Plan:  # noqa: ANN401
        """Return the plan of the held commit; `changes` are fields of its record."""
        return expected.plan(self.settings(watch=list(watch)), self.ci, self.record(in_registry=in_registry, **changes))

    def by_hand(self, **given: Any) -> Plan:  # noqa: ANN401  the fields of Settings
        """Return the plan for images that the settings name."""
        return expected.plan(self.settings(**{"images": list(self.names), "tags": [CANDIDATE], **given}), self.ci, None)

    def tags(self, tag: str) -> set[str]:
        """Return the images, and the record, that have the tag."""
        return {path.removeprefix("shop/") for path in self.store.digests(tag)}

    def _artifact(self, release: Release, path: str) -> dict[str, Any]:
        config = self.store._blob(path, b"{}", "application/vnd.oci.empty.v1+json")
        layer = self.store._blob(path, release.to_json(), ARTIFACT_TYPE)
        return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": ARTIFACT_TYPE, "config": config, "layers": [layer]}


def tagged(plan: Plan, name: str, tag: str) -> Plan:
    """Return the plan with an image expected under another tag."""
    return replace(plan, images=tuple(replace(image, tag=tag) if image.name == name else image for image in plan.images))
