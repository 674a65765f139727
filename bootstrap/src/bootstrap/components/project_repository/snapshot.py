"""What Gitea says about the repository of a project, asked for once for all resources that need it."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from bootstrap.components.forge import git_login
from bootstrap.components.gitea.snapshot import Snapshot as ForgeSnapshot
from bootstrap.gitea import branch, probe, repository, user
from bootstrap.gitea.branch import Branch
from bootstrap.gitea.client import Basic, Gitea
from bootstrap.gitea.errors import LoginError, WebError
from bootstrap.gitea.probe import State
from bootstrap.gitea.repository import Repository
from bootstrap.gitea.user import User
from bootstrap.platform.project import Project

if TYPE_CHECKING:
    from bootstrap.core.context import Context

T = TypeVar("T")


class NotYetError(Exception):
    """Something can't be known before an earlier part of the platform is there; the text names it."""


class Forge:
    """Gitea as the administrator, one look for all projects."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._seen = ForgeSnapshot(context)
        self._lock = threading.Lock()
        self._found: Gitea | str | None = None

    @property
    def gitea(self) -> Gitea:
        """Its API; raises NotYetError while it is not up or has no administrator, which the component `gitea` tells in full."""
        with self._lock:
            if self._found is None:
                self._found = self._look()
        if isinstance(self._found, str):
            raise NotYetError(self._found)
        return self._found

    def _look(self) -> Gitea | str:
        """Return its API, or what has to come first."""
        if git_login(self._context) is None:
            return "Gitea's administrator is there"
        gitea = self._seen.gitea
        try:
            # Asked once and not again and again: where it is down, each of many resources would wait for it.
            state = probe.look(gitea.web).state
        except WebError as error:
            return f"Gitea answers ({error.message})"
        if state is not State.INSTALLED:
            return "Gitea is up" if state is State.DOWN else "Gitea is installed"
        return gitea


class Snapshot:
    """One look at a repository. A resource that changes something looks anew, by a snapshot of its own."""

    def __init__(self, forge: Forge, project: Project) -> None:
        self._forge = forge
        self.project = project
        self._known: dict[str, object] = {}
        self._lock = threading.RLock()

    @property
    def gitea(self) -> Gitea:
        """Gitea's API; raises NotYetError."""
        return self._forge.gitea

    @property
    def login(self) -> Basic:
        """The administrator's login; raises NotYetError."""
        return cast("Basic", self.gitea.credentials)

    @property
    def repository(self) -> Repository | None:
        """The repository, None where there is none."""
        wanted = self.project.repository
        return self._once("repository", lambda: repository.find(self.gitea, wanted.owner, wanted.name))

    @property
    def owner(self) -> User | None:
        """Who is to own it, None where there is nobody of that name."""
        return self._once("owner", lambda: user.find(self.gitea, self.project.repository.owner))

    def branch(self, name: str) -> Branch | None:
        """Look for a branch; None where it, or its repository, is not there."""
        found = self.repository
        if found is None or found.empty:
            return None
        return self._once(f"branch {name}", lambda: branch.find(self.gitea, found, name))

    def _once(self, name: str, look: Callable[[], T]) -> T:
        # One thread asks, the others wait for its answer.
        with self._lock:
            if name not in self._known:
                try:
                    self._known[name] = look()
                except LoginError as error:
                    raise NotYetError(f"Gitea lets its administrator in ({error.message})") from error
            return cast("T", self._known[name])
