"""What Woodpecker and Gitea say about a project's repository, asked for once for all resources that need it."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from bootstrap.components.woodpecker import access
from bootstrap.gitea import hook as gitea_hook
from bootstrap.gitea import repository as gitea_repository
from bootstrap.gitea.errors import LoginError
from bootstrap.gitea.hook import Hook
from bootstrap.gitea.repository import Repository as ForgeRepository
from bootstrap.platform.project import Project
from bootstrap.woodpecker import registry, repository, secret
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.errors import TokenRefusedError
from bootstrap.woodpecker.registry import StoredRegistry
from bootstrap.woodpecker.repository import Repository
from bootstrap.woodpecker.secret import StoredSecret

if TYPE_CHECKING:
    from bootstrap.core.context import Context

T = TypeVar("T")


class NotYetError(Exception):
    """Something can't be known before an earlier part of the platform is there; the text names it."""


class Snapshot:
    """One look at a repository. A resource that changes something looks anew, by a snapshot of its own."""

    def __init__(self, context: "Context", project: Project, *, renewing: bool = False) -> None:
        self._context = context
        self._project = project
        self._renewing = renewing
        self._known: dict[str, object] = {}
        self._lock = threading.RLock()

    @property
    def woodpecker(self) -> Woodpecker:
        """Woodpecker's API; raises NotYetError while nobody has logged in."""

        def look() -> Woodpecker:
            found = access.woodpecker(self._context, renewing=self._renewing)
            if found is None:
                raise NotYetError("bootstrap has logged in to Woodpecker")
            return found

        return self._once("woodpecker", look)

    @property
    def forge(self) -> ForgeRepository:
        """The repository in Gitea; raises NotYetError while it is not there."""
        wanted = self._project.repository

        def look() -> ForgeRepository:
            gitea = access.gitea(self._context)
            try:
                found = None if gitea is None else gitea_repository.find(gitea, wanted.owner, wanted.name)
            except LoginError as error:
                raise NotYetError(f"Gitea lets its administrator in ({error.message})") from error
            if found is None:
                raise NotYetError(f"Gitea repository {wanted.full_name} is there")
            return found

        return self._once("forge", look)

    @property
    def hooks(self) -> list[Hook]:
        """All webhooks of the repository in Gitea."""

        def look() -> list[Hook]:
            gitea = access.gitea(self._context)
            return [] if gitea is None else gitea_hook.hooks(gitea, self.forge)

        return self._once("hooks", look)

    @property
    def repository(self) -> Repository | None:
        """The repository in Woodpecker, None where it was never activated."""

        def look() -> Repository | None:
            try:
                return repository.lookup(self.woodpecker, self._project.repository.full_name)
            except TokenRefusedError as error:
                raise NotYetError("bootstrap has logged in to Woodpecker again") from error

        return self._once("repository", look)

    @property
    def active(self) -> Repository:
        """The repository in Woodpecker; raises NotYetError while it is not active."""
        found = self.repository
        if found is None or not found.active:
            raise NotYetError(f"Woodpecker repository {self._project.repository.full_name} is active")
        return found

    @property
    def secrets(self) -> dict[str, StoredSecret]:
        """The secrets of the repository."""
        return self._once("secrets", lambda: secret.stored(self.woodpecker, self.active))

    @property
    def registries(self) -> dict[str, StoredRegistry]:
        """The registry logins of the repository."""
        return self._once("registries", lambda: registry.stored(self.woodpecker, self.active))

    @property
    def key(self) -> str:
        """The key of fingerprints."""

        def look() -> str:
            found = self._context.records.value(access.RECORD, access.FINGERPRINT_KEY)
            if not found:
                raise NotYetError(f"Secret of record {access.RECORD} is there")
            return found

        return self._once("key", look)

    @property
    def marks(self) -> dict[str, str]:
        """What was kept when secrets were last written."""
        return self._once("marks", lambda: self._context.records.read(marks_record(self._project)))

    def _once(self, name: str, look: Callable[[], T]) -> T:
        # One thread asks, the others wait for its answer.
        with self._lock:
            if name not in self._known:
                self._known[name] = look()
            return cast("T", self._known[name])


def marks_record(project: Project) -> str:
    """Return the name of the record that says which values were written into Woodpecker."""
    return f"woodpecker-{project.name}"
