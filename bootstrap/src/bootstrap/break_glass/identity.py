"""Who the API server takes us for."""

from collections.abc import Sequence
from dataclasses import dataclass

from bootstrap.core.cluster import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A user, and the groups that they are in."""

    name: str
    groups: Sequence[str] = ()


def identity(cluster: Cluster) -> Identity:
    """Ask the API server; everybody who is logged in may."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {"name": ""}}
    found = (cluster.create(review).get("status") or {}).get("userInfo") or {}
    return Identity(name=str(found.get("username", "")), groups=tuple(found.get("groups") or ()))
