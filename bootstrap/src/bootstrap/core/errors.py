"""What can go wrong with a cluster, as a person is told.

BootstrapError              exit 1
+-- ClusterError            the Kubernetes API
|   +-- UnreachableError    no answer
|   +-- UnauthorizedError   it does not know who we are
|   +-- ForbiddenError      it knows, and says no: which verb on what
|   +-- AbsentError         the namespace or the kind is not there: what needs it comes later
|   +-- ExistsError         created already
|   +-- StaleError          somebody was faster
|   +-- InvalidError        it refuses the object, field by field
|   +-- RefusedError        it refuses for another reason
+-- ConflictError           somebody else manages a field
+-- ReplacementError        a field that can't be changed in place
+-- ClashError              the name is taken by somebody else's object
+-- HelmError               Helm failed
|   +-- HelmMissingError    no Helm, or too old
|   +-- ChartError          the chart is not there, or not the one it was
+-- WaitError               a deadline has passed
+-- LockedError             another run is at work
+-- DriftError              more would change than the plan said
+-- PlanError               something has to be decided first
"""

from collections.abc import Sequence
from dataclasses import dataclass

from plugin_kit.errors import PluginError


class BootstrapError(PluginError):
    """An error that says what to do in its hint."""


class ClusterError(BootstrapError):
    """The Kubernetes API did not do what it was asked."""


class UnreachableError(ClusterError):
    """The Kubernetes API gave no answer."""


class UnauthorizedError(ClusterError):
    """The Kubernetes API does not accept the login."""


class ForbiddenError(ClusterError):
    """The user lacks a right."""

    def __init__(self, message: str, *, verb: str, resource: str, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.verb = verb
        self.resource = resource


class AbsentError(ClusterError):
    """A namespace or a kind is not there; `missing` names it."""

    def __init__(self, message: str, *, missing: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.missing = missing


class ExistsError(ClusterError):
    """The object to be created is there already."""


class StaleError(ClusterError):
    """The object was changed since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why one field was refused."""

    field: str
    message: str


class InvalidError(ClusterError):
    """The object has fields that the API server does not take (422)."""

    def __init__(self, message: str, *, causes: Sequence[Cause], hint: str | None = None) -> None:
        super().__init__(
            message, hint=hint, details=[f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes]
        )
        self.causes = tuple(causes)

    @property
    def immutable(self) -> bool:
        """Whether it is about fields that can only be set when the object is made."""
        # Each kind has its own words for it (k8s.io/kubernetes pkg/apis/*/validation); CRDs say what their CEL rule says.
        signs = (
            "immutable",
            "updates to",
            "may not be changed",
            "may not change",
            "cannot change",
            "can't be changed",
            "cannot be changed",
        )
        return any(sign in cause.message.lower() for cause in self.causes for sign in signs)


class RefusedError(ClusterError):
    """The API server, or a webhook behind it, refused; `code` is the HTTP status."""

    def __init__(self, message: str, *, code: int, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A field that another manager has set to something else."""

    manager: str
    field: str


class ConflictError(BootstrapError):
    """Fields of an object are managed by somebody else."""

    def __init__(self, message: str, *, conflicts: Sequence[Conflict], hint: str | None = None) -> None:
        super().__init__(message, hint=hint, details=[f"{each.manager} manages {each.field}" for each in conflicts])
        self.conflicts = tuple(conflicts)


class ReplacementError(BootstrapError):
    """An object would have to be deleted and made again, which is never done by itself."""


class ClashError(BootstrapError):
    """An object of this name belongs to somebody else."""


class HelmError(BootstrapError):
    """Helm failed."""


class HelmMissingError(HelmError):
    """There is no Helm, or one that is too old."""


class ChartError(HelmError):
    """The chart can't be had, or is another one than it was."""


class WaitError(BootstrapError):
    """Something did not come about before its deadline."""


class LockedError(BootstrapError):
    """Another run holds the lock."""


class DriftError(BootstrapError):
    """More would change than the plan has said."""


class PlanError(BootstrapError):
    """The plan holds something that a person has to decide first."""
