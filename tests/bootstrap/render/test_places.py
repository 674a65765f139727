"""Where secrets would be stand their names: found by comparing two runs."""

import base64
from typing import Any

import pytest

from bootstrap.render.places import Places
from bootstrap.render.source import Known, Random


def places(**values: tuple[str, str]) -> Places:
    """Return the places of secrets with these values in the first and the second run."""
    first, second = ([Known(name=name, source=Random(), value=pair[run]) for name, pair in values.items()] for run in (0, 1))
    return Places(first, second)


def secret(**data: str) -> dict[str, Any]:
    """Write a Secret."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "shop"}, "data": encoded}


def test_values_of_a_secret_are_text_or_places() -> None:
    """What is the same in both runs is no secret."""
    found = places(PASSWORD=("one", "two")).manifest(secret(user="robot", password="one"), secret(user="robot", password="two"))
    assert found["stringData"] == {"user": "robot", "password": "${PASSWORD}"}
    assert "data" not in found


def test_a_secret_inside_a_text_is_replaced_there() -> None:
    """The rest of the text stays readable."""
    found = places(PASSWORD=("one", "two")).values({"url": "db://u:one@host"}, {"url": "db://u:two@host"})
    assert found == {"url": "db://u:${PASSWORD}@host"}


def test_a_secret_that_is_part_of_another_one_does_not_hide_it() -> None:
    """The longer one is looked for first."""
    found = places(KEY=("one", "two"), PAIR=("one-1", "two-2")).values({"a": "one-1"}, {"a": "two-2"})
    assert found == {"a": "${PAIR}"}


def test_what_is_made_of_a_secret_gets_a_place_of_its_own() -> None:
    """A hash, for one, can't be written with the secret's own name."""
    known = places(PASSWORD=("one", "two"))
    found = known.manifest(secret(hash="f00"), secret(hash="ba7"))
    assert found["stringData"] == {"hash": "${SHOP_LOGIN_HASH}"}
    assert known.derived == {"SHOP_LOGIN_HASH": "hash of the Secret shop/login"}


def test_annotations_that_mark_a_change_get_a_sum_or_are_left_out() -> None:
    """They restart pods when a secret changes; how bootstrap makes them can't be written down."""
    first, second = ({"podAnnotations": {"local-cicd.dev/secrets": mark}, "replicas": 1} for mark in ("a", "b"))
    assert places().values(first, second) == {"replicas": 1}
    marked = places().values(first, second, mark="SUM_OF_SHOP")
    assert marked == {"podAnnotations": {"local-cicd.dev/secrets": "${SUM_OF_SHOP}"}, "replicas": 1}


def test_what_can_not_be_written_down_is_an_error() -> None:
    """Rather than a secret in a file."""
    with pytest.raises(ValueError, match=r"server\.0 is made of secrets"):
        places().values({"server": ["a"]}, {"server": ["b"]})
