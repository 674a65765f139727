"""What is to be seen of Gitea, looked at once for all resources that need it."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from bootstrap.components.forge import git_login
from bootstrap.components.web import gitea_web
from bootstrap.core.objects import Manifest, Ref
from bootstrap.gitea import pod, probe
from bootstrap.gitea.client import Basic, Gitea
from bootstrap.gitea.pod import Pod
from bootstrap.gitea.probe import Probe
from bootstrap.platform.platform import Platform

if TYPE_CHECKING:
    from bootstrap.core.context import Context

T = TypeVar("T")


class Snapshot:
    """One look. Whoever changes something, or waits for a change, looks anew by a snapshot of its own."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._known: dict[str, object] = {}
        self._lock = threading.RLock()

    @property
    def workload(self) -> Manifest | None:
        """What runs Gitea, None where the cluster has no such object."""
        return self._once("workload", lambda: self._context.cluster.get(workload_ref(self._context.platform)))

    @property
    def pod(self) -> Pod:
        """Its pod, for remedies that are commands."""
        live = self.workload
        if live is not None:
            return pod.of_workload(live)
        ref = workload_ref(self._context.platform)
        return Pod(namespace=ref.namespace or "", workload=f"{ref.kind.lower()}/{ref.name}")

    @property
    def gitea(self) -> Gitea:
        """Its API, as the administrator where a password is known."""
        login = git_login(self._context)
        credentials = Basic(user=login.username, password=login.password) if login else None
        return Gitea(gitea_web(self._context), credentials, pod=self.pod)

    @property
    def probe(self) -> Probe:
        """How far it has come, and with a known password whether its administrator is there; raises WebError or LoginError."""

        def look() -> Probe:
            gitea = self.gitea
            return probe.look_for_admin(gitea) if gitea.credentials else probe.look(gitea.web)

        return self._once("probe", look)

    def _once(self, name: str, look: Callable[[], T]) -> T:
        # One thread asks, the others wait for its answer.
        with self._lock:
            if name not in self._known:
                self._known[name] = look()
            return cast("T", self._known[name])


def workload_ref(platform: Platform) -> Ref:
    """Return the object that runs Gitea."""
    wanted = platform.gitea.workload
    return Ref(api_version="apps/v1", kind=wanted.kind, name=wanted.name, namespace=platform.gitea.namespace)
