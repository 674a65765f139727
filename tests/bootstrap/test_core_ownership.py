"""Whose an object and its fields are is read from what the API server writes down."""

from typing import Any

import pytest

from bootstrap.core.errors import Conflict
from bootstrap.core.ownership import is_by_hand, managers, owner, reclaimed, unresolved

HAND = ("kubectl*", "k9s", "Lens")


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", subresource: str = "") -> dict[str, Any]:
    """Write what the API server knows of a manager."""
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, "subresource": subresource}


def an_object(*entries: dict[str, Any], **metadata: Any) -> dict[str, Any]:  # noqa: ANN401  any metadata
    """Write an object with these entries."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "managedFields": list(entries), **metadata}}


@pytest.mark.parametrize(
    ("manager", "by_hand"),
    [
        ("kubectl-edit", True),
        ("kubectl", True),
        ("k9s", True),
        ("Lens", True),
        ("lens", False),
        ("helm", False),
        ("kube-controller", False),
    ],
)
def test_who_works_by_hand(manager: str, *, by_hand: bool) -> None:
    """Patterns, as platform.yaml has them."""
    assert is_by_hand(manager, HAND) is by_hand


def test_conflicts_with_oneself_and_with_people_are_resolved() -> None:
    """The others are a person's to decide."""
    conflicts = [Conflict(manager=name, field="spec.a") for name in ("kubectl-edit", "local-cicd", "operator", "helm")]
    assert [each.manager for each in unresolved(conflicts, HAND)] == ["operator", "helm"]
    assert [each.manager for each in unresolved(conflicts, HAND, ours=("helm", "local-cicd"))] == ["operator"]


def test_who_only_writes_the_status_manages_nothing() -> None:
    """Every controller does."""
    assert managers(an_object(entry("a", {}), entry("controller", {}, subresource="status"), entry("a", {}, "Apply"))) == ("a",)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, None),
        ({"annotations": {"meta.helm.sh/release-name": "x", "meta.helm.sh/release-namespace": "y"}}, "the Helm release y/x"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/api"}}, "the Argo CD Application shop"),
        ({"ownerReferences": [{"kind": "Node", "name": "n"}, {"kind": "ReplicaSet", "name": "r", "controller": True}]}, "ReplicaSet r"),
    ],
)
def test_whose_an_object_is(metadata: dict[str, Any], expected: str | None) -> None:
    """A release, an Application, or a controller."""
    assert owner(an_object(**metadata)) == expected


def test_what_was_set_by_hand_becomes_ours() -> None:
    """Merged with what is ours already; what others have set stays theirs."""
    live = an_object(
        entry("local-cicd", {"f:data": {"f:a": {}}}, "Apply"),
        entry("kubectl-edit", {"f:data": {"f:b": {}}}),
        entry("operator", {"f:data": {"f:c": {}}}),
        entry("kubectl", {"f:status": {}}, subresource="status"),
    )
    fields = reclaimed(live, HAND)
    assert fields is not None
    assert {(each["manager"], each["operation"]): each["fieldsV1"] for each in fields} == {
        ("operator", "Update"): {"f:data": {"f:c": {}}},
        ("kubectl", "Update"): {"f:status": {}},
        ("local-cicd", "Apply"): {"f:data": {"f:a": {}, "f:b": {}}},
    }


def test_without_changes_by_hand_there_is_nothing_to_reclaim() -> None:
    """The API server's refusal is then about something else."""
    assert reclaimed(an_object(entry("operator", {})), HAND) is None
