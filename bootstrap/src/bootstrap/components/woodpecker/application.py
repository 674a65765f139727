"""The OAuth2 application in Gitea that Woodpecker logs its users in with."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.components.woodpecker import access
from bootstrap.components.workload import is_up
from bootstrap.core.change import HIDDEN, READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Ref
from bootstrap.gitea import oauth
from bootstrap.gitea.client import Gitea
from bootstrap.gitea.errors import GiteaError, LoginError, WebError
from bootstrap.gitea.oauth import Decision, Wanted

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_KEPT = "it is Gitea's, and the next `up` uses it again"
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationResource:
    """The application, and the record of its secret. What is to be done was decided when the list of resources was made."""

    name: str
    decision: Decision | None
    later: str = ""
    """What has to be there before anything can be decided."""
    problem: BootstrapError | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Gitea OAuth2 application {self.name}"

    @property
    def settled(self) -> bool:
        """Whether the recorded client id and secret are the right ones."""
        return self.decision is not None and self.decision.action is oauth.Action.KEEP

    def observe(self, context: "Context") -> Observation:
        """Say what was decided."""
        if self.problem:
            raise self.problem
        if self.decision is None:
            return Observation(later=Later(resource=self.label, reason=self.later))
        if self.decision.warning:
            context.console.warn(self.decision.warning)
        if self.settled:
            return Observation()
        rotates = self.decision.action is oauth.Action.ROTATE
        secret = FieldChange(path="client_secret", before=HIDDEN if rotates else None, after=HIDDEN, secret=True)
        action = Action.ROTATE if rotates else Action.CREATE
        return Observation(change=Change(resource=self.label, action=action, fields=(secret,), note=self.decision.note))

    def apply(self, context: "Context", change: Change) -> None:
        """Make it, or give it a new secret; and keep that before anything else, since it is shown only once."""
        del change
        gitea = access.gitea(context)
        if gitea is None or self.decision is None:
            return
        wanted, application = wanted_application(context), self.decision.application
        made = oauth.create(gitea, wanted) if application is None else oauth.rotate(gitea, application, wanted)
        values = {access.CLIENT_ID: made.client_id, access.CLIENT_SECRET: made.client_secret}
        context.records.store(access.RECORD, values, purpose=access.PURPOSE)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: "Context") -> Readiness:
        """Say whether it is there and its secret is known."""
        del context
        if self.problem:
            return Readiness(state=State.UNKNOWN, message=self.problem.message)
        if self.decision is None:
            return Readiness(state=State.UNKNOWN, message=f"can't be seen before {self.later}")
        if self.settled:
            return READY
        why = "; ".join(self.decision.reasons) or "not there"
        return Readiness(state=State.ABSENT if self.decision.action is oauth.Action.CREATE else State.FAILED, message=why)

    def removal(self, context: "Context") -> Removal | None:
        """Keep it."""
        del context
        there = self.decision is not None and self.decision.application is not None
        return Removal(resource=self.label, kept=_KEPT) if there else None

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""


def wanted_application(context: "Context") -> Wanted:
    """Return the application that there should be: Woodpecker asks to be sent back to exactly this address."""
    platform = context.platform
    return Wanted(name=platform.gitea.oauth_application, redirect_uris=(f"{platform.woodpecker.public_url}/authorize",))


def application_resource(context: "Context") -> ApplicationResource:
    """Decide about the application; what hangs on its secret can't be described before that."""
    name = context.platform.gitea.oauth_application
    gitea = access.gitea(context)
    if gitea is None:
        return ApplicationResource(name=name, decision=None, later="Gitea's administrator is there")
    if context.platform.gitea.mode == "install" and not is_up(context, _workload(context)):
        return ApplicationResource(name=name, decision=None, later="Gitea is up")
    try:
        return ApplicationResource(name=name, decision=_decide(context, gitea))
    except (WebError, LoginError) as error:
        # Not up, or its administrator is not made yet; where it is not that, the part that sets up Gitea says so itself.
        return ApplicationResource(name=name, decision=None, later=f"Gitea lets its administrator in ({error.message})")
    except GiteaError as error:
        if error.status == _NOT_FOUND:
            return ApplicationResource(name=name, decision=None, later="Gitea is set up")
        return ApplicationResource(name=name, decision=None, problem=error)


def _decide(context: "Context", gitea: Gitea) -> Decision:
    record = context.records.read(access.RECORD)
    return oauth.decide(
        oauth.applications(gitea),
        wanted_application(context),
        client_id=record.get(access.CLIENT_ID),
        client_secret=record.get(access.CLIENT_SECRET),
    )


def _workload(context: "Context") -> Ref:
    wanted = context.platform.gitea
    return Ref(api_version="apps/v1", kind=wanted.workload.kind, name=wanted.workload.name, namespace=wanted.namespace)
