"""From an answer of the API server that is no success to the error that a person is told."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx2

from bootstrap.core.errors import (
    AbsentError,
    Cause,
    ClusterError,
    Conflict,
    ConflictError,
    ExistsError,
    ForbiddenError,
    InvalidError,
    RefusedError,
    StaleError,
    UnauthorizedError,
    UnreachableError,
)
from bootstrap.core.objects import Ref
from bootstrap.core.transport import is_page

_NAMESPACE_NOT_FOUND = re.compile(r'namespaces? "([^"]+)" not found')
_CONFLICT = re.compile(r'conflict with "([^"]+)"')
_DRY_RUN = "a plan needs the right to patch, too, because it asks the API server what a change would do; ask a cluster administrator"
_NO_RIGHT = "ask a cluster administrator for this right, or name another kubeconfig with --kubeconfig"
_HINTS: Mapping[int, str] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "an object of Kubernetes holds 1.5 MB at most",
    HTTPStatus.TOO_MANY_REQUESTS: "the API server is busy; run it again in a moment",
}


def unreachable(address: str, error: Exception) -> UnreachableError:
    """Say why there was no answer."""
    reason = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return UnreachableError(
            f"the certificate of the Kubernetes API at {address} is not signed by the CA in the kubeconfig",
            details=[reason],
            hint="fetch the kubeconfig again from the cluster; after a new installation its CA is another one",
        )
    return UnreachableError(
        f"the Kubernetes API at {address} can't be reached: {reason}",
        hint="is the cluster up, and the context of the kubeconfig the right one? Try: kubectl version",
    )


def stranger(address: str, verb: str, ref: Ref, what: str) -> UnreachableError:
    """Say that the answer to a call is none of Kubernetes; `what` is what is wrong with it."""
    return UnreachableError(
        f"something else than a Kubernetes API answers at {address}",
        details=[f"its answer to {verb} {ref.kind} can't be read: {what}"],
        hint="see whether a proxy or a login page stands in front of it, and whether the kubeconfig names the right port",
    )


def is_foreign(response: httpx2.Response) -> bool:
    """Tell whether an answer that is no success can't come from an API server, nor from a proxy that can't reach it."""
    return response.is_redirect or (response.is_client_error and is_page(response))


def missing_kind(api_version: str, kind: str) -> AbsentError:
    """Say that nobody serves a kind."""
    named = f"{kind}.{api_version}"
    return AbsentError(f"the cluster has no kind {kind} of {api_version}", missing=f"the kind {named}", hint="install what brings its CRD")


def refusal(response: httpx2.Response, verb: str, ref: Ref) -> ClusterError | ConflictError:
    """Return the error for an answer with an error status."""
    status = _status(response)
    code = response.status_code
    # The first line of a page says nothing.
    text = "" if is_page(response) else response.text.strip().split("\n", 1)[0]
    message = str(status.get("message") or text or response.reason_phrase)
    causes = (status.get("details") or {}).get("causes") or ()
    match code:
        case HTTPStatus.UNAUTHORIZED:
            return UnauthorizedError(
                "the Kubernetes API does not accept the login of the kubeconfig",
                details=[message],
                hint="its certificate or token may have expired; fetch the kubeconfig again",
            )
        case HTTPStatus.FORBIDDEN:
            return _forbidden(message, verb, ref)
        case HTTPStatus.NOT_FOUND:
            found = _NAMESPACE_NOT_FOUND.search(message)
            missing = f"namespace {found[1]}" if found else ref.label
            return AbsentError(f"{missing} is not there", missing=missing)
        case HTTPStatus.CONFLICT:
            return _conflict(status, ref, causes)
        case HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.BAD_REQUEST:
            return _invalid(message, ref, causes, code)
    told = [message] if message else []
    return RefusedError(f"the Kubernetes API answered {code} to {verb} {ref.label}", code=code, details=told, hint=_HINTS.get(code))


def _status(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        status = response.json()
    except ValueError:
        return {}
    return status if isinstance(status, Mapping) and status.get("kind") == "Status" else {}


def _forbidden(message: str, verb: str, ref: Ref) -> ClusterError:
    if "because it is being terminated" in message:
        return AbsentError(
            f"{ref.label} can't be made: its namespace is being deleted",
            missing=f"the new namespace {ref.namespace}",
            hint=f"wait until the old one is gone; what it waits for says: kubectl get namespace {ref.namespace} -o yaml",
        )
    if "is forbidden: User" not in message and "cannot " not in message:
        # Admission (quota, Pod security, a policy) says no with the same status as missing rights do.
        return RefusedError(
            f"the cluster refuses to {verb} {ref.label}",
            code=int(HTTPStatus.FORBIDDEN),
            details=[message],
            hint="no right is missing, but a rule of the cluster says no (quota, Pod security, policy): change the rule or platform.yaml",
        )
    resource = f"{ref.kind} ({ref.group})" if ref.group else ref.kind
    where = f" in namespace {ref.namespace}" if ref.namespace else ""
    return ForbiddenError(
        f"no permission: the user of the kubeconfig may not {verb} {resource}{where}",
        verb=verb,
        resource=resource,
        details=[message],
        hint=_DRY_RUN if verb == "patch" else _NO_RIGHT,
    )


def _conflict(status: Mapping[str, Any], ref: Ref, causes: Sequence[Mapping[str, Any]]) -> ClusterError | ConflictError:
    found = [
        Conflict(manager=who[1], field=str(cause.get("field", "")).lstrip("."))
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict" and (who := _CONFLICT.search(str(cause.get("message"))))
    ]
    if found:
        names = ", ".join(dict.fromkeys(each.manager for each in found))
        return ConflictError(
            f"{ref.label} has fields that {names} manages",
            conflicts=found,
            hint="--take-over sets them to what platform.yaml says; or leave them to that manager, and out of platform.yaml",
        )
    if status.get("reason") == "AlreadyExists":
        return ExistsError(f"{ref.label} exists already", hint="somebody was faster; run it again")
    return StaleError(f"{ref.label} was changed by somebody else at the same moment", hint="run it again")


def _invalid(message: str, ref: Ref, causes: Sequence[Mapping[str, Any]], code: int) -> ClusterError:
    fields = [Cause(field=str(cause.get("field", "")), message=str(cause.get("message", ""))) for cause in causes if cause.get("message")]
    if code == HTTPStatus.UNPROCESSABLE_ENTITY or fields:
        hint = "put the value that is named into its form in platform.yaml; where it does not come from there, please report it"
        return InvalidError(f"the Kubernetes API does not take {ref.label}", causes=fields or [Cause(field="", message=message)], hint=hint)
    hint = "it may be older or newer than what this was made for: see that its version is one that is still supported"
    return RefusedError(f"the Kubernetes API does not understand {ref.label}", code=code, details=[message], hint=hint)
