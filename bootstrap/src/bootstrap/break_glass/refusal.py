"""Why the API server refused a record, in words, and what to do."""

from collections.abc import Sequence

from bootstrap.core.errors import AbsentError, BootstrapError, ForbiddenError, InvalidError
from bootstrap.platform.platform import Platform

_DENIED = "denied request: "
_NOBODY = (
    "a record says who it was, and with this kubeconfig you are nobody in particular; `bootstrap operator add NAME` makes your own,"
    " which you name with --kubeconfig"
)
_OTHER_RULES = "the rules on the cluster are not those of this platform.yaml; whoever administers the cluster runs `bootstrap up`"
_NOT_NAMED = "whoever administers the cluster adds you there and runs `bootstrap up`; that somebody may make ConfigMaps is not enough"
# How a sentence of the policy begins, and what to do.
_REMEDIES: Sequence[tuple[str, str]] = (
    ("break-glass needs a person", _NOBODY),
    ("break_glass.operators", _NOT_NAMED),
    ("operator must be you", "run it again; the kubeconfig has changed in between"),
    ("expires lies in the past", "compare this machine's clock with the cluster's"),
    *((begin, _OTHER_RULES) for begin in ("project", "stage", "justification", "expires", "expression", "a break-glass record")),
)


def explained(error: BootstrapError, platform: Platform, operator: str) -> BootstrapError:
    """Return what to tell who wanted to break glass; an error that is about something else comes back as it is."""
    match error:
        case ForbiddenError():
            return BootstrapError(
                f"{operator} may not break glass on this cluster",
                details=error.details,
                hint=f"whoever administers it adds `{operator}` to `break_glass.operators.users` of platform.yaml and runs `bootstrap up`",
            )
        case InvalidError():
            return _denied(error)
        case AbsentError():
            return BootstrapError(f"{error.missing} is not there: this platform is not installed here", hint=_not_here(platform))
    return error


def not_in_force() -> BootstrapError:
    """Return what to tell where anybody could write a record: the gate's answer would be worth nothing."""
    return BootstrapError(
        "the API server does not go by the policy for records of break-glass, so none was made",
        hint="whoever administers the cluster runs `bootstrap up`; `bootstrap status` shows what is missing",
    )


def _denied(error: InvalidError) -> BootstrapError:
    sentences = [cause.message.partition(_DENIED)[2] or cause.message for cause in error.causes]
    first = sentences[0]
    hint = next((remedy for begin, remedy in _REMEDIES if first.startswith(begin)), None)
    return BootstrapError(f"the API server refuses it: {first}", details=sentences[1:], hint=hint or error.hint)


def _not_here(platform: Platform) -> str:
    context = f" (context {platform.context})" if platform.context else ""
    return f"is the kubeconfig that of the right cluster{context}? If so: `bootstrap up`"
