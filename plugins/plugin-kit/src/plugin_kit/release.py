"""The release record: which digests make up a commit.

One JSON document per commit, in the workspace for the next steps and in the registry for everybody else.
"""

from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from plugin_kit.errors import PluginError

ARTIFACT_TYPE = "application/vnd.local-cicd.release.v1+json"
RELEASES = "releases"
LATEST = "latest"
WORKSPACE_FILE = Path(".local-cicd") / "release.json"


class _Document(BaseModel):
    # A newer writer may add fields; a reader that refused them could not release what the writer built.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Pipeline(_Document):
    """The pipeline that built the commit."""

    number: int | None = None
    url: str | None = None


class ReleasedImage(_Document):
    """One image of the commit.

    `tag` is the tag that it can be pulled by now, `wanted_tags` are those it has or shall get, `size` is in bytes as pulled (compressed; of
    the first platform), `seconds` what its build took. `config_digest` is None for an index.
    """

    name: str
    repository: str
    tag: str
    wanted_tags: tuple[str, ...]
    digest: str
    media_type: str
    platforms: tuple[str, ...]
    config_digest: str | None = None
    size: int
    state: Literal["built", "cached", "kept"]
    seconds: float | None = None


class Release(_Document):
    """All images of one commit; `held` while their wanted tags wait for kargo-notify.

    `forward_tags` are those of the wanted tags that only move to newer commits, unless `force_latest`. `forced`: the commit was built
    again on demand, so that its tags may name other bytes than before.
    """

    schema_version: Literal[1] = 1
    repository: str | None = None
    revision: str
    created: AwareDatetime
    pipeline: Pipeline = Pipeline()
    held: bool = False
    forward_tags: tuple[str, ...] = (LATEST,)
    force_latest: bool = False
    forced: bool = False
    images: tuple[ReleasedImage, ...]

    def image(self, repository: str) -> ReleasedImage | None:
        """Return the image of a repository (with its host), if it is part of the release."""
        return next((image for image in self.images if image.repository == repository), None)

    @property
    def wanted_tags(self) -> tuple[str, ...]:
        """The tags that the record itself gets once its images have theirs: those that all images share."""
        if not self.images:
            return ()
        shared = set.intersection(*(set(image.wanted_tags) for image in self.images))
        return tuple(tag for tag in self.images[0].wanted_tags if tag in shared)

    def to_json(self) -> bytes:
        """Write the document, indented, for people who open it."""
        return (self.model_dump_json(indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, *, origin: str) -> "Release":
        """Read a document; `origin` names it in the error."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "document"
            raise PluginError(
                f"{origin} is not a release record that this version reads: {where}: {first['msg']}",
                hint="it may come from a newer version: update the plugin image",
            ) from None


def candidate_tag(revision: str) -> str:
    """Return the tag that a commit's images and record carry before they are released."""
    return f"candidate-{revision}"


def read_workspace(workspace: Path) -> Release | None:
    """Read the record that an earlier step of this workflow left; None where there is none."""
    try:
        content = (workspace / WORKSPACE_FILE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PluginError(f"{WORKSPACE_FILE} in the workspace can't be read: {error.strerror}") from error
    return Release.from_json(content, origin=f"{WORKSPACE_FILE} in the workspace")


def write_workspace(release: Release, workspace: Path) -> Path:
    """Write the record for the next steps of this workflow, readable by every user id, and keep it out of git."""
    path = workspace / WORKSPACE_FILE
    path.parent.mkdir(exist_ok=True)
    # Steps run as different users, and a plugin must not make the checkout dirty.
    (path.parent / ".gitignore").write_text("*\n", encoding="ascii")
    path.write_bytes(release.to_json())
    path.chmod(0o644)
    return path
