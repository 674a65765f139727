"""YAML as Woodpecker reads it (go-yaml v4): YAML 1.2 scalars with the 1.1 forms that go-yaml kept.

`yes`, `no`, `on` and `off` are strings, 0755 is octal, 1_000 is 1000, an unquoted date is a timestamp, a key
that stands twice is an error. PyYAML alone follows YAML 1.1 and gets each of these wrong.
"""

import re
from collections.abc import Hashable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias

import yaml

from devtools.errors import DevError

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

_TAG = "tag:yaml.org,2002:"
_CONSTANTS: dict[str, bool | float | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_RADIX = re.compile(r"[-+]?0([xX][0-9a-fA-F]+|[oO]?[0-7]+|[bB][01]+)")
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_TIMESTAMP = re.compile(
    r"(?P<date>\d{4}-\d{1,2}-\d{1,2})"
    r"(?:(?P<separator>[Tt ])(?P<clock>\d{1,2}:\d{1,2}:\d{1,2})(?:\.(?P<fraction>\d+))?(?P<zone>Z|[-+]\d\d:\d\d)?)?"
)


class Timestamp(str):
    """A YAML timestamp, as the RFC 3339 text that Go makes of it."""

    __slots__ = ()


class YamlError(DevError):
    """The text is not YAML that Woodpecker would read."""


def load(text: str) -> Value:
    """Return the one document of `text`."""
    try:
        document: Value = yaml.load(text, Loader=_Loader)  # noqa: S506  derived from SafeLoader
    except yaml.YAMLError as error:
        raise YamlError(f"not valid YAML: {error}") from None
    return document


def scalar(text: str) -> Value:
    """Return what an unquoted scalar stands for."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "0123456789+-.":
        return text
    if (stamp := _timestamp(text)) is not None:
        return stamp
    plain = text.replace("_", "")
    number = _integer(plain)
    if number is not None and _INT_MIN <= number <= _INT_MAX:
        return number
    # A float that overflows stays text, as in Go.
    if _FLOAT.fullmatch(plain) and abs(value := float(plain)) != float("inf"):
        return value
    return text


def _integer(plain: str) -> int | None:
    if _RADIX.fullmatch(plain):
        digits = plain.lstrip("+-").lower()
        base = {"x": 16, "o": 8, "b": 2}.get(digits[1])
        value = int(digits[2:], base) if base else int(digits, 8)
        return -value if plain.startswith("-") else value
    if re.fullmatch(r"[-+]?(0|[1-9][0-9]*)", plain):
        return int(plain)
    return None


def _timestamp(text: str) -> Timestamp | None:
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return None
    separator, zone = found["separator"], found["zone"]
    # go-yaml takes a zone after T only, and none after a blank.
    if (separator in {"T", "t"} and zone is None) or (separator == " " and zone is not None):
        return None
    try:
        moment = datetime.strptime(f"{found['date']} {found['clock'] or '0:0:0'}", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  the zone follows
    except ValueError:
        return None
    fraction = (found["fraction"] or "").rstrip("0")
    offset = "Z"
    if zone not in {None, "Z", "+00:00", "-00:00"}:
        hours, minutes = zone[1:].split(":")
        delta = timedelta(hours=int(hours), minutes=int(minutes))
        offset = moment.replace(tzinfo=timezone(-delta if zone[0] == "-" else delta)).isoformat()[-6:]
    return Timestamp(f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}{offset}")


class _Loader(yaml.SafeLoader):
    """SafeLoader with go-yaml's rules for plain scalars and for keys."""

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:  # noqa: ANN401  (bool, bool) or bool by kind
        if kind is not yaml.ScalarNode:
            return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]
        if not implicit[0]:
            return f"{_TAG}str"
        return f"{_TAG}merge" if value == "<<" else f"{_TAG}go"

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _value in node.value:
            if key.tag == f"{_TAG}merge":
                continue
            # Woodpecker reads into maps with string keys: 1 and "1" are the same key there.
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                message = "a key must be text" if not isinstance(key, yaml.ScalarNode) else f"the key {key.value!r} stands here twice"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
            seen.add(key.value)
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


def _construct(_loader: _Loader, node: yaml.ScalarNode) -> Value:
    return scalar(node.value)


_Loader.add_constructor(f"{_TAG}go", _construct)
