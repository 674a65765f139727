"""What differs between two objects is told field by field."""

from typing import Any

import pytest

from bootstrap.core.change import FieldChange
from bootstrap.core.diff import declared, fields

AN_OBJECT: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the differences as a person reads them."""
    return [str(change) for change in fields({**AN_OBJECT, **before}, {**AN_OBJECT, **after})]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"spec": {"a": 1}}, {"spec": {"a": 1}}, []),
        ({"spec": {"a": 1}}, {"spec": {"a": 2}}, ["spec.a: 1 -> 2"]),
        ({"spec": {"a": True}}, {"spec": {"a": False}}, ["spec.a: true -> false"]),
        ({"spec": {"a": "1"}}, {"spec": {"b": {"c": 2}}}, ["spec.a: 1 -> (none)", "spec.b.c: (none) -> 2"]),
        ({"data": {"a.b/c": "x"}}, {"data": {"a.b/c": "y"}}, ['data["a.b/c"]: x -> y']),
        ({"data": {"a": ""}}, {"data": {"a": "y"}}, ["data.a: '' -> y"]),
        # the API server writes an empty map sometimes, and sometimes not
        ({"spec": {"a": {}}}, {"spec": {}}, []),
        ({}, {"spec": {"a": []}}, []),
        ({"status": {"a": 1}}, {"status": {"a": 2}}, []),
        # items by their names, wherever they stand
        (
            {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}},
            {"spec": {"containers": [{"name": "new", "image": "n"}, {"name": "a", "image": "z"}, {"name": "b", "image": "y"}]}},
            [
                "spec.containers[name=a].image: x -> z",
                "spec.containers[name=new].name: (none) -> new",
                "spec.containers[name=new].image: (none) -> n",
            ],
        ),
        (
            {"ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}]},
            {"ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}, {"containerPort": 80, "protocol": "UDP"}]},
            ["ports[containerPort=80,protocol=TCP].name: (none) -> web"],
        ),
        # without names: by place, or as a whole
        ({"rules": [{"verbs": ["get"]}]}, {"rules": [{"verbs": ["get", "list"]}]}, ['rules[0].verbs: ["get"] -> ["get", "list"]']),
        ({"args": ["a"]}, {"args": ["a", "b"]}, ['args: ["a"] -> ["a", "b"]']),
        ({"data": {"a": "one\ntwo\nthree"}}, {"data": {"a": "one\ntwo"}}, ["data.a: one (and 2 more lines) -> one (and 1 more lines)"]),
    ],
)
def test_fields_are_named_by_their_path(before: dict[str, Any], after: dict[str, Any], expected: list[str]) -> None:
    """As people write paths."""
    assert told(before, after) == expected


def test_another_order_of_named_items_is_a_change() -> None:
    """Containers are started in it."""
    one, other = {"name": "a"}, {"name": "b"}
    assert told({"items": [one, other]}, {"items": [other, one]}) == ['items[order]: ["name=a", "name=b"] -> ["name=b", "name=a"]']


def test_what_the_api_server_keeps_for_itself_is_no_change() -> None:
    """Nor is kubectl's copy of the object, which would show a Secret."""
    noise = {"resourceVersion": "1", "generation": 2, "managedFields": [{}], "uid": "x", "creationTimestamp": "now"}
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    assert told({"metadata": {"name": "a", **noise, "annotations": annotations}}, {"metadata": {"name": "a"}}) == []


def test_values_of_a_secret_are_never_in_a_change() -> None:
    """Only that they are added, changed or removed."""
    before = {"kind": "Secret", "data": {"a": "b2xk", "gone": "Z29uZQ=="}}
    after = {"kind": "Secret", "data": {"a": "bmV3", "more": "bW9yZQ=="}, "type": "Opaque"}
    changes = fields({**AN_OBJECT, **before}, {**AN_OBJECT, **after})
    assert [str(change) for change in changes] == [
        "data.a: (secret) changed",
        "data.gone: (secret) removed",
        "data.more: (secret) added",
        "type: (none) -> Opaque",
    ]
    shown = str([change.json() for change in changes])
    assert not any(value in shown for value in ("b2xk", "Z29uZQ", "bmV3", "bW9yZQ"))


def test_what_a_manifest_does_not_mention_is_not_declared() -> None:
    """Where the API server does not answer, that is all there is to tell."""
    live = {**AN_OBJECT, "spec": {"a": 1, "default": True}}
    assert declared(live, {**AN_OBJECT, "spec": {"a": 2}}) == (FieldChange(path="spec.a", before=1, after=2),)
