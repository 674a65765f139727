"""Calls to the API server: tried again while it is busy or starting, and what goes wrong told in a person's words."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import httpx2
from lightkube.core.exceptions import ConfigError

from bootstrap.core.clock import Clock, Deadline
from bootstrap.core.connection import Connection
from bootstrap.core.errors import BootstrapError, ClusterError
from bootstrap.core.objects import Ref
from bootstrap.core.refusals import is_foreign, refusal, stranger, unreachable

T = TypeVar("T")

RETRY_SECONDS = 10.0
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
_LONGEST_PAUSE = 1.0


class Calls:
    """How calls over one connection are made; safe to use from several threads."""

    def __init__(self, connection: Connection, *, retry_for: float, clock: Clock) -> None:
        """Take `retry_for` as seconds for all tries of what can be tried again without harm."""
        self._connection = connection
        self._retry_for = retry_for
        self._clock = clock

    def make(self, work: Callable[[], T], verb: str, ref: Ref, *, again: bool = True) -> T:
        """Return what comes of the work; `again` says that it does no harm to do it twice."""
        deadline = Deadline.after(self._retry_for, self._clock)
        address = self._connection.address
        pause = 0.05
        while True:
            try:
                return work()
            except httpx2.HTTPStatusError as error:
                answer = error.response
                passing = answer.status_code in _BUSY
                if is_foreign(answer) and not passing:
                    raise stranger(address, verb, ref, f"{answer.status_code} {answer.reason_phrase}".rstrip()) from error
                failure: BootstrapError = refusal(answer, verb, ref)
                cause: Exception = error
            except httpx2.HTTPError as error:
                failure, cause = unreachable(address, error), error
                # An unknown certificate stays unknown.
                passing = "CERTIFICATE" not in str(error) and (again or isinstance(error, httpx2.ConnectError))
            except ConfigError as error:
                raise ClusterError(
                    f"the login of context {self._connection.context} does not work: {error}",
                    hint="the program that the kubeconfig gets its token from has failed; try: kubectl version",
                ) from error
            except (ValueError, KeyError) as error:
                raise stranger(address, verb, ref, str(error)) from error
            if not passing or deadline.expired:
                raise failure from cause
            self._clock.sleep(min(pause, deadline.left))
            pause = min(2 * pause, _LONGEST_PAUSE)
