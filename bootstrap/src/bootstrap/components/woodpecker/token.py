"""The token with which this command uses Woodpecker's API: that of the platform's user."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.components.woodpecker import access
from bootstrap.components.workload import is_up
from bootstrap.core.change import ABSENT, HIDDEN, READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.woodpecker import user
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.errors import TokenRefusedError

if TYPE_CHECKING:
    from bootstrap.core.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResource:
    """A login at Woodpecker that is kept in the record."""

    user: str

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Woodpecker token of {self.user}"

    def observe(self, context: "Context") -> Observation:
        """Try the token."""
        if not is_up(context, access.server_ref(context)):
            return Observation(later=Later(resource=self.label, reason="Woodpecker's server is up"))
        record = context.records.read(access.RECORD)
        token = record.get(access.TOKEN)
        if not token:
            return self._change(Action.CREATE, "logs in without a browser")
        if record.get(access.TOKEN_FOR) != access.application_mark(context):
            return self._change(Action.ROTATE, "logs in again, since the OAuth2 client is another one: the old login at Gitea runs out")
        try:
            me = user.me(Woodpecker(access.woodpecker_web(context), token))
        except TokenRefusedError as error:
            return self._change(Action.ROTATE, f"logs in again: {error.message}")
        if not me.admin:
            return self._change(Action.ROTATE, f"logs in again: {me.login} is no administrator, and becomes one when logging in")
        return Observation()

    def apply(self, context: "Context", change: Change) -> None:
        """Log in."""
        del change
        access.log_in(context)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until the token is good."""
        context.waiter.wait(self.label, lambda: self.status(context), deadline=deadline, refs=[access.server_ref(context)])

    def status(self, context: "Context") -> Readiness:
        """Try the token."""
        woodpecker = access.woodpecker(context)
        if woodpecker is None:
            return ABSENT if context.records.value(access.RECORD, access.TOKEN) is None else _waits()
        try:
            user.must_administer(user.me(woodpecker))
        except TokenRefusedError as error:
            return Readiness(state=State.FAILED, message=error.message)
        return READY

    def removal(self, context: "Context") -> Removal | None:
        """Leave it to the record."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""

    def _change(self, action: Action, note: str) -> Observation:
        before = None if action is Action.CREATE else HIDDEN
        field = FieldChange(path="token", before=before, after=HIDDEN, secret=True)
        return Observation(change=Change(resource=self.label, action=action, fields=(field,), note=note))


def _waits() -> Readiness:
    return Readiness(state=State.PROGRESSING, message="Woodpecker's server is not up")
