"""Settings of a plugin step as PLUGIN_* variables, in the encoding of Woodpecker 3.17.

Scalars as text, lists of scalars joined with commas (and not escaped), everything else as compact JSON with sorted keys.
`from_secret` works at any depth; a list that holds one is JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from devtools.errors import DevError
from devtools.goyaml import Timestamp, Value

_INT64_MAX = 2**63 - 1
# Where Go changes to the notation with an exponent: encoding/json, and %v.
_JSON_TINY, _JSON_HUGE = 1e-6, 1e21
_PLAIN_EXPONENTS = range(-4, 6)


class SettingError(DevError):
    """A setting that Woodpecker refuses; the whole pipeline would not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """Variables of a step; `secret` are the names whose value holds a secret."""

    values: dict[str, str] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()


def encode(settings: Mapping[str, Value], secrets: Mapping[str, str], *, prefix: str = "PLUGIN_") -> Variables:
    """Return the variables of `settings`; without prefix those of `environment:`, whose keys keep their case."""
    known = {name.lower(): value for name, value in secrets.items()}
    values: dict[str, str] = {}
    secret: set[str] = set()
    for key, value in settings.items():
        if value is None or not key:
            continue
        name = prefix + (key.upper() if prefix else key).replace(".", "_").replace("-", "_")
        source = _Secrets(known)
        values[name] = _text(value, source)
        if source.used:
            secret.add(name)
    return Variables(values=values, secret=frozenset(secret))


class _Secrets:
    """The secrets of the repository; remembers whether one was asked for."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known
        self.used = False

    def get(self, request: Mapping[str, Value]) -> str:
        name = request["from_secret"]
        if not isinstance(name, str):
            raise SettingError("from_secret has to be a string")
        value = self.known.get(name.lower())
        if value is None:
            raise SettingError(f'secret "{name.lower()}" not found')
        self.used = True
        return value


def _text(value: Value, secrets: _Secrets) -> str:
    if isinstance(value, dict) and "from_secret" in value:
        return secrets.get(value)
    if isinstance(value, list):
        if all(item is None or _is_scalar(item) for item in value):
            return ",".join("" if item is None else _scalar(item) for item in value)
    elif _is_scalar(value):
        return _scalar(value)
    return _json(value, secrets)


def _is_scalar(value: Value) -> bool:
    # Timestamps and what fits only an unsigned integer are no scalars to Woodpecker: they become JSON.
    if isinstance(value, int):
        return value <= _INT64_MAX
    return isinstance(value, float | str) and not isinstance(value, Timestamp)


def _scalar(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return go_float(value) if isinstance(value, float) else str(value)


def go_float(value: float) -> str:
    """Return a float as Go's %v prints it."""
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124  the test for "not a number"
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)  # noqa: S101  infinities are dealt with above
    if value == 0:
        return "-0" if sign else "0"
    magnitude = exponent + len(digits) - 1
    if magnitude in _PLAIN_EXPONENTS:
        return f"{Decimal(repr(value)).normalize():f}"
    mantissa = "".join(map(str, digits))
    fraction = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' if sign else ''}{mantissa[0]}{fraction}e{'-' if magnitude < 0 else '+'}{abs(magnitude):02d}"


def _json(value: Value, secrets: _Secrets) -> str:
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float):
        return _json_float(value)
    if isinstance(value, str):
        return json_string(value)
    if isinstance(value, list):
        return f"[{','.join(_json(item, secrets) for item in value)}]"
    if "from_secret" in value:
        return json_string(secrets.get(value))
    return "{" + ",".join(f"{json_string(key)}:{_json(item, secrets)}" for key, item in sorted(value.items())) + "}"


def _json_float(value: float) -> str:
    if abs(value) < _JSON_HUGE and (abs(value) >= _JSON_TINY or value == 0):
        return f"{Decimal(repr(value)).normalize():f}"
    return go_float(value).replace("e-0", "e-")


def json_string(text: str) -> str:
    """Return a JSON string as Go's encoder writes it."""
    # It also escapes what could end a script element, and the two line separators of JavaScript.
    encoded = json.dumps(text, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        encoded = encoded.replace(character, f"\\u{ord(character):04x}")
    return encoded
