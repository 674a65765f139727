"""YAML scalars as go-yaml reads them; the expectations were recorded from go-yaml 3.0.1."""

import pytest

from devtools import goyaml

SCALARS = [
    ("true", True),
    ("False", False),
    ("yes", "yes"),
    ("on", "on"),
    ("n", "n"),
    ("~", None),
    ("Null", None),
    ("nULL", "nULL"),
    ("0755", 493),
    ("0o17", 15),
    ("08", 8.0),
    ("-0755", -493),
    ("0x1F", 31),
    ("0b11", 3),
    ("0b2", "0b2"),
    ("1_000", 1000),
    ("_1", "_1"),
    ("1.5", 1.5),
    (".5", 0.5),
    ("1e3", 1000.0),
    ("1e400", "1e400"),
    ("12345e67", 12345e67),
    ("01234567", 342391),
    ("4c1f0d0a", "4c1f0d0a"),
    ("1.2.3", "1.2.3"),
    ("1:30", "1:30"),
    ("190:20:30", "190:20:30"),
    ("-.inf", float("-inf")),
    ("9223372036854775808", 9223372036854775808),
    ("18446744073709551616", 18446744073709551616.0),
    ("-9223372036854775809", -9223372036854775809.0),
    ("2026-13-01", "2026-13-01"),
    ("2026-08-22T10:00:00", "2026-08-22T10:00:00"),
    ('"0755"', "0755"),
    ("'true'", "true"),
    ("!!str 1", "1"),
]

TIMESTAMPS = [
    ("2026-08-22", "2026-08-22T00:00:00Z"),
    ("2026-8-2", "2026-08-02T00:00:00Z"),
    ("2026-08-22T10:00:00Z", "2026-08-22T10:00:00Z"),
    ("2026-08-22 10:00:00", "2026-08-22T10:00:00Z"),
    ("2026-08-22T10:00:00.250+02:00", "2026-08-22T10:00:00.25+02:00"),
    ("2026-08-22t10:00:00-03:30", "2026-08-22T10:00:00-03:30"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_a_scalar_means_what_it_means_to_go(text: str, value: goyaml.Value) -> None:
    """An unquoted scalar has the type that Woodpecker gives it."""
    read = goyaml.load(f"key: {text}")
    assert read == {"key": value}
    assert isinstance(read, dict)
    assert type(read["key"]) is type(value)


@pytest.mark.parametrize(("text", "value"), TIMESTAMPS)
def test_an_unquoted_date_becomes_a_timestamp(text: str, value: str) -> None:
    """A date is the RFC 3339 text that Go makes of it, and known as a timestamp."""
    read = goyaml.load(f"key: {text}")
    assert isinstance(read, dict)
    assert isinstance(read["key"], goyaml.Timestamp)
    assert read["key"] == value


def test_maps_are_merged() -> None:
    """`<<` takes over the keys that the map does not have itself."""
    assert goyaml.load("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}") == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}


@pytest.mark.parametrize(
    ("text", "complaint"), [("a: 1\na: 2", "'a' stands here twice"), ("{[a]: 1}", "a key must be text"), ("a: [", "not valid YAML")]
)
def test_what_go_refuses_is_refused(text: str, complaint: str) -> None:
    """An error says where and what."""
    with pytest.raises(goyaml.YamlError, match=complaint):
        goyaml.load(text)
