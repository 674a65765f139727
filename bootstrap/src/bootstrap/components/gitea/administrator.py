"""The user that the platform acts as, and with it the state that Gitea is in."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.components.forge import git_login
from bootstrap.components.gitea.snapshot import Snapshot, workload_ref
from bootstrap.components.web import gitea_web
from bootstrap.components.workload import is_up
from bootstrap.core.change import READY, Action, Change, Later, Observation, Readiness, Removal
from bootstrap.core.change import State as Ready
from bootstrap.core.clock import Deadline
from bootstrap.gitea import probe, wizard
from bootstrap.gitea.errors import GiteaError, LoginError, WebError
from bootstrap.gitea.probe import Probe, State
from bootstrap.gitea.wizard import Administrator

if TYPE_CHECKING:
    from bootstrap.core.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministratorResource:
    """Gitea is up and installed, and its administrator can log in.

    An open installation page is filled in, where that is wanted. Everything else that is missing takes a person, who is told what to do.
    """

    name: str
    snapshot: Snapshot = field(repr=False, compare=False)
    started: str = ""
    """Where Gitea is installed here: the mark of the pod that has made this user with this password."""

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Gitea administrator {self.name}"

    def observe(self, context: "Context") -> Observation:
        """Find out how far Gitea has come; what it has to come to by hand is an error."""
        wanted = context.platform.gitea
        installs = wanted.mode == "install"
        if installs and not self._has_started(context):
            return Observation(later=Later(resource=self.label, reason=f"{workload_ref(context.platform).label} is up"))
        found = self.snapshot.probe
        match found.state:
            case State.DOWN if installs:
                return Observation(later=Later(resource=self.label, reason=f"Gitea answers ({found.reason})"))
            case State.DOWN:
                raise _down(context, self.snapshot, found)
            case State.WIZARD if wanted.wizard == "refuse":
                raise GiteaError(
                    f"Gitea's installation page is still open at {wanted.endpoint.bootstrap_url}, for whoever comes first",
                    hint="install it there in a browser, or let this command do it: `gitea.wizard: complete`",
                )
            case State.WIZARD:
                note = f"fills in the installation page that is still open; nobody but {self.name} can log in, and nobody can register"
                return Observation(change=Change(resource=self.label, action=Action.CREATE, note=note))
            case State.NO_ADMIN:
                raise probe.no_admin(self.snapshot.gitea, wanted.admin.email)
            case State.INSTALLED:
                if git_login(context) is None:
                    raise _unknown_password(context, self.snapshot)
                return Observation()

    def apply(self, context: "Context", change: Change) -> None:
        """Fill in the installation page. The password is on record by now: a run that dies here does not lock anybody out."""
        del change
        login, wanted = git_login(context), context.platform.gitea
        if login is None:
            raise _unknown_password(context, self.snapshot)
        context.guard.check()
        administrator = Administrator(name=login.username, email=wanted.admin.email, password=login.password)
        wizard.install(gitea_web(context), public_url=wanted.endpoint.public_url, administrator=administrator)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until the administrator can log in: an installation restarts Gitea."""
        refs = [workload_ref(context.platform)] if self.snapshot.workload else []
        context.waiter.wait(self.label, lambda: _state(Snapshot(context)), deadline=deadline, refs=refs)

    def status(self, context: "Context") -> Readiness:
        """Say whether the administrator can log in."""
        del context
        return _state(self.snapshot)

    def removal(self, context: "Context") -> Removal | None:
        """Leave Gitea alone."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""

    def _has_started(self, context: "Context") -> bool:
        live = self.snapshot.workload
        if live is None or not is_up(context, workload_ref(context.platform)):
            return False
        return bool(self.started) and (live["spec"]["template"]["metadata"].get("annotations") or {}).get(MARK) == self.started


MARK = "local-cicd.dev/administrator"
"""Annotation of a pod that we install: it starts anew when the administrator's name or password changes, and then sees to both."""


def _state(seen: Snapshot) -> Readiness:
    try:
        found = seen.probe
    except LoginError as error:
        return Readiness(state=Ready.FAILED, message=error.message)
    except WebError as error:
        return Readiness(state=Ready.PROGRESSING, message=error.message)
    if found.state is State.INSTALLED:
        return READY if seen.gitea.credentials else Readiness(state=Ready.FAILED, message="its password is not known")
    if found.state is State.NO_ADMIN:
        return Readiness(state=Ready.FAILED, message=found.reason)
    return Readiness(state=Ready.PROGRESSING, message=found.reason or found.state.value)


def _down(context: "Context", seen: Snapshot, found: Probe) -> GiteaError:
    ref = workload_ref(context.platform)
    look = f"kubectl -n {ref.namespace} get {seen.pod.workload}" if seen.workload else "its pods are ready"
    return GiteaError(
        f"Gitea is not up: {found.reason}",
        details=()
        if seen.workload
        else (f"there is no {ref.label} in this cluster: `gitea.namespace` and `gitea.workload` may name another",),
        hint=f"see that {'it is ready (' + look + ')' if seen.workload else look}; where this machine reaches it under another address, "
        "set `gitea.endpoint.bootstrap_url`",
    )


def _unknown_password(context: "Context", seen: Snapshot) -> GiteaError:
    wanted = context.platform.gitea.admin
    return GiteaError(
        f"Gitea is installed already, so the password of its administrator {wanted.name} can't be generated any more",
        details=(f"where there is no {wanted.name} yet: {seen.pod.create_admin(wanted.name, wanted.email)}",),
        hint=f"have `gitea.admin.password` lead to the password of {wanted.name}: {{env: ...}}, {{file: ...}} or {{secret: ...}}",
    )
