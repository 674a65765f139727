"""A Kargo project of the stand-in, a commit whose image is in its registry, and the plugin's settings for both."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devtools.kargo.discovery import Registries
from devtools.kargo.server import StandIn, stand_in
from kargo_notify.commit import Commit
from kargo_notify.freight import Artifact
from kargo_notify.kargo import PATIENCE, Kargo, connect
from kargo_notify.notify import Outcome, notify_and_wait
from kargo_notify.settings import Settings
from plugin_kit.ci import CI, Event
from plugin_kit.console import Console
from plugin_kit.redact import Redactor

REPOSITORY = "registry.lan:5000/shop/query-api"
OTHER = "registry.lan:5000/shop/ingest"
REVISION = "a" * 40
CREATED = "2026-11-23T12:00:00Z"
EARLIER = "2026-11-23T11:00:00Z"
LATER = "2026-11-23T13:00:00Z"


def digest_for(revision: str) -> str:
    """Make up the digest of a commit's images."""
    return f"sha256:{revision[:1] * 64}"


def commit_of(*repositories: str, revision: str = REVISION, tags: tuple[str, ...] = ()) -> Commit:
    """Make a commit whose images have the revision as tag, or the tags that are given."""
    artifacts = tuple(
        Artifact(repo_url=repository, tag=tag, digest=digest_for(revision))
        for repository in repositories or (REPOSITORY,)
        for tag in tags or (revision,)
    )
    return Commit(revision=revision, artifacts=artifacts, created=datetime(2026, 11, 23, 12, tzinfo=UTC))


def ci(workspace: Path) -> CI:
    """Make the CI of a push to main."""
    return CI(event=Event.PUSH, workspace=workspace, in_woodpecker=True, default_branch="main", branch="main", repo="ada/shop")


@dataclass(slots=True)
class Scene:
    """What a test of telling Kargo needs; `log` is what a person reads."""

    kargo: StandIn
    workspace: Path
    out: io.StringIO = field(default_factory=io.StringIO)
    open: list[Kargo] = field(default_factory=list)
    console: Console = field(init=False)

    def __post_init__(self) -> None:
        """Write the console's lines into the log."""
        self.console = Console(self.out, Redactor([self.kargo.token]), colour=False)

    @property
    def log(self) -> str:
        """Everything that was printed so far."""
        return self.out.getvalue()

    def push(self, *repositories: str, revision: str = REVISION, created: str = CREATED, tag: str = "") -> None:
        """Put a commit's images where Kargo finds them."""
        for repository in repositories or (REPOSITORY,):
            self.kargo.world.push(repository, tag or revision, digest_for(revision), created)

    def settings(self, **changes: Any) -> Settings:  # noqa: ANN401  whatever a user may write
        """Write a user's settings."""
        given = {"kargo_url": self.kargo.url, "kargo_token": self.kargo.token, "kargo_project": "shop", "warehouse": "shop-images"}
        return Settings(**{**given, "wait": 10, **changes})

    def connected(self, **changes: Any) -> Kargo:  # noqa: ANN401  see settings
        """Connect to the stand-in as the plugin does."""
        found = self._connect(self.settings(**changes))
        assert found
        return found

    def close(self) -> None:
        """Close the connections to the stand-in."""
        for kargo in self.open:
            kargo.close()

    def tell(self, commit: Commit | None = None, **changes: Any) -> Outcome:  # noqa: ANN401  see settings
        """Tell Kargo of the commit and wait, then end the log as the plugin does."""
        settings = self.settings(**changes)
        try:
            return notify_and_wait(settings, commit or commit_of(), self._connect(settings, once=PATIENCE), self.console)
        finally:
            self.console.finish()

    def _connect(self, settings: Settings, *, once: float | None = None) -> Kargo | None:
        found = connect(settings, ci(self.workspace), self.console, once=once)
        self.open += [found] if found else []
        return found


@contextmanager
def scene(workspace: Path) -> Iterator[Scene]:
    """Run a Kargo whose Warehouse has discovered an earlier commit, and whose Stage beta promotes new Freight by itself."""
    with stand_in(registries=Registries({"registry.lan:5000": "127.0.0.1:1"})) as kargo:
        made = Scene(kargo, workspace)
        made.push(revision="e" * 40, created=EARLIER)
        kargo.world.add_stage("beta", "shop-images", automatic=True)
        kargo.world.add_warehouse("shop-images", [REPOSITORY])
        try:
            yield made
        finally:
            made.close()
