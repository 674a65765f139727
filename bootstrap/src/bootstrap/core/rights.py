"""What the user of the kubeconfig may do, as the API server is asked for it."""

from typing import Any

from bootstrap.core.kinds import Kind
from bootstrap.core.objects import Manifest, Ref


def access_review(verb: str, ref: Ref, kind: Kind | None) -> Manifest:
    """Return the question; `kind` is that of the ref, None where it is not served, or where the ref means all there are."""
    served: Any = kind
    # A kind that comes later is named by a guess that fits every kind there is here.
    guess = "*" if ref.kind == "*" else f"{ref.kind.lower()}s"
    attributes = {
        "verb": verb,
        "group": ref.group,
        "resource": served._api_info.plural if served else guess,  # noqa: SLF001  lightkube's classes have no other name for it
        **({"namespace": ref.namespace} if ref.namespace else {}),
        **({"name": ref.name} if ref.name else {}),
    }
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
